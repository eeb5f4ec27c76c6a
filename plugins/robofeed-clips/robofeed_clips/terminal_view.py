"""A sitting on the screen of a terminal: clips side by side, in step, and a few lines of words."""

from __future__ import annotations

import os
from collections.abc import Mapping

from robofeed import ConfigError
from robofeed_clips import half_blocks, sixel, wording
from robofeed_clips.config import TerminalConfig
from robofeed_clips.film import Film, Playing
from robofeed_clips.film_shelf import FilmShelf
from robofeed_clips.keys import CellSize, Key
from robofeed_clips.layout import ABOVE, BELOW, Box, arrange, least_size
from robofeed_clips.run_news import RunNews
from robofeed_clips.sitting import Mode, Sitting
from robofeed_clips.terminal import Terminal, colours

_DRAW_EVERY_S = {"half-blocks": 1 / 15, "sixel": 1 / 8}
_USUAL_CLIP = (320, 240)
_BOLD, _DIM, _ALARM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[1;97;41m", "\x1b[0m"


class TerminalView:
    """Shows a sitting until it is over. Raises ConfigError where the terminal is too small."""

    def __init__(
        self,
        terminal: Terminal,
        sitting: Sitting,
        shelf: FilmShelf,
        news: RunNews,
        config: TerminalConfig,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._terminal, self._sitting, self._shelf, self._news = terminal, sitting, shelf, news
        self._deeds = config.deeds()
        depth = colours(environment) if config.colours == "auto" else config.colours
        self._code = half_blocks.true_colour if depth == "24bit" else half_blocks.of_256
        self._sixel, self._cell = config.sixel == "on", CellSize(16, 8)
        if config.sixel != "off":
            says_sixel, self._cell = terminal.asks()
            self._sixel = self._sixel or says_sixel
        self._playing = Playing()
        self._scene: tuple[object, ...] = ()
        self._lines: dict[int, str] = {}
        self._standing: dict[int, half_blocks.Cells] = {}
        self._sixels: dict[tuple[int, int], str] = {}
        self._place = -1

    def run(self) -> None:
        """Show and answer until the person ends it, or the terminal goes."""
        self._refuse_small(*self._terminal.size)
        pause_s = _DRAW_EVERY_S["sixel" if self._sixel else "half-blocks"]
        while not self._sitting.over and not self._terminal.ended:
            self._sitting.tick()
            self._draw()
            for event in self._terminal.events(pause_s):
                if isinstance(event, Key):
                    self._sitting.press(event.name)

    def _refuse_small(self, columns: int, rows: int) -> None:
        if arrange(columns, rows, 2, *_USUAL_CLIP) is None:
            wide, high = least_size(2, *_USUAL_CLIP)
            raise ConfigError(
                f"this terminal is too small to show two clips: {columns} x {rows} characters, "
                f"{wide} x {high} are needed. Make the window larger or its letters smaller, or "
                "use the page (`robofeed label RUN --web`)"
            )

    def _draw(self) -> None:
        sitting, (columns, rows) = self._sitting, self._terminal.size
        query = sitting.query
        film, trouble = self._shelf.film_or_words(
            query, sitting.next_query, wording.key_for(self._deeds, "skip")
        )
        boxes = None
        if film is not None:
            height, width = film.pictures[0].shape[1:3]
            boxes = arrange(columns, rows, len(film.pictures), width, height)
            if boxes is None:
                wide, high = least_size(len(film.pictures), width, height)
                trouble = (
                    f"This terminal is too small for {len(film.pictures)} clips: {columns} x "
                    f"{rows} characters, {wide} x {high} are needed. Make the window larger."
                )
        shows_clips = sitting.mode not in (Mode.CONSENT, Mode.HELP) and boxes is not None
        scene = (columns, rows, query.id if shows_clips and query else None, sitting.mode
                 if not shows_clips else None)  # fmt: skip
        if scene != self._scene or self._terminal.resized:
            self._terminal.resized = False
            self._begin(scene)
        if shows_clips and film is not None and boxes is not None:
            self._show_film(film, boxes)
            trouble = wording.troubles(film.trouble)
            self._write_labels(boxes, columns)
        else:
            self._write_text(columns, rows, trouble)
            trouble = ""
        self._write_frame(columns, rows, trouble)

    def _begin(self, scene: tuple[object, ...]) -> None:
        """A screen of another kind: everything is drawn anew."""
        self._scene = scene
        self._lines.clear()
        self._standing.clear()
        self._sixels.clear()
        self._place = -1
        self._playing.restart()
        self._terminal.write("\x1b[0m\x1b[2J")

    def _show_film(self, film: Film, boxes: list[Box]) -> None:
        self._playing.stand(self._sitting.paused)
        place = film.place(self._playing.at_s)
        if place == self._place:
            return
        self._place = place
        text = []
        for clip, box in enumerate(boxes):
            picture = film.picture(clip, place)
            if self._sixel:
                text.append(f"\x1b[{box.row + 1};{box.column + 1}H")
                frame = min(place, len(film.pictures[clip]) - 1)
                text.append(self._sixel_of(clip, frame, picture, box))
                continue
            cells = half_blocks.to_cells(picture, box.height, box.width)
            drawn = half_blocks.draw(
                cells, self._standing.get(clip), box.row, box.column, self._code
            )
            self._standing[clip] = drawn.standing
            text.append(drawn.text)
        # A terminal that knows these marks shows all of it at once.
        self._terminal.write("\x1b[?2026h" + "".join(text) + "\x1b[?2026l")
        self._sitting.seen()

    def _sixel_of(self, clip: int, place: int, picture: half_blocks.Image, box: Box) -> str:
        if (clip, place) not in self._sixels:
            height = min(box.height * self._cell.height, picture.shape[0])
            width = min(box.width * self._cell.width, picture.shape[1])
            small = half_blocks.scaled(picture, height, width)
            self._sixels[clip, place] = sixel.encode(small)
        return self._sixels[clip, place]

    def _write_labels(self, boxes: list[Box], columns: int) -> None:
        placed = {place for group in self._sitting.draft.groups for place in group}
        for row in {box.row + box.height for box in boxes}:
            text, column = "", 0
            for position, box in enumerate(boxes):
                if box.row + box.height != row:
                    continue
                label = wording.clip_label(self._sitting, position)[: box.width]
                start = box.column + (box.width - len(label)) // 2
                style = "\x1b[1;7m" if position in placed else _BOLD
                text += " " * (start - column) + f"{style}{label}{_PLAIN}"
                column = start + len(label)
            self._line(row, text)

    def _write_text(self, columns: int, rows: int, trouble: str) -> None:
        """Words in the middle of the screen, where clips would be."""
        import textwrap

        width = min(columns - 4, 78)
        if self._sitting.mode is Mode.CONSENT:
            lines = wording.consent_lines(width)
        elif self._sitting.mode is Mode.HELP:
            lines = wording.help_lines(self._deeds)
        else:
            lines = textwrap.wrap(trouble, width)
        room = rows - ABOVE - BELOW
        top = ABOVE + max((room - len(lines)) // 2, 0)
        for row in range(ABOVE, rows - BELOW):
            number = row - top
            line = lines[number] if 0 <= number < len(lines) else ""
            self._line(row, f"  {line[: columns - 2]}")

    def _write_frame(self, columns: int, rows: int, trouble: str) -> None:
        sitting = self._sitting
        query = sitting.query
        title = f"robofeed   {self._news.words()}"
        right = f"question {query.id}   " if query else ""
        right += f"{sitting.stored} answered{'   PAUSED' if sitting.paused else ''}"
        gap = max(columns - len(title) - len(right) - 1, 1)
        self._line(0, f"{_DIM}{(title + ' ' * gap + right)[: columns - 1]}{_PLAIN}")
        self._line(rows - 4, f"{_BOLD}{wording.prompt(sitting)[-columns + 1 :]}{_PLAIN}")
        style = _ALARM if sitting.alarm else ""
        self._line(rows - 3, f"{style}{sitting.message[: columns - 1]}{_PLAIN}")
        self._line(rows - 2, f"{_ALARM if trouble else ''}{trouble[: columns - 1]}{_PLAIN}")
        keys = wording.key_line(self._deeds, len(query.segments) if query else 2)
        self._line(rows - 1, f"{_DIM}{keys[: columns - 1]}{_PLAIN}")

    def _line(self, row: int, text: str) -> None:
        """Write a whole row if it is another one than what stands there."""
        if self._lines.get(row) != text:
            self._lines[row] = text
            self._terminal.write(f"\x1b[{row + 1};1H{text}\x1b[K")
