"""Routes of the label view: questions, answers, clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response

from robofeed.data import consent
from robofeed.data.people import Role
from robofeed_web.office import ShownClip
from robofeed_web.refusal import Refusal
from robofeed_web.service import Service

_Count = Annotated[int, Query(ge=1, le=20)]
_WAITING_FOR_CLIPS = 16
"""Clips that are waited for at once; who asks for more of them waits longer, and nobody else."""
_FOR_GOOD = "private, max-age=31536000, immutable"


def label_routes(service: Service) -> APIRouter:
    """The routes, over an opened service."""
    routes = APIRouter()
    office = service.office
    filming = anyio.CapacityLimiter(_WAITING_FOR_CLIPS)

    @routes.get("/api/me")
    def me(request: Request) -> dict[str, Any]:
        person = service.who(request.cookies, Role.VIEW)
        office.standing.follow()
        agreed = office.standing.consent(person.pseudonym) == consent.VERSION
        return {
            "person": person.pseudonym,
            "role": str(person.role),
            "may": [str(role) for role in Role if person.role.may(role)],
            "run": service.run_dir.name,
            "consent": {"agreed": agreed, "version": consent.VERSION, "text": consent.TEXT},
        }

    async def feedback(request: Request) -> Response:
        receipt, late = await service.clerk.take(request.cookies, await request.body())
        return JSONResponse({"uuid": receipt.uuid, "sequence": receipt.sequence, "late": late})

    async def questions(request: Request) -> Response:
        lent = await service.clerk.lend(request.cookies, await request.body())
        return JSONResponse({"questions": lent})

    # Plain routes: these two are asked for with every answer, and FastAPI's reading of arguments
    # would cost as much as storing one.
    routes.add_route("/api/feedback", feedback, methods=["POST"])
    routes.add_route("/api/questions", questions, methods=["POST"])

    @routes.get("/api/questions/{query_id}")
    def question(request: Request, query_id: str) -> dict[str, Any]:
        service.who(request.cookies, Role.LABEL)
        return office.as_json(office.query(query_id))

    @routes.get("/api/to-rate")
    def to_rate(request: Request, count: _Count = 2) -> dict[str, Any]:
        person = service.who(request.cookies, Role.LABEL)
        clips = [
            {"query": query.id, "place": place, "clips": [office.as_json(query)["clips"][place]]}
            for query, place in office.to_rate(person, count)
        ]
        return {"questions": clips}

    @routes.get("/api/to-judge")
    def to_judge(request: Request, count: _Count = 2) -> dict[str, Any]:
        person = service.who(request.cookies, Role.LABEL)
        clips = [
            {"episode": name, "clips": [office.clip_id(whole)]}
            for name, whole in office.to_judge(person, count)
        ]
        return {"questions": clips}

    @routes.get("/clips/{clip_id}")
    async def clip(request: Request, clip_id: Annotated[str, Path(max_length=64)]) -> FileResponse:
        shown = await run_in_threadpool(look, request.cookies, clip_id)
        if shown is None:
            # In threads of their own, so that nobody who answers waits for those who wait here.
            shown = await anyio.to_thread.run_sync(office.clip, clip_id, True, limiter=filming)
        if shown is None or not shown.path.is_file():
            raise Refusal(404, "unknown", "the clip's file is gone")
        missing = ",".join(map(str, shown.missing))
        headers = {
            "Cache-Control": _FOR_GOOD,
            "X-Clip-Fps": f"{shown.fps:g}",
            "X-Clip-Missing": missing,
        }
        return FileResponse(shown.path, media_type="video/mp4", headers=headers)

    def look(cookies: Mapping[str, str], clip_id: str) -> ShownClip | None:
        service.who(cookies, Role.VIEW)
        return office.clip(clip_id, wait=False)

    return routes
