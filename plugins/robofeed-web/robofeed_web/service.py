"""Everything behind the routes, opened for one run folder and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robofeed.data.people import Person, Role
from robofeed_web.clerk import Clerk
from robofeed_web.live_link import LiveLink
from robofeed_web.live_pictures import LivePictures
from robofeed_web.members import Members
from robofeed_web.office import Office
from robofeed_web.run_figures import RunFigures


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the server that the routes share."""

    run_dir: Path
    office: Office
    clerk: Clerk
    members: Members
    figures: RunFigures
    live: LiveLink
    pictures: LivePictures
    cookie: str
    """name of the session's cookie: one a port, since browsers share cookies between ports"""

    def who(self, cookies: Mapping[str, str], needed: Role) -> Person:
        """Who sends these cookies, if they may do what `needed` may; raises `Refusal` else."""
        return self.members.allowed(cookies.get(self.cookie, ""), needed)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Follow the arm while the server is up."""
        async with self.live:
            yield
