"""An arm driven from a real Chromium, by the page of robofeed-web, against a twin."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from robofeed_serial.twin.process import Twin

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]
WITHIN_S = 60.0
FLAGS = ["--disable-dev-shm-usage", "--disable-gpu", "--no-sandbox"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as started:
        yield started


class Teleop:
    """`robofeed arm teleop --browser` and the page it names."""

    def __init__(self, twin: Twin, log: Path) -> None:
        command = ["teleop", "so101", "--browser", "--watchdog-s", "0.5", "--port", str(twin.port)]
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "robofeed", "arm", *command, "--calibration", "nominal"],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def take(self, chromium: Browser) -> Page:
        page = chromium.new_page()
        page.set_default_timeout(1e3 * WITHIN_S)
        page.goto(self._link())
        page.click("#take")
        page.click("#agree")
        page.wait_for_selector("#release")
        return page

    def _link(self) -> str:
        end_s = time.monotonic() + WITHIN_S
        while (found := re.search(r"http://\S+token=\S+", self.log.read_text())) is None:
            assert time.monotonic() < end_s, self.log.read_text()
            time.sleep(0.1)
        return found.group()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def teleop(twin: Twin, tmp_path: Path) -> Iterator[Teleop]:
    started = Teleop(twin, tmp_path / "log")
    yield started
    started.end()


def ticks(twin: Twin) -> list[int]:
    return [each["present_ticks"] for each in twin.state()["servos"]]


def move(page: Page, twin: Twin, key: str) -> None:
    """Hold a key down until the arm has moved."""
    before, end_s = ticks(twin), time.monotonic() + WITHIN_S
    page.keyboard.down(key)
    while ticks(twin) == before:
        assert time.monotonic() < end_s, page.inner_text("body")
        time.sleep(0.02)


def last_new_goal_s(twin: Twin, until_s: float) -> float:
    """When, monotonic, a servo was last given another goal than before.

    Not to be asked while the arm is driven: handing out a long log keeps a twin from its port.
    """
    goals: dict[int | None, int | None] = {}
    changed_ns = 0
    for each in twin.log():
        if each.time_ns > until_s * 1e9:
            break
        if each.what == "goal" and goals.get(each.servo_id) != each.value:
            goals[each.servo_id], changed_ns = each.value, each.time_ns
    return changed_ns / 1e9


def holds(twin: Twin) -> None:
    time.sleep(0.3)
    before = ticks(twin)
    time.sleep(0.3)
    assert ticks(twin) == before
    assert all(each["torque_on"] for each in twin.state()["servos"])


def test_the_page_moves_the_arm_while_a_key_is_held_and_its_stop_ends_it(
    twin: Twin, teleop: Teleop, chromium: Browser
) -> None:
    page = teleop.take(chromium)
    before = ticks(twin)
    holds(twin)
    assert ticks(twin) == before

    move(page, twin, "r")
    page.keyboard.up("r")
    page.wait_for_timeout(500)
    holds(twin)
    assert page.inner_text(".facts").count("steering")

    page.click("#stop")
    assert teleop.process.wait(WITHIN_S) == 5, teleop.log.read_text()
    said = teleop.log.read_text()
    assert "stopped by operator (web)" in said
    assert (
        "its torque on. robofeed arm park so101 --port" in said and "--calibration nominal" in said
    )
    holds(twin)


@pytest.mark.parametrize("how", ["hangs", pytest.param("closes", marks=pytest.mark.soak)])
def test_a_page_that_hangs_or_closes_with_a_key_held_down_lets_the_arm_hold(
    how: str, twin: Twin, teleop: Teleop, chromium: Browser
) -> None:
    page = teleop.take(chromium)
    move(page, twin, "r" if how == "hangs" else "f")
    if how == "hangs":
        debugger = page.context.new_cdp_session(page)
        debugger.send("Debugger.enable")
        debugger.send("Debugger.pause")
    else:
        page.close()
    since_s = time.monotonic()
    time.sleep(1.2)
    holds(twin)
    until_s = time.monotonic()
    teleop.process.send_signal(signal.SIGINT)
    assert teleop.process.wait(WITHIN_S) == 0, teleop.log.read_text()
    assert "robofeed arm park so101" in teleop.log.read_text()
    assert last_new_goal_s(twin, until_s) - since_s < 0.7
    holds(twin)
