"""A sitting in an OpenCV window: clips side by side, in step. The only file that needs cv2."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from robofeed import ConfigError
from robofeed_clips import wording
from robofeed_clips.config import TerminalConfig
from robofeed_clips.film import Playing
from robofeed_clips.film_shelf import FilmShelf
from robofeed_clips.half_blocks import Image
from robofeed_clips.run_news import RunNews
from robofeed_clips.sitting import Mode, Sitting

TITLE = "robofeed"
_GAP_PX, _LINE_PX, _LABEL_PX = 8, 22, 26
_LEAST_WIDTH_PX = 760
_LINES = 5
_COLUMN = re.compile(r"(\S.*?)  +(\S.*)")
"""A key and its meaning: the window's letters differ in width, so blanks align nothing."""
_COLUMN_PX = 120
_BACKGROUND, _INK, _ALARM = (24, 24, 27), (235, 235, 235), (90, 90, 255)
_WAIT_MS = 20
_KEYS = {8: "backspace", 9: "tab", 10: "enter", 13: "enter", 27: "escape", 32: "space"}
# GTK's and Qt's key symbols, with and without the bit of a locked keypad.
_KEYS |= {0xFF51: "left", 0xFF52: "up", 0xFF53: "right", 0xFF54: "down", 0xFF8D: "enter"}


def check_display(environment: Mapping[str, str] = os.environ) -> None:
    """Raise ConfigError where there is no screen, or no OpenCV, to show a window with."""
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise ConfigError(
            "there is no display for a window (neither DISPLAY nor WAYLAND_DISPLAY is set). Leave "
            "out --window to answer in the terminal, or use `ssh -X`"
        )
    _cv2()


def side_by_side(pictures: list[Image]) -> Image:
    """Pictures in a row on the window's background, with room for a label under each."""
    height = max(len(picture) for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + _GAP_PX * (len(pictures) - 1)
    canvas = np.empty((height + _LABEL_PX, width, 3), np.uint8)
    canvas[:] = _BACKGROUND
    left = 0
    for picture in pictures:
        canvas[: len(picture), left : left + picture.shape[1]] = picture
        left += picture.shape[1] + _GAP_PX
    return canvas


def key_name(code: int) -> str | None:
    """The name of a key (as in `keys.py`) from `cv2.waitKeyEx`, None for one without."""
    if code < 0:
        return None
    code &= 0xFFFF
    if code in _KEYS:
        return _KEYS[code]
    return chr(code) if 32 < code < 127 else None


class Window:
    """A context that shows a sitting until it is over or the window is shut.

    Raises:
        ConfigError: the window cannot be opened.
    """

    def __init__(
        self, sitting: Sitting, shelf: FilmShelf, news: RunNews, config: TerminalConfig
    ) -> None:
        self._sitting, self._shelf, self._news = sitting, shelf, news
        self._deeds = config.deeds()
        self._cv2 = _cv2()
        self._playing = Playing()
        self._shown = ""
        self._ended = False
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> Window:
        try:
            # WINDOW_GUI_NORMAL: without a tool bar, whose buttons would do nothing useful here.
            look = self._cv2.WINDOW_AUTOSIZE | self._cv2.WINDOW_GUI_NORMAL
            self._cv2.namedWindow(TITLE, look)
        except self._cv2.error as error:
            raise ConfigError(f"the window cannot be opened: {error}") from error
        for number in (signal.SIGINT, signal.SIGTERM):
            self._signals[number] = signal.signal(number, self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        self._cv2.destroyAllWindows()

    def run(self) -> None:
        """Show and answer."""
        while not self._sitting.over and not self._ended:
            self._sitting.tick()
            self._cv2.imshow(TITLE, self.picture()[:, :, ::-1])
            name = key_name(self._cv2.waitKeyEx(_WAIT_MS))
            if name is not None:
                self._sitting.press(name)
            if self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1:
                return

    def picture(self) -> Image:
        """What the window shows now, as RGB."""
        sitting = self._sitting
        film, trouble = self._shelf.film_or_words(
            sitting.query, sitting.next_query, wording.key_for(self._deeds, "skip")
        )
        if sitting.mode is Mode.CONSENT:
            return self._words(wording.consent_lines(80))
        if sitting.mode is Mode.HELP:
            return self._words(wording.help_lines(self._deeds))
        if film is None:
            return self._words([trouble])
        if sitting.query is not None and sitting.query.id != self._shown:
            self._shown = sitting.query.id
            self._playing.restart()
        self._playing.stand(sitting.paused)
        place = film.place(self._playing.at_s)
        pictures = [film.picture(clip, place) for clip in range(len(film.pictures))]
        row = side_by_side(pictures)
        left = 0
        for position, picture in enumerate(pictures):
            self._text(row, wording.clip_label(sitting, position), left + 6, len(row) - 8)
            left += picture.shape[1] + _GAP_PX
        sitting.seen()
        return self._with_lines(row, wording.troubles(film.trouble))

    def _words(self, lines: list[str]) -> Image:
        canvas = np.empty((_LINE_PX * max(len(lines) + 2, 8), _LEAST_WIDTH_PX, 3), np.uint8)
        canvas[:] = _BACKGROUND
        for number, line in enumerate(lines, 1):
            row = _COLUMN.fullmatch(line)
            columns = row.groups() if row else (line,)
            for place, words in enumerate(columns):
                self._text(canvas, words, 12 + _COLUMN_PX * place, _LINE_PX * (number + 1))
        return self._with_lines(canvas, "")

    def _with_lines(self, picture: Image, trouble: str) -> Image:
        """The lines of words under what is shown."""
        sitting = self._sitting
        query = sitting.query
        width = max(picture.shape[1], _LEAST_WIDTH_PX)
        canvas = np.empty((len(picture) + _LINE_PX * _LINES + 8, width, 3), np.uint8)
        canvas[:] = _BACKGROUND
        canvas[: len(picture), : picture.shape[1]] = picture
        state = f"{self._news.words()}   {sitting.stored} answered"
        lines = (
            (wording.prompt(sitting), _INK),
            (sitting.message, _ALARM if sitting.alarm else _INK),
            (trouble, _ALARM),
            (wording.key_line(self._deeds, len(query.segments) if query else 2), _INK),
            (state + ("   PAUSED" if sitting.paused else ""), _INK),
        )
        for number, (line, colour) in enumerate(lines, 1):
            self._text(canvas, line, 12, len(picture) + _LINE_PX * number, colour)
        return canvas

    def _text(
        self, canvas: Image, text: str, x: int, y: int, colour: tuple[int, int, int] = _INK
    ) -> None:
        plain = text.translate(str.maketrans("←→↑↓", "<>^v"))
        font = self._cv2.FONT_HERSHEY_SIMPLEX
        self._cv2.putText(canvas, plain, (x, y), font, 0.5, colour, 1, self._cv2.LINE_AA)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ended = True


def _cv2() -> Any:
    # Qt inside OpenCV warns of fonts that it does not ship; OpenCV draws its own.
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(
            f"a window needs OpenCV, which does not load ({error}). Install it with: "
            "pip install -c constraints.txt -e 'plugins/robofeed-clips[window]' in the checkout "
            "(and Debian's libgl1 and libglib2.0-0), or leave out --window"
        ) from error
    return cv2
