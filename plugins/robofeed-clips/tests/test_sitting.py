"""A sitting stores what a person says, once, and says so only when it is stored."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from pydantic import ValidationError

from robofeed import Clip, ClipMaker, DataError
from robofeed.data.episode import Segment
from robofeed.data.feedback import (
    Consent,
    Feedback,
    Outcome,
    Query,
    Ranking,
    Rating,
    Receipt,
    Remark,
    Retraction,
    Skip,
)
from robofeed.data.ledger import Ledger
from robofeed_clips import wording
from robofeed_clips.config import TerminalConfig
from robofeed_clips.film_shelf import FilmShelf
from robofeed_clips.sitting import Mode, Sitting


class Desk:
    """A ledger with questions about so many clips, a sitting at it, and a clock of its own."""

    def __init__(self, path: Path, clips: int, agreed: bool = True, **keys: list[str]) -> None:
        self.ledger = Ledger.open(path / "feedback.sqlite")
        self.ledger.add_queries(
            Query(
                f"q{number:06d}",
                tuple(Segment(f"e{number:03d}{clip}", 0, 5) for clip in range(clips)),
                tuple(reversed(range(clips))),
            )
            for number in range(6)
        )
        self.down = False
        self.acknowledged: list[Feedback] = []
        self.tried: list[Feedback] = []
        self.time = itertools.count(10**18, 10**9)
        self.sitting = Sitting(
            "ada",
            self.append,
            self.ledger.leases(),
            self.ledger.query,
            TerminalConfig(keys=keys).deeds(),
            agreed,
            lambda: next(self.time),
        )
        self.sitting.tick()

    def append(self, record: Feedback) -> Receipt:
        self.tried.append(record)
        if self.down:
            raise DataError("the disk is full")
        self.acknowledged.append(record)
        return self.ledger.append(record)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.sitting.seen()
            self.sitting.press(key)

    @property
    def said(self) -> list[Feedback]:
        return [entry.feedback for entry in self.ledger.since()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, 2)
    yield made
    made.ledger.close()


def test_twenty_keys_are_twenty_records(desk: Desk) -> None:
    desk.press("1", "2", "=", "s", "left", "right")

    first, second, third, fourth, fifth, sixth = desk.said
    assert isinstance(first, Ranking) and first.order == ((1,), (0,)), "clip 1 stood left: it is 1"
    assert isinstance(second, Ranking) and second.order == ((0,), (1,))
    assert isinstance(third, Ranking) and third.order == ((0, 1),)
    assert isinstance(fourth, Skip)
    assert isinstance(fifth, Ranking) and fifth.order == first.order
    assert isinstance(sixth, Ranking) and sixth.order == second.order
    assert first.stamp.shown_order == (1, 0) and 0 < first.stamp.shown_at_ns
    assert desk.sitting.query is None and desk.sitting.stored == 6


def test_undo_brings_the_question_back_and_both_stay_in_the_ledger(desk: Desk) -> None:
    desk.press("1", "2", "u")

    assert isinstance(desk.said[2], Retraction)
    assert desk.sitting.query is not None and desk.sitting.query.id == "q000001"
    desk.press("=", "u", "u", "u")
    assert [type(record).__name__ for record in desk.said] == [
        *("Ranking", "Ranking", "Retraction", "Ranking", "Retraction", "Retraction")
    ]
    assert desk.ledger.standing() == [] and desk.sitting.stored == 0
    assert "nothing left" in desk.sitting.message


def test_clips_that_were_not_seen_cannot_be_ranked(desk: Desk) -> None:
    desk.sitting.press("1")
    assert desk.said == [] and "not on the screen" in desk.sitting.message
    desk.sitting.press("s")
    assert isinstance(desk.said[0], Skip)


def test_what_cannot_be_stored_is_kept_said_and_stored_once(desk: Desk) -> None:
    desk.down = True
    desk.press("1", "2", "s", "u")
    desk.sitting.tick()
    assert desk.said == [] and desk.sitting.alarm and "NOT STORED YET" in desk.sitting.message
    assert desk.sitting.query is not None and desk.sitting.query.id == "q000000"
    assert len({record.stamp.uuid for record in desk.tried}) == 1 < len(desk.tried)

    desk.down = False
    desk.sitting.tick()
    desk.sitting.tick()
    assert desk.said == desk.tried[:1] and not desk.sitting.alarm
    assert desk.sitting.query.id == "q000001"


def test_notes_ratings_and_outcomes_are_about_the_question_that_is_on(desk: Desk) -> None:
    desk.press("n", *"too", "space", *"fasst", "backspace", "backspace", "t", "enter")
    desk.press("r", "9", "2", "5", "o", "1", "n", "n", *"x", "escape")

    remark, rating, outcome = desk.said
    assert isinstance(remark, Remark) and (remark.text, remark.about) == ("too fast", "q000000")
    assert isinstance(rating, Rating)
    assert (rating.segment.episode_id, rating.stars) == ("e0000", 5), "clip 0 stood right"
    assert isinstance(outcome, Outcome)
    assert (outcome.episode_id, outcome.success) == ("e0001", False)
    assert desk.sitting.mode is Mode.RANK and desk.sitting.query is not None


def test_five_clips_are_ranked_with_ties(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 5)

    desk.press("5", "=", "4", "1", "backspace", "2", "enter")
    desk.press("right", "right", "up", "enter")

    first, second = desk.said
    assert isinstance(first, Ranking) and first.order == ((0, 1), (3,), (2, 4))
    assert isinstance(second, Ranking) and second.order == ((2,), (0, 1, 3, 4))
    desk.ledger.close()


def test_nobody_answers_before_agreeing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 2, agreed=False)
    desk.press("1", "s")
    assert desk.said == [] and desk.sitting.mode is Mode.CONSENT
    desk.press("y", "1")
    consent, ranking = desk.said
    assert isinstance(consent, Consent) and consent.version and consent.text
    assert isinstance(ranking, Ranking) and desk.ledger.people.get("ada") is None
    desk.ledger.close()

    (tmp_path / "other").mkdir()
    refuses = Desk(tmp_path / "other", 2, agreed=False)
    refuses.press("n")
    assert refuses.sitting.over and refuses.said == []
    refuses.ledger.close()


def test_keys_can_be_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 2, skip=["x"], quit=["escape"])
    desk.press("s")
    assert desk.said == []
    desk.press("x", "escape")
    assert isinstance(desk.said[0], Skip) and desk.sitting.over
    desk.ledger.close()


def test_what_is_said_of_keys_is_true_of_other_keys_too(tmp_path: Path) -> None:
    """In a terminal and in a window alike, which take their words from one place."""
    keys = {"skip": ["x"], "help": ["h"], "equal": ["e"], "quit": ["escape"]}
    deeds = TerminalConfig(keys=keys).deeds()
    line = wording.key_line(deeds, 2)
    assert "x can't tell" in line and "h help" in line and "e equal" in line and "Esc end" in line
    help_text = "\n".join(wording.help_lines(deeds))
    assert "↑ takes it" not in help_text
    assert re.search(r"^x +can't tell", help_text, re.MULTILINE)

    class NoClips:
        def clip(self, segment: object, timeout_s: float) -> Clip:
            raise DataError("its scenes are gone")

        def close(self) -> None:
            pass

    desk = Desk(tmp_path, 2, **keys)
    desk.press("z")
    assert "h shows what keys do" in desk.sitting.message
    with FilmShelf(cast(ClipMaker, NoClips())) as shelf:
        query, key = desk.sitting.query, wording.key_for(deeds, "skip")
        while (words := shelf.film_or_words(query, None, key)[1]).endswith("made ..."):
            time.sleep(0.01)
    assert words.endswith("x goes on to the next question.")
    desk.ledger.close()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"skipp": ["x"]}, "no deed is called 'skipp'"),
        ({"skip": ["u"]}, "two deeds have the same"),
        ({"skip": ["2"]}, "chooses a clip"),
    ],
)
def test_keys_that_cannot_work_are_refused(keys: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TerminalConfig(keys=keys)


def test_two_people_are_not_asked_the_same(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 2)
    other = Sitting(
        "ben",
        desk.append,
        desk.ledger.leases(),
        desk.ledger.query,
        {},
        True,
        lambda: next(desk.time),
    )
    other.tick()

    assert desk.sitting.query is not None and other.query is not None
    assert desk.sitting.query.id != other.query.id
    desk.ledger.close()
