"""A real Chromium, headless, and what a person does in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

WAIT_MS = 30_000
FLAGS = ("--disable-dev-shm-usage", "--disable-gpu", "--no-sandbox")
"""As root Chromium runs only without its sandbox; a container's /dev/shm is small."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def come_in(page: Page, url: str, view: str = "label") -> Page:
    """Open a link, agree to the text where it is asked for, and wait for the view."""
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{url}#{view}")
    page.wait_for_function("location.search === ''")
    if view == "label":
        page.wait_for_selector("#agree:visible, body[data-question]")
        if page.is_visible("#agree"):
            page.keyboard.press("Enter")
        page.wait_for_selector("body[data-question]")
    else:
        page.wait_for_selector(f"body[data-view={view}]")
    return page


def ask_for_controls(page: Page) -> None:
    """Click for them, and agree to the text where it is asked for."""
    page.click("#take")
    if page.is_visible("#agree"):
        page.click("#agree")


def question_shown(page: Page) -> str:
    page.wait_for_selector("body[data-question]")
    return str(page.get_attribute("body", "data-question"))


def answer(page: Page, *keys: str) -> float:
    """Press keys and wait for another question; returns after how many ms it was there."""
    before = question_shown(page)
    for key in keys:
        page.keyboard.press(key)
    another = "before => ![undefined, before].includes(document.body.dataset.question)"
    page.wait_for_function(another, arg=before)
    return float(str(page.get_attribute("body", "data-shown-ms")))


def all_stored(page: Page) -> None:
    page.wait_for_selector("#outbox[data-waiting='0']")


def brightness(page: Page) -> list[float]:
    """Mean brightness of each clip as it is shown now, from its pixels, 0 to 255."""
    script = """() => [...document.querySelectorAll(".clips canvas")].map((canvas) => {
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        let sum = 0;
        for (let at = 0; at < data.length; at += 4) sum += data[at];
        return sum / (width * height);
    })"""
    found: Any = page.evaluate(script)
    return [float(each) for each in found]
