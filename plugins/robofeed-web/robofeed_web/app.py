"""The application: what is asked of it by path, who may ask, and how errors are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from robofeed.data.errors import Busy, Conflict, DataError, Full
from robofeed_web.binding import Binding
from robofeed_web.doorkeeper import Doorkeeper
from robofeed_web.refusal import Refusal
from robofeed_web.routes_label import label_routes
from robofeed_web.routes_live import live_routes
from robofeed_web.routes_views import view_routes
from robofeed_web.service import Service

STATIC = Path(__file__).parent / "static"
_STATUS: tuple[tuple[type[DataError], int, str], ...] = (
    (Busy, 503, "busy"),
    (Full, 507, "full"),
    (Conflict, 409, "conflict"),
)


def create_app(service: Service, binding: Binding) -> Doorkeeper:
    """Put the application together, its door included."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=service.lifespan)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(DataError, _data_error)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(label_routes(service))
    app.include_router(view_routes(service))
    app.include_router(live_routes(service, binding))

    @app.get("/")
    def page(request: Request, token: str = "") -> Response:
        """The page; with the token of a link, a step before it that makes a cookie of it."""
        if token:
            secret = service.members.enter(token)
            response = _file("enter.html")
            response.set_cookie(
                service.cookie,
                secret,
                max_age=30 * 24 * 3600,
                httponly=True,
                samesite="strict",
                secure=binding.tls,
            )
            return response
        service.members.person(request.cookies.get(service.cookie, ""))
        return _file("index.html")

    return Doorkeeper(app, binding.names)


def _file(name: str) -> HTMLResponse:
    return HTMLResponse((STATIC / name).read_text(encoding="utf-8"))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if request.url.path == "/":
        # A person looks at this one, not a script.
        page = (STATIC / "stranger.html").read_text(encoding="utf-8")
        return HTMLResponse(page.replace("{message}", error.message), error.status)
    return JSONResponse(error.body, error.status)


async def _data_error(request: Request, error: Exception) -> Response:
    status, code = next(
        ((status, code) for kind, status, code in _STATUS if isinstance(error, kind)), (500, "data")
    )
    body: dict[str, Any] = {"error": code, "message": str(error)}
    return JSONResponse(body, status, headers={"Retry-After": "1"} if status == 503 else None)
