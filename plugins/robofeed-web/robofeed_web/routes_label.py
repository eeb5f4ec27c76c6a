"""Routes of the label view: questions, answers, clips."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from robofeed.data import consent
from robofeed.data.people import Role
from robofeed_web.answers import read_said
from robofeed_web.refusal import Refusal
from robofeed_web.service import Service

_Count = Annotated[int, Query(ge=1, le=20)]
_FOR_GOOD = "private, max-age=31536000, immutable"


class Wanted(BaseModel):
    """How many questions a page asks for."""

    model_config = ConfigDict(extra="forbid")

    count: int


def label_routes(service: Service) -> APIRouter:
    """The routes, over an opened service."""
    routes = APIRouter()
    office = service.office

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

    @routes.post("/api/feedback")
    async def feedback(request: Request) -> dict[str, Any]:
        body = await request.body()
        return await run_in_threadpool(take, dict(request.cookies), body)

    def take(cookies: dict[str, str], body: bytes) -> dict[str, Any]:
        person = service.who(cookies, Role.LABEL)
        receipt, late = office.take(read_said(body), person)
        return {"uuid": receipt.uuid, "sequence": receipt.sequence, "late": late}

    @routes.post("/api/questions")
    def questions(request: Request, wanted: Wanted) -> dict[str, Any]:
        person = service.who(request.cookies, Role.LABEL)
        lent = office.questions(person, wanted.count)
        return {"questions": [office.as_json(query) for query in lent]}

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
    def clip(request: Request, clip_id: Annotated[str, Path(max_length=64)]) -> FileResponse:
        service.who(request.cookies, Role.VIEW)
        shown = office.clip(clip_id)
        if not shown.path.is_file():
            raise Refusal(404, "unknown", "the clip's file is gone")
        missing = ",".join(map(str, shown.missing))
        headers = {
            "Cache-Control": _FOR_GOOD,
            "X-Clip-Fps": f"{shown.fps:g}",
            "X-Clip-Missing": missing,
        }
        return FileResponse(shown.path, media_type="video/mp4", headers=headers)

    return routes
