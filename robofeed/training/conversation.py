"""Asking and hearing, joined to the run: the loop's `Interview`."""

from __future__ import annotations

from collections.abc import Callable

from robofeed.events import Event, FeedbackReceived
from robofeed.feedback.interviewer import Interviewer
from robofeed.feedback.label_book import LabelBook
from robofeed.feedback.queries import ClipScores
from robofeed.stop_rules import Progress


class Conversation:
    """Asks when a session is due, hears what came in, says when there is enough to learn from."""

    def __init__(
        self,
        interviewer: Interviewer,
        book: LabelBook,
        scores: Callable[[], ClipScores | None],
        fit_every_answers: int,
        tell: Callable[[Event], None],
    ) -> None:
        self.interviewer = interviewer
        self.book = book
        self._scores = scores
        self._fit_every_answers = fit_every_answers
        self._tell = tell
        self.interrupted: Callable[[], bool] = lambda: False
        """whether to leave answers for later, because the run is to end at once"""
        self.answers_at_last_fit = 0
        self._retractions_at_last_fit = 0

    def ask(self, progress: Progress) -> None:
        """Put questions if a session is due."""
        book = self.book
        self.interviewer.ask_when_due(
            progress.steps, self._scores(), book.tally.forgone, book.answered
        )

    def say_waiting(self, progress: Progress) -> None:
        """Tell that nothing goes on until people answer."""
        self._report(progress, 0, waiting=True)

    def _report(self, progress: Progress, new: int, waiting: bool = False) -> None:
        tally = self.book.tally
        self._tell(
            FeedbackReceived(
                progress.wall_s,
                progress.steps,
                answers=tally.answers,
                rankings=tally.rankings,
                skips=tally.skips,
                demonstrations=tally.demonstrations,
                new=new,
                open_queries=self.open_queries,
                waiting=waiting,
            )
        )

    @property
    def open_queries(self) -> int:
        """How many questions nobody has answered."""
        return self.interviewer.next_id - self.book.answered

    def waits_since(self) -> int | None:
        """The step from which on people are waited for; None while nobody is."""
        return self.interviewer.waits_since(self.book.answered, self.book.tally.forgone)

    def hear(self, progress: Progress) -> bool:
        """Take in new records; True where enough came since the last fit, or one was taken back."""
        if self.interrupted():
            return False
        new = self.book.read()
        tally = self.book.tally
        if new:
            if tally.answers > progress.answers:
                progress.step_of_last_answer = progress.steps
            progress.answers = tally.answers
            self._report(progress, new)
        enough = tally.answers - self.answers_at_last_fit >= self._fit_every_answers
        taken_back = self.book.retractions > self._retractions_at_last_fit
        if not (enough or taken_back) or not self.book.labels:
            return False
        self.answers_at_last_fit = tally.answers
        self._retractions_at_last_fit = self.book.retractions
        return True


class Silence:
    """No one is asked: the ground-truth baseline and pure imitation."""

    open_queries = 0

    def ask(self, progress: Progress) -> None:
        """Ask nothing."""

    def hear(self, progress: Progress) -> bool:
        """Hear nothing."""
        return False

    def waits_since(self) -> int | None:
        """Wait for nobody."""
        return None

    def say_waiting(self, progress: Progress) -> None:
        """Never happens."""
