"""What asks a run to end, and what does not."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator

import pytest

from robofeed.training.interrupt import catching_interrupt


@pytest.fixture(autouse=True)
def at_a_terminal() -> Iterator[None]:
    """Signals as a terminal sets them: these tests may run under nohup themselves."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    for number in kept:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_noted_and_the_second_ends_it(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), catching_interrupt() as came:
        assert not came()
        os.kill(os.getpid(), number)
        assert came()
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_under_nohup_a_closed_terminal_is_nothing_to_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catching_interrupt() as came:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not came()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("at_terminal", [True, False])
def test_at_a_terminal_it_is_told_what_a_second_one_does(
    at_terminal: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: at_terminal)
    with catching_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
    assert ("Ctrl-C once more ends at once" in capfd.readouterr().err) == at_terminal


def test_a_terminal_that_is_gone_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(descriptor: int, data: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "isatty", lambda descriptor: True)
    monkeypatch.setattr(os, "write", gone)
    with catching_interrupt() as came:
        os.kill(os.getpid(), signal.SIGHUP)
        assert came()
