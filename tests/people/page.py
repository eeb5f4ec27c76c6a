"""Somebody at the page, in a real headless Chromium; what they see is what canvases show."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from .lesson import Order
from .onlooker import Picture

LOOKS, LOOK_EVERY_MS = 5, 210
FLAGS = ("--disable-dev-shm-usage", "--disable-gpu", "--no-sandbox")
"""As root Chromium runs only without its sandbox; a container's /dev/shm is small."""
_CANVASES = """() => [...document.querySelectorAll(".clips canvas")].map(
    (canvas) => canvas.toDataURL("image/png").split(",")[1])"""
_ANOTHER = "before => ![undefined, before].includes(document.body.dataset.question)"
_WAIT_MS = 300_000
"""The next session is held when the arm has made its steps."""


def answer_at_page(
    command: list[str],
    folder: Path,
    questions: int,
    judge: Callable[[list[list[Picture]]], Order],
    looks: int = LOOKS,
) -> None:
    """Train by `command`, and answer every question at the page as `judge` says."""
    log = folder / "log"
    with log.open("wb") as file:
        training = subprocess.Popen(
            [*command, "--set", "feedback.web.port=0"], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        with chromium_page() as page:
            page.goto(f"{link(log, training)}#label")
            page.wait_for_selector("#agree:visible, body[data-question]")
            if page.is_visible("#agree"):
                page.keyboard.press("Enter")
            for number in range(questions):
                page.wait_for_selector("body[data-question]")
                answer(page, judge(watch(page, looks)), last=number == questions - 1)
            page.wait_for_selector("#outbox[data-waiting='0']")
            assert training.wait(_WAIT_MS / 1000) == 0, log.read_text()
    finally:
        training.kill()
        training.wait()


def watch(page: Page, looks: int) -> list[list[Picture]]:
    """Look at all clips several times, spread over a little more than the clips last."""
    seen = []
    for _ in range(looks):
        seen.append(
            [
                np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
                for png in page.evaluate(_CANVASES)
            ]
        )
        page.wait_for_timeout(LOOK_EVERY_MS)
    return seen


def answer(page: Page, order: Order, last: bool) -> None:
    """Press the keys, and wait for another question where one is to come."""
    before = page.get_attribute("body", "data-question")
    # The last one is the worst by itself.
    for place in order[:-1]:
        page.keyboard.press(str(place + 1))
    if not last:
        page.wait_for_function(_ANOTHER, arg=before)


@contextlib.contextmanager
def chromium_page() -> Iterator[Page]:
    """A page of a browser of its own."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page()
        page.set_default_timeout(_WAIT_MS)
        yield page
        browser.close()


def link(log: Path, training: subprocess.Popen[bytes]) -> str:
    """What training printed for the browser."""
    for _ in range(1800):
        if found := re.search(r"http://\S+token=\S+", log.read_text()):
            return found.group()
        with contextlib.suppress(subprocess.TimeoutExpired):
            training.wait(0.1)
            break
    raise AssertionError(log.read_text())
