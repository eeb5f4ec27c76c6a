"""Many people at one server: each answer is there once, and the server does not grow with them."""

from __future__ import annotations

import itertools
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from robofeed.data.feedback import Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.people import Role

from .conftest import Caller, Served, make_run, start
from .test_killed_server import Server

ANSWERS = 30_000
PEOPLE = 8
PAGES = 50
ANSWERS_A_PAGE = 10
MOST_THREADS = 40 + 16 + 1
"""For requests, for those who wait for clips, and the clerk."""


def answers(caller: Caller, count: int) -> Iterator[str]:
    """Take a question and answer it, so many times; the uuids as they are acknowledged."""
    for _ in range(count):
        status, lent = caller.said("POST", "/api/questions", {"count": 3})
        assert status == 200
        said = {"kind": "ranking", "uuid": str(uuid.uuid4()), "query": lent["questions"][0]["id"]}
        status, receipt = caller.said("POST", "/api/feedback", said | {"places": [[1], [0]]})
        assert (status, receipt["late"]) == (200, False)
        yield receipt["uuid"]


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_of_many_answers_each_is_there_once(tmp_path: Path, load_share: float) -> None:
    each = round(ANSWERS * load_share) // PEOPLE
    run_dir = make_run(tmp_path / "run", (each + 3) * PEOPLE)
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    tokens = [ledger.people.add(f"p{number}", Role.LABEL).token for number in range(PEOPLE)]
    server = Server(run_dir, 0)
    port = int(server.url.split(":")[2].split("/")[0])
    callers = [Caller(port, keep=True).enter(token).agree() for token in tokens]

    with ThreadPoolExecutor(PEOPLE) as pool:
        given = list(pool.map(lambda caller: list(answers(caller, each)), callers))
    server.kill()

    for caller in callers:
        caller.close()
    rankings = [one.feedback for one in ledger.since() if isinstance(one.feedback, Ranking)]
    audit = ledger.verify()
    ledger.close()
    assert Counter(one.stamp.uuid for one in rankings) == Counter(itertools.chain(*given))
    assert len({one.query_id for one in rankings}) == len(rankings) == each * PEOPLE
    assert audit.problems == ()


def open_page(served: Served, token: str) -> list[str]:
    """What a page fetches and says from its opening on; returns what was acknowledged."""
    caller = Caller(served.port, keep=True).enter(token).agree()
    status, _, page = caller("GET", "/")
    assert status == 200
    for file in re.findall(rb'(?:src|href)="(/static/[^"]+)"', page):
        assert caller("GET", file.decode())[0] == 200
    assert caller.said("GET", "/api/me")[1]["role"] == "label"
    _, lent = caller.said("POST", "/api/questions", {"count": 3})
    for clip in (clip for each in lent["questions"] for clip in each["clips"]):
        assert caller("GET", f"/clips/{clip}")[0] == 200
    said = list(answers(caller, ANSWERS_A_PAGE))
    caller.close()
    return said


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_many_open_pages_are_served_by_a_few_threads(
    tmp_path: Path, fake_film: None, load_share: float
) -> None:
    pages = round(PAGES * load_share)
    served = start(make_run(tmp_path / "run", pages * (ANSWERS_A_PAGE + 3)))
    before = threading.active_count()
    tokens = [served.ledger.people.add(f"p{each}", Role.LABEL).token for each in range(pages)]

    with ThreadPoolExecutor(pages) as pool:
        given = list(pool.map(lambda token: open_page(served, token), tokens))
    grown = threading.active_count() - before

    rankings = served.standing(Ranking)
    served.end()
    assert {one.stamp.uuid for one in rankings} == set(itertools.chain(*given))
    assert len({one.query_id for one in rankings}) == pages * ANSWERS_A_PAGE
    assert grown <= MOST_THREADS
