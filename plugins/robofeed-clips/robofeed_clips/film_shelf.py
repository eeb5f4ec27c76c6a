"""Films made ready beside the screen: that of the question that is on, and of the one after it."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from robofeed import ClipMaker, DataError
from robofeed.data.feedback import Query
from robofeed_clips.film import Film, load_film

_KEPT = 6
"""Films in memory: undo goes back to some."""


class FilmShelf:
    """A context that has films loaded by a thread."""

    def __init__(self, maker: ClipMaker) -> None:
        self._maker = maker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="films")
        self._films: OrderedDict[str, Future[Film]] = OrderedDict()

    def __enter__(self) -> FilmShelf:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The maker is closed first, which ends what the thread may be waiting for.
        self._maker.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def want(self, query: Query) -> None:
        """Have the film of a question ready. Returns at once."""
        if query.id in self._films:
            self._films.move_to_end(query.id)
            return
        self._films[query.id] = self._thread.submit(load_film, self._maker, query)
        while len(self._films) > _KEPT:
            self._films.popitem(last=False)[1].cancel()

    def film(self, query: Query) -> Film | None:
        """The film of a question, None while it is not ready. Raises DataError as `load_film`."""
        self.want(query)
        loading = self._films[query.id]
        return loading.result() if loading.done() else None

    def film_or_words(
        self, query: Query | None, following: Query | None, skip: str
    ) -> tuple[Film | None, str]:
        """The film of the question that is on, or what to say in its place.

        Once it is there the one of the `following` question is made ready. `skip` is the key that
        goes on to the next question.
        """
        if query is None:
            return None, ""
        try:
            film = self.film(query)
        except DataError as error:
            return None, f"{error}. {skip} goes on to the next question."
        if film is None:
            return None, "The clips are being made ..."
        if following is not None:
            self.want(following)
        return film, ""

    def forget(self, query: Query) -> None:
        """Let it be loaded anew when it is wanted next."""
        self._films.pop(query.id, None)
