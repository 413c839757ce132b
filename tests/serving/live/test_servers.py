"""Servers over one folder know of each other as long as they live, and no longer."""

import os
import subprocess
import sys

from peft_core.paths import ROOT
from peft_core.serving.live.servers import FORGOTTEN, Servers


def test_a_server_sees_the_others_and_not_itself(tmp_path):
    first, second = (Servers(tmp_path / "servers", name) for name in ("first", "second"))
    assert first.others() == 0
    first.sign_on()
    assert first.others() == 0 and second.others() == 1
    second.sign_on()
    assert first.others() == second.others() == 1
    first.sign_off()
    assert second.others() == 0
    first.sign_off()  # once is enough


def test_one_that_was_killed_is_not_there_any_more_and_its_file_goes(tmp_path):
    code = "from pathlib import Path; from peft_core.serving.live.servers import Servers; import time\n"
    code += f"one = Servers(Path({str(tmp_path)!r}), 'killed'); one.sign_on(); print('on', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "on\n"
        here = Servers(tmp_path, "here")
        assert here.others() == 1
        process.kill()
        process.wait()
        assert here.others() == 0
    file = tmp_path / "killed.lock"
    assert file.exists()
    os.utime(file, (0, file.stat().st_mtime - FORGOTTEN - 1))
    assert here.others() == 0 and not file.exists()


def test_where_nothing_can_be_written_the_log_says_so(tmp_path, caplog):
    (tmp_path / "servers").write_text("a file where the folder should be")
    one = Servers(tmp_path / "servers", "one")
    one.sign_on()
    assert "no other server" not in caplog.text and "do not see this one" in caplog.text
    assert one.others() == 0
    one.sign_off()
