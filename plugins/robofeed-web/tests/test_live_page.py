"""The live view in a real Chromium, against an arm's end of the control socket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from robofeed.data.feedback import Consent
from robofeed.data.people import Role
from robofeed.data.picture import as_jpeg
from robofeed_keyboard.keymap import Jog, jogs_for

from .arms_end import Arm
from .browser import ask_for_controls, chromium, come_in
from .conftest import Caller, FakeFilm, Served

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]


@pytest.fixture
def arm(served: Served) -> Iterator[Arm]:
    arm = Arm(served.run_dir)
    yield arm
    arm.end()


@pytest.fixture
def page(chromium: Browser, served: Served, arm: Arm) -> Iterator[Page]:
    context = chromium.new_context()
    page = come_in(context.new_page(), served.url, "live")
    page.wait_for_selector("#take")
    yield page
    context.close()


def take(page: Page) -> None:
    ask_for_controls(page)
    page.wait_for_selector("#release")


def test_keys_that_are_held_move_the_arm_and_letting_go_holds_it(page: Page, arm: Arm) -> None:
    take(page)
    page.keyboard.down("d")
    page.wait_for_timeout(500)
    page.keyboard.up("d")
    page.wait_for_timeout(300)

    moves = arm.moves()
    assert moves[0] == pytest.approx([0.0, -0.01])  # half of what the action allows
    assert moves[-1] == [0.0, 0.0]
    # A heart that beats 20 times a second; how evenly depends on the machine.
    assert sum(move != [0.0, 0.0] for move in moves) >= 4
    assert {said["person"] for said in arm.heard} == {"operator"}


@pytest.mark.parametrize(
    "names",
    [["x", "y", "z"], ["x", "y", "z", "gripper"], ["dx", "dy"], ["elbow", "wrist", "gripper"]],
    ids=", ".join,
)
def test_keys_do_what_they_do_in_a_terminal(page: Page, arm: Arm, names: list[str]) -> None:
    keys = page.evaluate(
        "async (names) => (await import('/static/hold.js')).axisKeys(names)", names
    )

    in_a_terminal = jogs_for(names)
    assert [len(pair) for pair in keys] == [2] * len(names)
    for element, (up, down) in enumerate(keys):
        assert in_a_terminal[up] == Jog(element, 1)
        assert in_a_terminal[down] == Jog(element, -1)


@pytest.mark.parametrize("event", ["window.blur", "window.pagehide", "document.visibilitychange"])
def test_motion_stops_when_the_page_is_left(page: Page, arm: Arm, event: str) -> None:
    take(page)
    page.keyboard.down("w")
    arm.wait_for("move")
    target, name = event.split(".")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    page.evaluate(f"{target}.dispatchEvent(new Event('{name}'))")
    arm.wait_for("release")
    page.wait_for_selector("#take")
    page.wait_for_timeout(300)

    assert arm.moves()[-1] == [0.0, 0.0]
    assert arm.heard[-1]["do"] == "release"


def test_a_page_that_is_gone_gives_the_controls_back(page: Page, arm: Arm) -> None:
    take(page)
    page.keyboard.down("w")
    arm.wait_for("move")
    page.close()

    arm.wait_for("release")


def test_the_view_gone_to_while_the_text_is_shown_is_the_one_that_opens(
    chromium: Browser, served: Served, arm: Arm
) -> None:
    page = chromium.new_page()
    page.set_default_timeout(30_000)
    page.goto(served.url)
    page.wait_for_selector("#agree:visible")
    page.evaluate("location.hash = '#live'")
    page.wait_for_selector("body[data-view=live]")
    page.click("#agree")
    page.wait_for_timeout(300)

    assert page.get_attribute("body", "data-view") == "live"
    assert page.is_visible("#take")
    page.close()


def test_an_arm_without_policy_or_person_is_said_to_hold(page: Page, arm: Arm) -> None:
    arm.told = {"phase": "steering", "policy_version": -1}
    page.wait_for_selector(".facts dd:has-text('holds')")

    assert "Policy version" not in page.inner_text(".facts")
    assert "autonomous" not in page.inner_text(".facts")


PIXEL = (
    """() => [...document.querySelector("canvas").getContext("2d").getImageData(9, 9, 1, 1).data]"""
)


def test_a_real_arm_is_shown_by_its_cameras_or_not_at_all(
    page: Page, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = [90, 90, 90, 255]
    page.wait_for_function(f"() => ({PIXEL})().every((each, k) => Math.abs(each - {grey}[k]) < 4)")
    arm.scene = []
    page.wait_for_selector(".blind:not([hidden])")

    # What was there a moment ago is no picture of now.
    assert page.inner_text(".blind") == "No picture: this arm has no camera"
    assert page.evaluate(PIXEL) == [0, 0, 0, 0]

    red = as_jpeg(np.full((96, 128, 3), (200, 30, 30), np.uint8))
    monkeypatch.setattr(FakeFilm, "frame", red)
    page.wait_for_selector(".blind", state="hidden")
    page.wait_for_function(f"() => Math.abs(({PIXEL})()[0] - 200) < 8")
    assert page.evaluate("document.querySelector('canvas').width") == 128


def test_an_arm_that_comes_back_seeing_is_seen(page: Page, served: Served, arm: Arm) -> None:
    arm.scene = []
    page.wait_for_selector(".blind:not([hidden])")
    arm.end()
    page.wait_for_selector(".waiting")
    (served.run_dir / "control.sock").unlink()
    again = Arm(served.run_dir)
    try:
        page.wait_for_function(f"() => Math.abs(({PIXEL})()[0] - 90) < 4")
        assert page.is_hidden(".blind")
    finally:
        again.end()


def test_one_page_drives_and_another_takes_over_only_when_told_to(
    page: Page, chromium: Browser, served: Served, arm: Arm
) -> None:
    take(page)
    link = served.ledger.people.add("ann", Role.DRIVE)
    context = chromium.new_context()
    other = come_in(context.new_page(), f"{served.url.rpartition('=')[0]}={link.token}", "live")
    ask_for_controls(other)
    other.wait_for_selector("#take-over")
    assert "operator has the controls" in other.inner_text("#news")
    other.click("#take-over")
    other.wait_for_selector("#release")
    page.wait_for_selector("#take")
    context.close()

    assert [said["person"] for said in arm.heard if said["do"] == "take"] == ["operator", "ann"]


def test_who_may_only_look_may_stop(
    chromium: Browser, served: Served, arm: Arm, page: Page
) -> None:
    link = served.ledger.people.add("vera", Role.VIEW)
    context = chromium.new_context()
    viewer = come_in(context.new_page(), f"{served.url.rpartition('=')[0]}={link.token}", "live")
    viewer.wait_for_selector("text=You may watch and stop")
    assert viewer.query_selector("#take") is None
    take(page)
    viewer.click("#stop")

    assert arm.wait_for("stop")["person"] == "vera"
    viewer.wait_for_selector("#news:has-text('nothing moves any more')")
    # Whoever steers is told who it was, and has the controls no longer.
    page.wait_for_selector(".doing:has-text('Stopped by vera')")
    page.wait_for_selector("#take")
    context.close()


def test_a_stop_that_the_arm_does_not_confirm_is_not_said_to_have_worked(
    page: Page, arm: Arm
) -> None:
    arm.deaf = True
    page.click("#stop")
    page.wait_for_selector("#news:has-text('has not said that it heard')")


def test_asking_for_the_controls_beats_from_the_first_moment_on(page: Page, arm: Arm) -> None:
    arm.late_s = 0.6
    ask_for_controls(page)
    page.wait_for_selector("#cancel")
    page.wait_for_selector("#release")

    asked = next(at for at, said in enumerate(arm.heard) if said["do"] == "take")
    alive = [said["sent_ns"] for said in arm.heard[asked:] if said["do"] == "alive"]
    # It had not been told yet that it has them.
    assert alive and alive[0] - arm.heard[asked]["sent_ns"] < 500_000_000
    page.keyboard.down("d")
    arm.wait_for("move")


def test_asking_can_be_given_up(page: Page, arm: Arm) -> None:
    arm.late_s = 1.0
    ask_for_controls(page)
    page.click("#cancel")
    page.wait_for_selector("#take")
    arm.wait_for("release")
    page.wait_for_timeout(500)
    assert arm.holder is None
    assert page.query_selector("#release") is None


def test_the_page_says_why_nothing_moves_and_the_controls_can_be_taken(
    page: Page, arm: Arm
) -> None:
    arm.busy = "the reward model is being fitted"
    page.wait_for_selector(".doing:has-text('holds still: the reward model is being fitted')")
    take(page)
    page.wait_for_selector(".doing:has-text('as soon as that is done')")
    arm.busy = ""
    page.wait_for_selector(".live[data-mode='correcting']:not([data-busy])")
    assert page.is_hidden(".doing")


def test_a_page_that_lost_the_controls_says_why_and_what_was_on_its_way_is_no_refusal(
    page: Page, arm: Arm
) -> None:
    take(page)
    page.keyboard.down("d")
    arm.wait_for("move")
    arm.tell({"is": "lost", "person": "operator", "reason": "nothing was heard for 250 ms"})
    page.wait_for_selector("#news:has-text('nothing was heard for 250 ms')")
    page.wait_for_selector("#take")
    page.wait_for_timeout(300)
    assert "nothing was heard" in page.inner_text("#news")
    assert page.query_selector("#take-over") is None, "nobody has them"


def test_space_pauses_and_escape_gives_back(page: Page, arm: Arm) -> None:
    take(page)
    page.keyboard.press("d")
    arm.wait_for("move")
    page.keyboard.press(" ")
    arm.wait_for("pause")
    page.wait_for_timeout(300)
    # A move, even one of nothing, would end the pause.
    after = [said["do"] for said in arm.heard]
    assert set(after[after.index("pause") + 1 :]) == {"alive"}
    page.keyboard.press("Escape")
    page.wait_for_selector("#take")
    arm.wait_for("release")


def test_nobody_steers_before_agreeing_to_what_is_kept(
    page: Page, served: Served, arm: Arm
) -> None:
    from websockets.sync.client import connect

    page.click("#take")
    page.wait_for_selector("#agree:visible")
    caller = Caller(served.port).enter(served.token)
    url = f"ws://127.0.0.1:{served.port}"
    headers = {"Cookie": caller.cookie}
    with connect(f"{url}/api/live", origin=f"http{url[2:]}", additional_headers=headers) as live:
        live.send('{"do": "take"}')
        while (said := live.recv()) and (isinstance(said, bytes) or "refused" not in said):
            pass
    assert "agree to the text" in said
    assert arm.heard == []

    page.click("#agree")
    page.wait_for_selector("#release")
    assert [one.stamp.person for one in served.standing(Consent)] == ["operator"]


def test_a_viewers_socket_moves_nothing(served: Served, arm: Arm, page: Page) -> None:
    from websockets.sync.client import connect

    caller = Caller(served.port).enter(served.ledger.people.add("vera", Role.VIEW).token)
    url = f"ws://127.0.0.1:{served.port}"
    headers = {"Cookie": caller.cookie}
    with connect(f"{url}/api/live", origin=f"http{url[2:]}", additional_headers=headers) as live:
        assert json.loads(live.recv())["may_drive"] is False
        live.send('{"do": "take", "over": true}')
        while (said := live.recv()) and (isinstance(said, bytes) or "refused" not in said):
            pass
        live.send('{"do": "stop"}')
        arm.wait_for("stop")

    assert [said["do"] for said in arm.heard] == ["stop"]
