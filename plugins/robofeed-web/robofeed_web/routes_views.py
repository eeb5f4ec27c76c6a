"""Routes of the run view and the people view."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from robofeed.data.people import Role
from robofeed.data.run_folder import RunFolder
from robofeed_web.service import Service


def view_routes(service: Service) -> APIRouter:
    """The routes, over an opened service."""
    routes = APIRouter()
    office = service.office

    @routes.get("/api/run")
    def run(request: Request) -> dict[str, Any]:
        service.who(request.cookies, Role.VIEW)
        about = RunFolder(service.run_dir).about()
        shown = {name: about.get(name) for name in ("name", "status", "task", "seed", "created_at")}
        return {"about": shown, **service.figures.read(), "agreement": office.people()["agreement"]}

    @routes.get("/api/people")
    def people(request: Request) -> dict[str, Any]:
        person = service.who(request.cookies, Role.LABEL)
        figures = office.people()
        rows = figures["people"]
        # What somebody else gave, and how consistent they were, is for those who run this.
        if not person.role.may(Role.ADMIN):
            rows = {name: row for name, row in rows.items() if name == person.pseudonym}
        return {"people": rows, "taken_back": office.standing.retracted}

    return routes
