"""The process that makes clips: on request, ahead of questions, with a low priority."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from robofeed import ClipMaker, DataError, open_clips
from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Retraction, Skip, Stamp
from robofeed.data.ledger import Ledger
from robofeed.feedback.clip_encoding import decode_mp4
from robofeed.labelling.clip_process import NICE

MISSING = Segment("e000099", 0, 5)


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.05)


def test_clips_of_a_run_look_as_its_configuration_says(point_run: Path) -> None:
    clip = open_clips(point_run).clip(Segment("e000000", 0, 8))

    assert decode_mp4(clip.path).shape == (8, 96, 128, 3)
    assert clip.fps == pytest.approx(20), "the point's period is 0.05 s"


def test_a_clip_is_made_by_a_process_that_stands_back(point_run: Path) -> None:
    with ClipMaker(point_run) as maker:
        clip = maker.clip(Segment("e000000", 2, 9))
        assert os.getpriority(os.PRIO_PROCESS, maker.pid) == NICE
        assert maker.clip(Segment("e000000", 2, 9)) == clip
    assert clip == open_clips(point_run).clip(Segment("e000000", 2, 9))
    assert len(decode_mp4(clip.path)) == 7


def test_clips_of_open_questions_are_made_unasked(point_run: Path) -> None:
    ledger = Ledger.open(point_run / "feedback.sqlite")
    done, waiting = (
        Query(f"q{number:06d}", (Segment("e000000", 5 * number, 5 * number + 5),
                                 Segment("e000001", 5 * number, 5 * number + 5)), (0, 1))
        for number in (0, 1)
    )  # fmt: skip
    ledger.add_queries([done, waiting])
    stamp = Stamp("00000000-0000-4000-8000-000000000001", "ada", "test")
    ledger.append(Skip(stamp, done.id))
    ledger.close()

    with ClipMaker(point_run) as maker:
        until(lambda: all(maker.ready(segment) for segment in waiting.segments))
        assert maker.ready(done.segments[0]) is None
    frames = [decode_mp4(path) for path in (point_run / "clips").glob("*.mp4")]
    assert [len(each) for each in frames] == [5, 5]
    assert not np.array_equal(*frames)


def test_a_question_that_is_open_again_is_made_after_all(point_run: Path) -> None:
    (query,) = queries = [
        Query("q000000", (Segment("e000000", 0, 5), Segment("e000001", 0, 5)), (0, 1))
    ]
    uuids = [f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    with closing(Ledger.open(point_run / "feedback.sqlite")) as ledger:
        ledger.add_queries(queries)
        ledger.append(Skip(Stamp(uuids[0], "ada", "test"), query.id))

        with ClipMaker(point_run) as maker:
            # Made first, so the open questions were looked at before: there was none.
            maker.clip(Segment("e000000", 7, 9))
            until(lambda: len(list((point_run / "clips").glob("*.mp4"))) == 1)
            ledger.append(Retraction(Stamp(uuids[1], "ada", "test"), uuids[0]))
            until(lambda: all(maker.ready(segment) for segment in query.segments))


def test_a_clip_that_cannot_be_made_says_why_and_others_are_still_made(point_run: Path) -> None:
    with ClipMaker(point_run) as maker:
        with pytest.raises(DataError, match="no episode of e000099"):
            maker.clip(MISSING)
        assert maker.clip(Segment("e000000", 0, 3)).frames == 3


def test_a_clip_that_failed_is_tried_again_when_asked_for_again(point_run: Path) -> None:
    (stored,) = (point_run / "episodes").glob("*e000001*.parquet")
    away = stored.rename(point_run / "away")
    segment = Segment("e000001", 0, 3)
    with ClipMaker(point_run) as maker:
        with pytest.raises(DataError, match="no episode of e000001"):
            maker.clip(segment)
        away.rename(stored)
        assert maker.clip(segment).frames == 3


def test_a_process_that_ended_is_said(point_run: Path, tmp_path: Path) -> None:
    maker = ClipMaker(point_run)
    os.kill(maker.pid, 9)
    with pytest.raises(DataError, match="the process that makes clips ended"):
        maker.clip(Segment("e000000", 0, 3))
    maker.close()
    with ClipMaker(tmp_path / "nowhere") as lost, pytest.raises(DataError, match="is not a run"):
        lost.clip(Segment("e000000", 0, 3))
