"""The app's handle on runs: a worker kept ready, and whose run it is."""

from app import services
from app.services import runs
from peft_core.training.runs import LocalBackend


def test_a_worker_is_kept_ready_once_the_libraries_are_in_unless_its_memory_is_to_be_saved(open_page, monkeypatch):
    monkeypatch.setattr(
        LocalBackend, "_mind_spare", lambda self, idle: None
    )  # it takes seconds, and nothing trains here
    for setting, kept in (("0", False), ("1", True)):
        monkeypatch.setenv("PEFT_SPARE_WORKER", setting)
        services.backend.clear()
        runs._keep_spare.clear()
        open_page("home")
        assert services.backend().keep_spare is kept
    runs._keep_spare.clear()


def test_the_owner_is_the_token_of_the_browser_whatever_its_mask():
    token = bytes(range(16))
    for mask in (b"abcd", bytes(4)):
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(token))
        assert runs._browser_token(f"2|{mask.hex()}|{masked.hex()}|1700000000") == token
    for odd in (None, "", "2|xx|yy|1", "1|2", "2|00|00|1", "3|00000000|" + "00" * 16 + "|1"):
        assert runs._browser_token(odd) is None
