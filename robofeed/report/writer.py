"""Run folder in, report.html out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from robofeed.data.atomic_file import write_atomically
from robofeed.data.errors import DataError, RobofeedError
from robofeed.data.feedback import Retraction
from robofeed.data.run_folder import RunFolder
from robofeed.data.store import EpisodeStore
from robofeed.feedback.clips import Camera
from robofeed.report import wording
from robofeed.report.clips import Studio
from robofeed.report.feedback_summary import FeedbackSummary, summarise
from robofeed.report.page import compose
from robofeed.report.run_record import EVALUATION_PREFIX, RunRecord, read_run
from robofeed.report.safety_summary import EpisodeGates
from robofeed.report.template import fill


def write_report(run_dir: Path, camera: Camera | None = None, make_clips: bool = True) -> Path:
    """Write the page of a run, finished or not, and return its path.

    Films made before are kept in `clips/` and need no camera; without `make_clips` no others are
    shown. What is missing or damaged is named on the page. A page with a clip that others may not
    read, as those of a real arm's cameras, can be read by its owner alone, and says so.

    Raises:
        DataError: `run_dir` is no run folder, or the page cannot be written.
    """
    record = read_run(run_dir)
    store = EpisodeStore(run_dir)
    unreadable: list[str] = []
    episodes = list(_training_gates(store, unreadable))
    if unreadable:
        record = record.lacking(
            f"{wording.plural(len(unreadable), 'stored episode')} cannot be read, the first: "
            f"{unreadable[0]}"
        )
    studio = Studio(store, camera or Camera(None), make_clips)
    films = studio.films(record)
    page = compose(record, films, _feedback(record), episodes)
    path = RunFolder(run_dir).report_path
    private = any(film.private for film in films)
    write_atomically(path, fill("page.html.jinja", page), private)
    return path


def _training_gates(store: EpisodeStore, unreadable: list[str]) -> Iterator[EpisodeGates]:
    for episode_id in store.ids():
        if episode_id.startswith(EVALUATION_PREFIX):
            continue
        try:
            episode = store.read(episode_id)
        except DataError as error:
            unreadable.append(str(error))
            continue
        yield EpisodeGates(episode.seed, episode.gates)


def _feedback(record: RunRecord) -> FeedbackSummary:
    if record.learns_from_truth:
        return FeedbackSummary(missing="this baseline learns from ground truth; nobody was asked")
    from robofeed.data.ledger import Ledger

    try:
        ledger = Ledger.open(RunFolder(record.run_dir).ledger, make=False)
    except RobofeedError as error:
        return FeedbackSummary(missing=f"the ledger cannot be read: {error}")
    try:
        standing = [entry.feedback for entry in ledger.standing()]
        taken_back = sum(not isinstance(each.feedback, Retraction) for each in ledger.since())
        return summarise(standing, taken_back - len(standing), ledger.queries())
    except RobofeedError as error:
        return FeedbackSummary(missing=f"the ledger cannot be read: {error}")
    finally:
        ledger.close()
