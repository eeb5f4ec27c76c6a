"""The label view in a real Chromium: keys in, records out, whatever happens to the network."""

from __future__ import annotations

import contextlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from robofeed.data import consent
from robofeed.data.feedback import Consent, Outcome, Ranking, Rating, Remark, Retraction, Skip
from robofeed.data.ledger import Ledger
from robofeed.data.people import Role

from .browser import all_stored, answer, brightness, chromium, come_in, question_shown
from .conftest import Served, goodness, make_run, start, write_episode

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]


@pytest.fixture
def page(chromium: Browser, served: Served) -> Any:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Security" in line.text else None)
    yield come_in(page, served.url)
    context.close()
    assert faults == []


def test_twenty_pairs_ranked_by_keys_from_the_pixels_alone(page: Page, served: Served) -> None:
    waits = []
    for _ in range(20):
        left, right = brightness(page)
        waits.append(answer(page, "1" if left > right else "2"))
    all_stored(page)

    rankings = served.standing(Ranking)
    assert len({one.query_id for one in rankings}) == len(rankings) == 20
    for one in rankings:
        (best,), (worst,) = one.order
        segments = served.ledger.query(one.query_id).segments
        assert goodness(segments[best]) >= goodness(segments[worst])
        assert one.stamp.person == "operator"
        assert one.stamp.shown_at_ns < one.stamp.answered_at_ns
    # How long the next pair took is measured in benchmarks; that it came is checked here.
    assert len(waits) == 20


def test_tie_skip_undo_and_arrows(page: Page, served: Served) -> None:
    shown = [question_shown(page)]
    for keys in ("=", "s", "ArrowLeft", "ArrowUp", "ArrowDown"):
        answer(page, keys)
        shown.append(question_shown(page))
    answer(page, "u")
    assert question_shown(page) == shown[4]
    answer(page, "2")
    all_stored(page)

    by_query = {one.query_id: one for one in served.standing() if hasattr(one, "query_id")}
    assert [len(by_query[name].order) for name in (shown[0], shown[3])] == [1, 1]
    assert isinstance(by_query[shown[1]], Skip)
    assert [type(by_query[name]) for name in (shown[2], shown[4])] == [Ranking, Ranking]
    everything = [entry.feedback for entry in served.ledger.since(0)]
    assert sum(isinstance(one, Retraction) for one in everything) == 1
    assert sum(isinstance(one, Skip) for one in everything) == 2
    assert len(served.standing(Skip)) == 1


def test_the_network_cut_in_the_middle_loses_and_doubles_nothing(
    page: Page, served: Served
) -> None:
    answer(page, "1")
    all_stored(page)
    page.wait_for_selector("body[data-ahead='2']")
    page.context.set_offline(True)
    for _ in range(2):
        answer(page, "2")
    page.keyboard.press("1")
    page.wait_for_selector("#outbox.trouble[data-waiting='3']")
    assert "kept here" in page.inner_text("#outbox")
    assert len(served.standing(Ranking)) == 1

    # Even a page that is closed meanwhile keeps what was said.
    page.context.set_offline(False)
    page.reload()
    all_stored(page)

    rankings = served.standing(Ranking)
    assert len({one.query_id for one in rankings}) == len(rankings) == 4


def test_an_answer_whose_acknowledgement_is_lost_is_stored_once(page: Page, served: Served) -> None:
    lost: list[str] = []

    def lose(route: Any) -> None:
        # The server takes it; the page never hears of it.
        route.fetch()
        lost.append(route.request.post_data)
        route.abort()

    page.route("**/api/feedback", lose, times=2)
    answer(page, "1")
    all_stored(page)

    assert len(lost) == 2
    assert len(served.standing(Ranking)) == 1


def test_a_server_that_is_gone_for_a_while(page: Page, served: Served) -> None:
    answer(page, "1")
    all_stored(page)
    served.end()
    answer(page, "2")
    page.wait_for_selector("#outbox.trouble[data-waiting='1']")
    again = start(served.run_dir)
    try:
        all_stored(page)
        answer(page, "2")
        all_stored(page)
        assert len(again.standing(Ranking)) == 3
    finally:
        again.end()
        served.server, served.thread, served.ledger = again.server, again.thread, again.ledger


