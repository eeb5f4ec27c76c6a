"""Answers that were given before: replays a recorded ledger query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from robofeed.data.errors import ConfigError, DataError
from robofeed.data.feedback import Feedback, Query, Ranking, Skip
from robofeed.data.ledger import Ledger
from robofeed.interfaces import Desk


class ReplayedAnswers:
    """A `Ranker` that gives each query the answer it got in an earlier run, truth or no truth.

    Works where the queries come out the same: same configuration, same seed.
    """

    prompt = True

    def __init__(self, answers: Mapping[str, tuple[Query, Feedback]]) -> None:
        self._answers = answers
        self._desk: Desk | None = None

    def open(self, desk: Desk) -> None:
        """Take the desk."""
        self._desk = desk

    def ask(self, queries: Sequence[Query]) -> None:
        """Append the recorded answers.

        Raises:
            DataError: a query the recording does not have, or has about other clips.
        """
        if self._desk is None:
            raise RuntimeError("ReplayedAnswers.ask before open")
        for query in queries:
            recorded, answer = self._answers.get(query.id, (None, None))
            if recorded is None or answer is None or recorded.segments != query.segments:
                raise DataError(
                    f"the recording has no answer to query {query.id} about {query.segments}; "
                    "replay with the configuration and seed of the recorded run"
                )
            self._desk.append(answer)

    def close(self) -> None:
        """Nothing to stop."""


def read_answers(ledger_path: str) -> ReplayedAnswers:
    """Read all answers of a recorded run.

    Raises:
        ConfigError: there is no such ledger.
        DataError: it is no ledger, or has an answer to a question that was never put.
    """
    if not Path(ledger_path).is_file():
        raise ConfigError(
            f"feedback.replay.ledger = {ledger_path!r}: no such file; name the feedback.sqlite of "
            "the recorded run"
        )
    ledger = Ledger.open(Path(ledger_path))
    try:
        queries = {query.id: query for query in ledger.queries()}
        answers: dict[str, tuple[Query, Feedback]] = {}
        for entry in ledger.standing():
            feedback = entry.feedback
            if isinstance(feedback, Ranking | Skip):
                query = queries.get(feedback.query_id)
                if query is None:
                    raise DataError(
                        f"{ledger_path}: record {entry.sequence} answers query "
                        f"{feedback.query_id}, which was never put"
                    )
                answers[query.id] = (query, feedback)
    finally:
        ledger.close()
    return ReplayedAnswers(answers)
