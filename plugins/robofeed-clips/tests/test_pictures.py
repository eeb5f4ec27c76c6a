"""Pictures as half blocks and as sixels, read back as a terminal reads them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_clips import half_blocks, sixel
from robofeed_clips.half_blocks import nearest_256, rgb_of_256, scaled, to_cells
from robofeed_clips.layout import arrange, least_size


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


class Screen:
    """A terminal that knows what half blocks need: cursor, 24-bit and 256 colours."""

    def __init__(self, rows: int, columns: int) -> None:
        self.cells = np.zeros((rows, columns, 6), np.uint8)
        self.written = 0

    def take(self, text: str) -> None:
        row = column = 0
        upper = lower = [0, 0, 0]
        for codes, final, letter in re.findall(r"\x1b\[([\d;]*)([Hm])|(.)", text):
            numbers = [int(code) for code in codes.split(";") if code]
            if final == "H":
                row, column = numbers[0] - 1, numbers[1] - 1
            elif final == "m" and numbers[0]:
                colour = numbers[2:]
                if numbers[1] == 5:
                    colour = rgb_of_256(np.array(numbers[2], np.uint8)).tolist()
                upper, lower = (colour, lower) if numbers[0] == 38 else (upper, colour)
            elif letter:
                assert letter == "▀"
                self.cells[row, column] = [*upper, *lower]
                self.written += 1
                column += 1


def test_a_picture_arrives_pixel_by_pixel() -> None:
    picture, screen = noise(1, 12, 9), Screen(10, 20)

    cells = to_cells(picture, 6, 9)
    screen.take(half_blocks.draw(cells, None, 2, 5, half_blocks.true_colour).text)

    shown = screen.cells[2:8, 5:14]
    np.testing.assert_array_equal(shown[:, :, :3], picture[0::2])
    np.testing.assert_array_equal(shown[:, :, 3:], picture[1::2])


def test_only_what_changed_is_written_and_small_errors_do_not_add_up() -> None:
    screen, standing = Screen(6, 9), None
    cells = to_cells(noise(2, 12, 9) // 2, 6, 9)
    for step in range(30):
        cells = cells + np.uint8(1)  # never enough at once to be seen
        cells[step % 6, step % 9] = 250
        drawn = half_blocks.draw(cells, standing, 0, 0, half_blocks.true_colour)
        before, standing = screen.written, drawn.standing
        screen.take(drawn.text)
        np.testing.assert_array_equal(screen.cells, standing)
        assert np.abs(standing.astype(int) - cells).max() <= 10
        assert step == 0 or screen.written - before <= 54
    assert half_blocks.draw(cells, cells, 0, 0, half_blocks.true_colour).text == ""


def test_256_colours_are_the_nearest_there_are() -> None:
    pixels = noise(3, 20, 20)

    off = np.abs(rgb_of_256(nearest_256(pixels)).astype(int) - pixels)
    assert off.max() <= 48 and nearest_256(pixels).min() >= 16
    palette = np.arange(16, 256, dtype=np.uint8)
    np.testing.assert_array_equal(rgb_of_256(nearest_256(rgb_of_256(palette))), rgb_of_256(palette))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_scaling_keeps_the_brightness(height: int, width: int, data: st.DataObject) -> None:
    picture = np.full((height, width, 3), 77, np.uint8)
    small = scaled(picture, data.draw(st.integers(1, height)), data.draw(st.integers(1, width)))

    assert (small == 77).all()


def decoded(text: str) -> np.ndarray:
    """What a VT340 makes of a sixel picture."""
    begin, body, end = text[:7], text[7:-2], text[-2:]
    assert begin == '\x1bP0;1q"' and end == "\x1b\\"
    raster = re.match(r"(\d+);(\d+);(\d+);(\d+)", body)
    assert raster is not None
    width, height = int(raster[3]), int(raster[4])
    picture = np.zeros((height + 6, width, 3), np.uint8)
    colours: dict[int, list[int]] = {}
    colour = x = top = 0
    for define, choose, count, letter, command in re.findall(
        r"#(\d+;2;\d+;\d+;\d+)|#(\d+)|!?(\d*)([?-~])|([$-])", body[raster.end() :]
    ):
        if define:
            number, _, *percent = (int(part) for part in define.split(";"))
            colours[number] = [round(255 * part / 100) for part in percent]
        elif choose:
            colour = int(choose)
        elif letter:
            bits = ord(letter) - 63
            for _ in range(int(count or 1)):
                for bit in range(6):
                    if bits >> bit & 1:
                        picture[top + bit, x] = colours[colour]
                x += 1
        elif command:
            x, top = 0, top + (6 if command == "-" else 0)
    return picture[:height]


@given(st.integers(0, 99), st.integers(1, 20), st.integers(1, 30))
def test_sixels_are_decoded_to_the_picture(seed: int, height: int, width: int) -> None:
    picture = noise(seed, height, width)

    shown = decoded(sixel.encode(picture))
    meant = rgb_of_256(nearest_256(picture))
    assert shown.shape == picture.shape
    assert np.abs(shown.astype(int) - meant).max() <= 2, "a hundredth, as sixels count"


def test_even_surfaces_make_short_sixels() -> None:
    assert len(sixel.encode(np.full((120, 160, 3), 200, np.uint8))) < 400


@given(st.integers(20, 300), st.integers(8, 100), st.integers(2, 5))
def test_boxes_fit_the_screen_and_do_not_touch(columns: int, rows: int, clips: int) -> None:
    boxes = arrange(columns, rows, clips, 320, 240)

    if boxes is None:
        return
    taken = np.zeros((rows, columns), int)
    for box in boxes:
        assert box.row >= 1 and box.row + box.height + 1 <= rows - 4
        taken[box.row : box.row + box.height + 1, box.column : box.column + box.width] += 1
        assert box.column >= 0 and box.column + box.width <= columns
    assert len(boxes) == clips and taken.max() == 1


@pytest.mark.parametrize("clips", [2, 3, 4, 5])
def test_the_size_that_is_asked_for_is_enough(clips: int) -> None:
    columns, rows = least_size(clips, 320, 240)

    assert arrange(columns, rows, clips, 320, 240) is not None
    assert arrange(80, 24, clips, 320, 240) is not None, "the usual terminal is large enough"
    assert arrange(30, 10, clips, 320, 240) is None
