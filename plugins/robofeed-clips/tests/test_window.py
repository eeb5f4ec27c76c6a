"""A person at a window on a virtual screen: real keys through the X server, real pixels back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.feedback import Consent, Feedback, Ranking, Retraction
from robofeed.data.ledger import Ledger

pytestmark = [pytest.mark.needs("Xvfb"), pytest.mark.needs("xdotool"), pytest.mark.timeout(240)]
MakeRun = Callable[..., Path]
_HEADER = np.dtype(">u4")


class Screen:
    """A virtual screen: its pixels, and keys pressed at it."""

    def __init__(self, folder: Path) -> None:
        self._server = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24"),
                *("-fbdir", str(folder), "-nolisten", "tcp"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._server.stdout is not None
        self._dump = folder / "Xvfb_screen0"
        self.environment = {
            **os.environ,
            "DISPLAY": f":{self._server.stdout.readline().strip()}",
            "OMP_NUM_THREADS": "1",
        }

    def press(self, *keys: str) -> None:
        """Press keys, by X's names, wherever the pointer is."""
        pointed = ("mousemove", "100", "60")
        subprocess.run(["xdotool", *pointed, "key", *keys], env=self.environment, check=True)

    def picture(self) -> np.ndarray:
        """uint8 [height, width, 3], from the X window dump that Xvfb keeps the screen in."""
        dump = self._dump.read_bytes()
        header = np.frombuffer(dump, _HEADER, 25)
        size, width, height, line, colours = (int(header[place]) for place in (0, 4, 5, 12, 19))
        start = size + 12 * colours
        rows = np.frombuffer(dump[start : start + line * height], np.uint8).reshape(height, line)
        return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]

    def close(self) -> None:
        """Take it away."""
        self._server.terminate()
        self._server.wait(timeout=20)
        assert self._server.stdout is not None
        self._server.stdout.close()


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    started = Screen(tmp_path)
    yield started
    started.close()


def labelling(screen: Screen, run: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*(sys.executable, "-m", "robofeed", "label", str(run)), "--terminal", "--window"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=screen.environment,
    )


def until(seen: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < end_s, f"not seen: {what}"
        time.sleep(0.1)


def shows_words(picture: np.ndarray) -> bool:
    """Light letters on the window's dark ground, and nothing as white as a clip of the point."""
    return bool((picture == (24, 24, 27)).all(axis=2).mean() > 0.2) and not shows_clips(picture)


def shows_clips(picture: np.ndarray) -> bool:
    """The example plugin draws its point on a white ground."""
    return bool((picture[:120] > 250).all(axis=2).mean() > 0.05)


def said(run: Path) -> list[Feedback]:
    ledger = Ledger.open(run / "feedback.sqlite")
    try:
        return [entry.feedback for entry in ledger.since()]
    finally:
        ledger.close()


def test_pairs_are_ranked_by_keys_in_a_window(screen: Screen, make_run: MakeRun) -> None:
    run = make_run(5)
    shown = labelling(screen, run)
    until(lambda: shows_words(screen.picture()), "the text to agree to")
    screen.press("y")
    until(lambda: shows_clips(screen.picture()), "two clips")
    frames = {screen.picture()[:120].tobytes() for _ in range(20) if not time.sleep(0.05)}
    assert len(frames) > 4, "the clips move"
    for count, key in enumerate(("1", "2", "Left", "u"), 2):
        until(lambda: shows_clips(screen.picture()), "the next clips")
        screen.press(key)
        until(lambda count=count: len(said(run)) == count, f"key {key} in the ledger")
    screen.press("question")
    until(lambda: shows_words(screen.picture()), "every key and what it does")
    screen.press("x", "q")
    out, error = shown.communicate(timeout=60)

    assert (shown.returncode, error) == (0, "")
    assert f"2 answers stored; go on with: robofeed label {run} --terminal --window" in out
    consent, first, second, third, taken_back = said(run)
    assert isinstance(consent, Consent)
    orders = [each.order for each in (first, second, third) if isinstance(each, Ranking)]
    # Clips are shown in the order (1, 0): the one on the left is clip 1.
    assert orders == [((1,), (0,)), ((0,), (1,)), ((1,), (0,))]
    assert isinstance(taken_back, Retraction)


def test_ctrl_c_ends_it_and_keeps_the_answers(screen: Screen, make_run: MakeRun) -> None:
    run = make_run(3)
    shown = labelling(screen, run)
    until(lambda: shows_words(screen.picture()), "the text to agree to")
    screen.press("y")
    until(lambda: shows_clips(screen.picture()), "two clips")
    screen.press("1")
    until(lambda: len(said(run)) == 2, "an answer in the ledger")
    shown.send_signal(signal.SIGINT)
    out, error = shown.communicate(timeout=60)

    assert (shown.returncode, error) == (0, "")
    assert "1 answers stored" in out
