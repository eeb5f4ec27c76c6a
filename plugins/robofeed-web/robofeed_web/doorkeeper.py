"""The door of the server: nothing passes that a foreign page, or a careless one, has sent.

A page of another site can make a browser send requests here. It cannot choose the Host of a name
that it rebinds to this address, nor the Origin; so both are checked before anything else is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from robofeed_web.refusal import Refusal

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body; an answer is a few hundred."""

_CONTENT_SECURITY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _CONTENT_SECURITY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Doorkeeper:
    """ASGI middleware round the whole application.

    Args:
        app: What lies behind the door.
        names: Host names, lower case, under which the server may be called.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
            if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
                receive = _replaying(await _body(Headers(scope=scope), receive))
        except Refusal as refusal:
            await _refuse(scope, send, refusal)
            return
        await self._app(scope, receive, _with_headers(send))

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self._names:
            raise Refusal(
                421,
                "host",
                f"this server does not go by the name {', '.join(hosts) or '(none)'}; it knows "
                f"{', '.join(sorted(self._names))}. Others are allowed by host_names",
            )
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not reads and headers.getlist("origin") != [_own_origin(scope, hosts[0])]:
            raise Refusal(
                403,
                "origin",
                "the request does not come from this server's own page: open its link",
            )


async def _body(headers: Headers, receive: Receive) -> bytes:
    said = headers.get("content-length", "0")
    if not said.isdigit() or int(said) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "torn", "the request ended before it was whole")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise _too_large()
        more = message.get("more_body", False)
    if body and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "type", "only JSON is taken here (Content-Type: application/json)")
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(413, "size", f"the request is larger than {LARGEST_BODY // 1024} KiB")


def _replaying(body: bytes) -> Receive:
    """A `receive` that gives the body once, and then nothing more."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        # Closed before it was accepted: the browser sees a failed handshake (403).
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    send = _with_headers(send)
    body = json.dumps(refusal.body).encode()
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    # What is left of the body is not read, so the connection cannot be used again.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets; "" where it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() if "@" not in host else ""
    except ValueError:
        return ""


def _own_origin(scope: Scope, host: str) -> str:
    secure = scope["scheme"] in ("https", "wss")
    return f"{'https' if secure else 'http'}://{host}"
