"""Routes of the live view: the arm's state and picture, Stop for everybody, motion for drivers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool

from robofeed.data import consent
from robofeed.data.people import Person, Role
from robofeed_web.binding import Binding
from robofeed_web.live_link import Viewer
from robofeed_web.refusal import Refusal
from robofeed_web.service import Service

_STATE_EVERY_S = 0.05
_LARGEST_MESSAGE = 4_096


def live_routes(service: Service, binding: Binding) -> APIRouter:
    """The routes, over an opened service."""
    routes = APIRouter()
    live = service.live

    @routes.post("/api/stop")
    async def stop(request: Request) -> dict[str, Any]:
        """Stop (software), for whoever may look. The run stores who it was."""
        person = await run_in_threadpool(service.who, dict(request.cookies), Role.VIEW)
        heard = await live.stop(person.pseudonym)
        if heard is None:
            raise Refusal(409, "no-arm", "no arm is there: the run is not going on, nothing moves")
        return {"heard": heard}

    @routes.websocket("/api/live")
    async def watch(socket: WebSocket) -> None:
        try:
            person = await run_in_threadpool(service.who, dict(socket.cookies), Role.VIEW)
        except Refusal as refusal:
            await socket.close(1008, refusal.code)
            return
        await socket.accept()
        why_not = _why_not_drive(person, socket, binding)
        viewer = Viewer(person.pseudonym)
        await socket.send_json({"is": "hello", "may_drive": not why_not, "why_not": why_not})
        live.join(viewer)
        telling = asyncio.create_task(_tell(socket, service, viewer))
        try:
            while True:
                said = await _heard(socket)
                refused = why_not
                if said.get("do") == "take" and not refused:
                    # What a person does with the arm is kept, like an answer.
                    refused = await run_in_threadpool(_why_not_yet, service, person)
                _heed(service, viewer, said, refused)
        except WebSocketDisconnect:
            pass
        finally:
            live.leave(viewer)
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await telling

    return routes


def _why_not_drive(person: Person, socket: WebSocket, binding: Binding) -> str:
    """The reason why this page may not move the arm, "" where it may."""
    if not person.role.may(Role.DRIVE):
        return f"your role is {person.role}; driving needs {Role.DRIVE}"
    if not binding.lets_move(socket.client.host if socket.client else ""):
        return "the arm is moved from this machine only (motion_beyond_loopback allows others)"
    return ""


def _why_not_yet(service: Service, person: Person) -> str:
    standing = service.office.standing
    standing.follow()
    if standing.consent(person.pseudonym) == consent.VERSION:
        return ""
    return "agree to the text about what is kept first: load the page again"


async def _heard(socket: WebSocket) -> dict[str, Any]:
    text = await socket.receive_text()
    try:
        said = json.loads(text) if len(text) <= _LARGEST_MESSAGE else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        await socket.close(1007, "not a command")
        raise WebSocketDisconnect(1007)
    return said


def _heed(service: Service, viewer: Viewer, said: dict[str, Any], why_not: str) -> None:
    if said.get("do") == "stop":
        service.live.send("stop", viewer.person)
    elif why_not:
        viewer.tell({"is": "refused", "reason": why_not})
    else:
        service.live.command(viewer, said)


async def _tell(socket: WebSocket, service: Service, viewer: Viewer) -> None:
    """Send what is new: messages at once, the state at most every 50 ms, the newest picture."""
    live = service.live
    pictures = service.pictures
    told: object = object()
    welcomed = False
    shown = 0
    blind = ""
    while True:
        while viewer.inbox:
            await socket.send_json(viewer.inbox.popleft())
        if not live.connected and told is not None:
            await socket.send_json({"is": "gone"})
            told, welcomed = None, False
            shown, blind = 0, ""
        if live.welcome is not None and not welcomed:
            await socket.send_json(live.welcome)
            welcomed = True
        state = live.state
        if state is not None and state is not told:
            await socket.send_json({key: each for key, each in state.items() if key != "scene"})
            told = state
            shown, picture = await pictures.newer(state.get("scene"), shown)
            if pictures.why_not != blind:
                blind = pictures.why_not
                await socket.send_json({"is": "picture", "why_not": blind})
            if picture:
                await socket.send_bytes(picture)
        await asyncio.sleep(_STATE_EVERY_S)
        viewer.woken.clear()
        if not viewer.inbox and live.state is told:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(viewer.woken.wait(), 1.0)