def test_two_browsers_never_spend_time_on_one_question(
    page: Page, chromium: Browser, served: Served
) -> None:
    link = served.ledger.people.add("ann", Role.LABEL)
    context = chromium.new_context()
    other = come_in(context.new_page(), f"{served.url.rpartition('=')[0]}={link.token}")
    for _ in range(4):
        assert question_shown(page) != question_shown(other)
        answer(page, "1")
        answer(other, "2")
    all_stored(page)
    all_stored(other)
    context.close()

    rankings = served.standing(Ranking)
    assert len({one.query_id for one in rankings}) == len(rankings) == 8
    assert {one.stamp.person for one in rankings} == {"operator", "ann"}


def test_one_person_in_two_windows_answers_a_question_once(page: Page, served: Served) -> None:
    second = page.context.new_page()
    come_in(second, served.url)
    assert question_shown(page) == question_shown(second)
    answer(page, "1")
    all_stored(page)

    answer(second, "2")
    second.wait_for_selector("#news:visible")

    assert "answered question" in second.inner_text("#news")
    assert len(served.standing(Ranking)) == 1


def test_clips_play_loop_and_stay_in_step(page: Page) -> None:
    place = """() => {
        const row = (canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, height - 1, width, 1);
            for (let x = 0; x < width; x++) if (data[4 * x] > 127) return x;
            return null;
        };
        return [...document.querySelectorAll(".clips canvas")].map(row);
    }"""
    seen: list[list[float]] = []
    end_s = time.monotonic() + 6
    while time.monotonic() < end_s:
        found: Any = page.evaluate(place)
        seen.append([each for each in found if each is not None])
        page.wait_for_timeout(30)
    lefts = [each[0] for each in seen if each]
    assert max(lefts) - min(lefts) > 20
    # It came back to the start more than once.
    assert sum(later < earlier - 20 for earlier, later in pairwise(lefts)) >= 2
    pairs = [each for each in seen if len(each) == 2]
    if pairs:
        apart = sorted(abs(a - b) for a, b in pairs)
        assert apart[len(apart) // 2] <= 8  # two steps of the bar

    page.keyboard.press(" ")
    page.wait_for_timeout(100)
    still = brightness(page), page.evaluate(place)
    page.wait_for_timeout(400)
    assert (brightness(page), page.evaluate(place)) == still


def test_a_note_and_help_and_another_key(page: Page, served: Served) -> None:
    page.keyboard.press("n")
    page.keyboard.type("the arm shakes = 1 2 s")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=Note kept.")
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.click("#help-keys tr:nth-child(7) button")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    answer(page, "x")
    all_stored(page)

    assert [one.text for one in served.standing(Remark)] == ["the arm shakes = 1 2 s"]
    assert len(served.standing(Skip)) == 1
    assert served.standing(Ranking) == []


def test_a_clip_that_never_comes_is_asked_for_again(chromium: Browser, served: Served) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    tab.clock.install()
    stuck: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if stuck:
            route.continue_()
        else:
            stuck.append(route)

    context.route("**/clips/*", hold_the_first)
    tab.goto(f"{served.url}#label")
    tab.wait_for_selector("#agree:visible")
    tab.keyboard.press("Enter")
    while not stuck:
        tab.wait_for_timeout(50)
    tab.clock.fast_forward(61_000)
    assert question_shown(tab)
    context.close()


def test_ratings(page: Page, served: Served) -> None:
    page.keyboard.press("m")
    page.wait_for_selector(".clips.of1")
    answer(page, "4")
    answer(page, "1")
    all_stored(page)

    assert [one.stars for one in served.standing(Rating)] == [4, 1]
    assert served.standing(Outcome) == []


def test_success_and_failure_of_whole_episodes(
    chromium: Browser, tmp_path: Path, fake_film: None
) -> None:
    run_dir = make_run(tmp_path / "run", 2)
    for number in range(3):
        write_episode(run_dir, f"e{number:06d}")
    served = start(run_dir)
    context = chromium.new_context()
    try:
        page = come_in(context.new_page(), served.url)
        page.click("text=Success?")
        page.wait_for_selector("h1:has-text('Did the arm succeed?')")
        page.wait_for_selector("body[data-question='e000002']")
        answer(page, "1")
        answer(page, "2")
        answer(page, "u")
        page.wait_for_selector("body[data-question='e000001']")
        answer(page, "1")
        page.click("button:has-text('Failure')")
        page.wait_for_selector("text=You have judged every episode so far")
        all_stored(page)
    finally:
        context.close()
        served.end()
    with contextlib.closing(Ledger.open(run_dir / "feedback.sqlite")) as ledger:
        said = [entry.feedback for entry in ledger.standing()]
    assert [(one.episode_id, one.success) for one in said if isinstance(one, Outcome)] == [
        ("e000002", True),
        ("e000001", True),
        ("e000000", False),
    ]


def test_the_text_is_agreed_to_once_and_stored_as_it_was_read(
    chromium: Browser, served: Served
) -> None:
    link = f"{served.url.rpartition('=')[0]}={served.ledger.people.add('ann', Role.LABEL).token}"
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("#consent[open]")
    read = page.inner_text("#consent-text")
    # Nothing is shown or answered before, and Escape is no way round it.
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert page.is_visible("#consent")
    assert page.query_selector("body[data-question]") is None
    assert served.standing() == []
    page.keyboard.press("Enter")
    answer(page, "1")
    all_stored(page)
    page.reload()
    question_shown(page)
    assert page.is_hidden("#consent")
    context.close()

    (agreed,) = served.standing(Consent)
    assert (agreed.stamp.person, agreed.version) == ("ann", consent.VERSION)
    assert agreed.text == consent.TEXT
    assert read == agreed.text
    assert 0 < agreed.stamp.shown_at_ns <= agreed.stamp.answered_at_ns


def test_two_browsers_on_one_query_are_two_labels_and_how_far_they_agree(
    chromium: Browser, tmp_path: Path, fake_film: None
) -> None:
    run_dir = make_run(tmp_path / "run", 3)
    with (run_dir / "config.toml").open("a", encoding="utf-8") as config:
        config.write("[ledger]\noverlap = 2\n")
    served = start(run_dir)
    link = f"{served.url.rpartition('=')[0]}={served.ledger.people.add('ann', Role.LABEL).token}"
    contexts = [chromium.new_context(), chromium.new_context()]
    try:
        page, other = (
            come_in(context.new_page(), url)
            for context, url in zip(contexts, (served.url, link), strict=True)
        )
        assert question_shown(page) == question_shown(other)
        for keys in ("1", "1"), ("2", "2"):
            for each, key in zip((page, other), keys, strict=True):
                answer(each, key)
        page.keyboard.press("1")
        other.keyboard.press("2")
        all_stored(page)
        all_stored(other)
        page.goto(f"{page.url.partition('#')[0]}#run")
        page.wait_for_selector("dt:text-is('Agreement (alpha)')")
        agreement = page.inner_text("div:has(> dt:text-is('Agreement (alpha)')) dd")
        rankings = served.standing(Ranking)
    finally:
        for context in contexts:
            context.close()
        served.end()
    # They agreed on two of three.
    assert -1 < float(agreement) < 1
    assert len(rankings) == 6
    for name in {one.query_id for one in rankings}:
        assert {one.stamp.person for one in rankings if one.query_id == name} == {"operator", "ann"}


def test_five_clips_with_ties(chromium: Browser, tmp_path: Path, fake_film: None) -> None:
    served = start(make_run(tmp_path / "five", 4, clips=5))
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    try:
        page = come_in(context.new_page(), served.url)
        first = question_shown(page)
        answer(page, "3", "=", "1", "2", "Enter")
        all_stored(page)
        (ranking,) = served.standing(Ranking)
        order = served.ledger.query(first).shown_order
        expected = ((order[2], order[0]), (order[1],), (order[3], order[4]))
        assert ranking.order == expected

        # One that is left over is the worst by itself; until then every step can be taken back.
        second = question_shown(page)
        answer(page, "2", "1", "=", "3", "Backspace", "Backspace", "Backspace", "5", "3", "ArrowUp")
        answer(page, "u")
        assert question_shown(page) == second
        keys = ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "5", "1", "2"]
        answer(page, *keys)
        all_stored(page)
        last = served.standing(Ranking)[-1]
        order = served.ledger.query(second).shown_order
        assert last.query_id == second
        assert last.order == tuple((order[place],) for place in (3, 4, 0, 1, 2))
        (taken_back,) = [
            entry.feedback
            for entry in served.ledger.since(0)
            if isinstance(entry.feedback, Ranking) and entry.feedback not in served.standing()
        ]
        assert taken_back.order == tuple((order[place],) for place in (1, 4, 2, 0, 3))
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
    finally:
        context.close()
        served.end()
