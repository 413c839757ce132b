"""The files of deploy/ start the server that there is, and agree with one another."""

import re
import shlex
import subprocess

import pytest
import yaml

from deploy import check
from peft_core.cli import serve as command
from peft_core.paths import ROOT
from peft_core.serving.start import Service

DEPLOY = ROOT / "deploy"
TEXT = {path.name: path.read_text(encoding="utf-8") for path in DEPLOY.iterdir() if path.is_file()}
COMPOSE = yaml.safe_load(TEXT["compose.yaml"])["services"]["app"]


def entrypoint():
    return yaml.safe_load(re.search(r"^ENTRYPOINT (\[.*\])$", TEXT["Containerfile"], re.MULTILINE)[1])


def of_the_unit():
    joined = TEXT["peft-classroom@.service"].replace("\\\n", " ").replace("%i", "8501")  # peft-classroom@8501
    return shlex.split(re.search(r"^ExecStart=(.*)$", joined, re.MULTILINE)[1])


@pytest.mark.parametrize("words", [entrypoint() + COMPOSE["command"], of_the_unit()], ids=["container", "systemd"])
def test_the_options_are_those_of_serve_and_the_address_is_the_one_in_the_proxies(words, run, monkeypatch, tmp_path):
    """The folder is another one here, nothing is started, and the port may be taken."""
    started = []
    monkeypatch.setattr(command, "become", lambda *become: started.append(become))
    monkeypatch.setattr(Service, "check", lambda self: None)
    for variable in ("PEFT_RUNS_DIR", "PEFT_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "before"))
    assert words[1:4] == ["-m", "peft_core", "serve"]
    data = words.index("--data") + 1
    code, out, err = run("serve", *words[4:data], tmp_path / "data", *words[data + 1 :])
    assert code == 0, err
    assert "https://school.example/peft/teacher" in out
    ((server, environment),) = started
    assert environment["PEFT_LOG"] == "json"
    port = server[server.index("--server.port") + 1]
    for proxy in ("nginx.conf", "Caddyfile"):
        assert f"127.0.0.1:{port}" in TEXT[proxy]
        assert "school.example" in TEXT[proxy]
        assert "/peft/" in TEXT[proxy]


def test_the_container_has_a_user_a_volume_and_no_open_port_but_this_machines():
    assert COMPOSE["ports"] == ["127.0.0.1:8501:8501"]  # so the proxy alone is asked what a visitor's address is
    assert COMPOSE["volumes"] == ["data:/data"]
    assert COMPOSE["read_only"] is True
    instructions = [line.split()[0] for line in TEXT["Containerfile"].splitlines() if re.match("[A-Z]+ ", line)]
    assert {"USER", "VOLUME", "HEALTHCHECK"} <= set(instructions)
    copied = re.findall(r"^COPY (\S+)", TEXT["Containerfile"], re.MULTILINE)
    assert all((ROOT / name).exists() for name in copied)
    kept = set((ROOT / ".dockerignore").read_text().split())
    assert {f"!{name}" for name in [*copied, "requirements.txt"]} <= kept


def test_no_file_holds_a_password_and_what_is_not_tried_is_said(capsys, monkeypatch):
    assert COMPOSE["environment"]["PEFT_CLASS_PASSWORD"] == "${PEFT_CLASS_PASSWORD:-}"
    assert not re.search(r"PEFT_CLASS_PASSWORD=\w", TEXT["peft-classroom@.service"])
    monkeypatch.setattr(check.shutil, "which", lambda program: None)
    monkeypatch.setattr(check, "directly", lambda app: None)
    monkeypatch.setattr(check, "served", lambda folder: check.tempfile.TemporaryDirectory())
    assert check.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("tried") for line in lines) == 1
    assert sum(line.startswith("not tried") for line in lines) == 6


def test_what_fails_is_said_and_is_the_exit_code(capsys, monkeypatch):
    def fails(app):
        raise AssertionError("the websocket is open")

    monkeypatch.setattr(check.shutil, "which", lambda program: None)
    monkeypatch.setattr(check, "directly", fails)
    monkeypatch.setattr(check, "served", lambda folder: check.tempfile.TemporaryDirectory())
    assert check.main() == 1
    assert "FAILED     serve: base path, password, websockets: the websocket is open" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_browser_meets_the_app_that_serve_starts(tmp_path):
    with check.served(tmp_path) as port:
        check.directly(port)
        log = (tmp_path / f"app-{port}.log").read_text()
    assert '"event": "page", "path": "/lora"' in log
    assert check.PASSWORD not in log
    assert subprocess.run(["grep", "-rqF", check.PASSWORD, str(tmp_path)]).returncode == 1


# ---------------------------------------------------------------------------------------------------------------------
# Windows

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_gives_readmes_four_lines_on_a_windows_machine():
    job = WORKFLOW["jobs"]["windows"]
    assert job["runs-on"] == "windows-latest"
    given = "\n".join(step["run"] for step in job["steps"] if "run" in step).replace('python "-m', "python -m")
    lines = re.findall(r"^    (python -m venv.*|\.venv\\Scripts\\.*)$", README, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        assert not set(line) & set("$&|;~")  # the same in PowerShell and in cmd
        assert line in given


def test_what_is_not_supported_is_said_before_the_first_command():
    before = README.partition("    make app")[0]
    assert all(words in before for words in ("Python 3.11", "Intel Macs", "Windows on ARM"))
