"""`serve` says where the app is and whom it is for, and starts it with no secret in its command or environment."""

import os
import socket
import sys
from itertools import pairwise

import pytest

from peft_core.cli import serve as command
from peft_core.serving import keys as module
from peft_core.serving import start
from peft_core.serving.keys import Keys
from peft_core.serving.start import Service


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What `serve` would have become, as (command, environment) in a list; nothing is started."""
    calls = []
    monkeypatch.setattr(command, "become", lambda *become: calls.append(become))
    monkeypatch.setattr(module, "_SCRYPT", {"n": 2, "r": 1, "p": 1})
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PEFT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PEFT_CLASS_PASSWORD", raising=False)
    return calls


@pytest.fixture
def free(monkeypatch):
    """The address is free, whatever else runs on this machine."""
    monkeypatch.setattr(Service, "check", lambda self: None)


def option(command, name):
    """The values that an option of a command is given, in order."""
    return [value for flag, value in pairwise(command) if flag == f"--{name}"]


def test_it_is_for_this_machine_alone_unless_told_and_data_lie_where_told(run, started, free, tmp_path):
    code, out, _ = run("serve", "--data", tmp_path / "data", "--port", 8700)
    assert code == 0
    ((starting, environment),) = started
    assert option(starting, "server.address") == ["127.0.0.1"]
    assert option(starting, "server.port") == ["8700"]
    assert option(starting, "server.baseUrlPath") == []
    assert environment["PEFT_RUNS_DIR"] == str(tmp_path / "data" / "runs")
    assert "http://127.0.0.1:8700/\n" in out
    assert "plain HTTP" not in out
    assert Keys(tmp_path / "data" / "runs" / ".server").has_teacher


def test_a_class_on_every_network_with_a_path_names_and_workers(run, started, free, monkeypatch):
    monkeypatch.setattr(start, "own_address", lambda: "192.0.2.5")
    arguments = ["--class", "7b", "--workers", 3, "--bind", "0.0.0.0", "--base-path", "/peft/", "--host", "a.example"]
    code, out, _ = run("serve", *arguments, "--log", "json")
    assert code == 0
    (starting, environment), *_ = started
    assert option(starting, "server.baseUrlPath") == ["peft"]
    assert option(starting, "server.allowedHosts") == ["a.example", "127.0.0.1", "::1", "localhost"]
    assert environment["PEFT_CLASS"] == "7b"
    assert environment["PEFT_WORKERS"] == "3"
    assert environment["PEFT_LOG"] == "json"
    assert "https://a.example/peft/teacher\n" in out
    assert "plain HTTP" not in out
    out = run("serve", "--bind", "0.0.0.0", "--base-path", "peft")[1]
    assert "http://192.0.2.5:8501/peft/teacher\n" in out
    assert "plain HTTP" in out


def test_the_password_of_the_variable_is_set_and_goes_no_further(run, started, free, monkeypatch, tmp_path):
    monkeypatch.setenv("PEFT_CLASS_PASSWORD", "open sesame")
    assert run("serve")[0] == 0
    keys = Keys(tmp_path / "elsewhere" / ".server")
    assert keys.is_password("open sesame")
    ann = keys.new_visitor()
    cookie = keys.class_cookie(ann)
    _, out, err = run("serve")  # again: nobody has to enter again
    assert keys.entered(ann, cookie)
    for starting, environment in started:
        assert "sesame" not in " ".join([*starting, *environment.values(), out, err])
    assert run("serve", "--no-password")[0] == 0
    assert not keys.has_password


def test_the_password_is_asked_for_and_not_shown(run, started, free, monkeypatch, tmp_path):
    asked = []

    def prompt(text, **options):
        asked.append(options)
        return "typed"

    monkeypatch.setattr(command.typer, "prompt", prompt)
    assert run("serve", "--password")[0] == 0
    assert asked == [{"hide_input": True, "confirmation_prompt": True}]
    assert Keys(tmp_path / "elsewhere" / ".server").is_password("typed")


def test_the_teachers_key_goes_to_a_terminal_and_into_no_log(run, started, free, monkeypatch, tmp_path):
    keys = Keys(tmp_path / "elsewhere" / ".server")
    key = keys.teacher_key()
    out = run("serve")[1]
    assert key not in out
    assert os.path.join(".server", "teacher") in out
    terminal = command._told(Service(), keys, key, on_terminal=True)
    assert any(key in line for line in terminal)
    assert "█" not in terminal[0]  # a phone that reads 127.0.0.1 looks for the app on itself
    assert "█" in command._told(Service(bind="0.0.0.0"), keys, key, on_terminal=True)[0]
    run("serve", "--new-key")
    assert keys.teacher_key() != key


def test_the_qr_code_is_the_address():
    """Read back with the library's own matrix: a module is dark in the drawing where it is dark in the code."""
    import segno

    drawn = command._qr_code("http://192.0.2.5:8501/").splitlines()
    matrix = list(segno.make("http://192.0.2.5:8501/", error="m").matrix_iter(border=2))
    rows = []
    for line in drawn:
        plain = line.replace("\x1b[7m", "").replace("\x1b[0m", "").replace("\x1b[49m", "")
        rows.append([character in "█▀" for character in plain])
        rows.append([character in "█▄" for character in plain])
    light = [[not module for module in row] for row in matrix]
    assert [row[: len(light[0])] for row in rows[: len(light)]] == light


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--log", "xml"], "choose text or json"),
        (["--workers", "0"], "choose a number from 1"),
        (["--base-path", "a?b"], "use letters"),
        (["--base-path", "../a"], "use letters"),
        (["--port", "99999"], "cannot be listened on"),
        (["--bind", "203.0.113.77"], "cannot be listened on"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(run, started, options, said):
    code, _, err = run("serve", *options)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert started == []


def test_a_port_that_is_taken_is_told_before_anything_is_written(run, started, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run("serve", "--port", taken.getsockname()[1], "--data", tmp_path / "data")
    assert code == 2
    assert "choose another --port" in err
    assert not (tmp_path / "data").exists()


def test_the_command_is_this_python_and_the_script_of_the_app():
    command = Service().command()
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert command[4].endswith(os.path.join("app", "main.py"))
