"""What only torch can say, as pages ask for it."""

from types import SimpleNamespace

from app.services import numbers


def test_a_device_that_is_not_here_is_said_where_the_device_is_named(monkeypatch):
    known = SimpleNamespace(ready=SimpleNamespace(is_set=lambda: True), error=None)
    monkeypatch.setattr(numbers, "libraries", lambda: known)
    try:
        numbers._looked_up.clear()
        monkeypatch.setenv("PEFT_DEVICE", "cuda:99")
        assert numbers.no_device().startswith("PEFT_DEVICE is cuda:99, and torch finds")
        assert numbers.machine() is None and numbers.device() is None
        numbers._looked_up.clear()
        monkeypatch.setenv("PEFT_DEVICE", "cpu")
        where, precision = numbers.machine()
        assert (
            numbers.device() == where
            and numbers.no_device() is None
            and where.startswith("CPU: ")
            and precision in ("bfloat16", "float32")
        )
    finally:
        numbers._looked_up.clear()
