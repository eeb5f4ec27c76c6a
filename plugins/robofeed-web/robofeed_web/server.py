"""The server of one run folder, from opening it to closing it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import uvicorn

from robofeed import load_config
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed_web.address import listen
from robofeed_web.app import create_app
from robofeed_web.binding import check_binding, check_certificate
from robofeed_web.clerk import Clerk
from robofeed_web.config import WebConfig
from robofeed_web.film import RunFilm
from robofeed_web.live_link import LiveLink
from robofeed_web.live_pictures import LivePictures
from robofeed_web.members import Members
from robofeed_web.office import Office
from robofeed_web.run_figures import RunFigures
from robofeed_web.service import Service
from robofeed_web.sessions import SessionBook

URL_FILE = "web.url"
"""In the run folder while a server is up: its address, without a token."""
_LET_GO_S = 2


def serve(
    run_dir: Path,
    config: WebConfig,
    announce: Callable[[str], None],
    begun: Callable[[uvicorn.Server], None] = lambda server: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` gets the operator's link once it can be used.

    `begun` gets the server, so that another thread can end it.

    Raises:
        ConfigError: an address that may not, or cannot, be listened on.
        DataError: `run_dir` is not a run, or its ledger cannot be opened.
    """
    binding = check_binding(config)
    check_certificate(config)
    folder = open_run_folder(run_dir)
    sessions = SessionBook(folder.path)
    with contextlib.ExitStack() as closing:
        listener = closing.enter_context(listen(config.host, config.port, sessions.port))
        port = int(listener.getsockname()[1])
        sessions.remember_port(port)
        ledger = closing.enter_context(contextlib.closing(Ledger.open(folder.ledger)))
        film = closing.enter_context(contextlib.closing(RunFilm(folder.path)))
        members = Members(ledger.people, sessions)
        table = load_config(file=folder.config_path).ledger
        leases = ledger.leases(table.overlap, table.hold_s)
        office = Office(ledger, leases, film, EpisodeStore(folder.path))
        cookie = f"robofeed_{port}"
        service = Service(
            run_dir=folder.path,
            office=office,
            clerk=closing.enter_context(contextlib.closing(Clerk(office, members, cookie))),
            members=members,
            figures=RunFigures(folder.path),
            live=LiveLink(folder.path),
            pictures=LivePictures(film.draw, film.newest),
            cookie=cookie,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(service, binding),
                ws="websockets-sansio",
                ws_max_size=64 * 1024,
                log_level="warning",
                access_log=False,
                server_header=False,
                # The peer's address decides who may move the arm: no header may replace it.
                proxy_headers=False,
                timeout_graceful_shutdown=_LET_GO_S,
                ssl_certfile=config.tls_certificate or None,
                ssl_keyfile=config.tls_key or None,
            )
        )
        begun(server)
        url_file = folder.path / URL_FILE
        url = binding.url(port, members.operator_token)
        url_file.write_text(url.partition("?")[0] + "\n", encoding="utf-8")
        closing.callback(url_file.unlink, missing_ok=True)
        announce(url)
        server.run(sockets=[listener])
