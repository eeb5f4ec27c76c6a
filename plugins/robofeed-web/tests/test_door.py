"""What a foreign page, a stranger or a careless program may not do, asked of a real server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from robofeed import ConfigError
from robofeed.data.people import Role
from robofeed_web.address import listen
from robofeed_web.binding import check_binding
from robofeed_web.config import WebConfig
from robofeed_web.doorkeeper import LARGEST_BODY
from robofeed_web.sessions import FILE

from .conftest import Caller, Served, start

# --- names and origins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1@evil.example", ""]
)
def test_a_foreign_host_is_turned_away(operator: Caller, host: str) -> None:
    status, _, body = operator("GET", "/api/me", headers={"Host": host})

    assert status == 421
    assert b"does not go by the name" in body


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:1", "[::1]:8765"])
def test_loopback_is_known_under_any_port_so_that_a_tunnel_works(
    operator: Caller, host: str
) -> None:
    assert operator("GET", "/api/me", headers={"Host": host})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", None])
@pytest.mark.parametrize("path", ["/api/feedback", "/api/questions", "/api/stop"])
def test_a_foreign_origin_changes_nothing(
    served: Served, operator: Caller, origin: str | None, path: str
) -> None:
    before = len(served.ledger.since(0))

    status, _, body = operator("POST", path, {"count": 1}, headers={"Origin": origin})

    assert status == 403
    assert b'"origin"' in body
    assert len(served.ledger.since(0)) == before


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", None])
def test_a_websocket_of_a_foreign_origin_is_not_opened(
    served: Served, operator: Caller, origin: Any
) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            f"ws://127.0.0.1:{served.port}/api/live",
            origin=origin,
            additional_headers={"Cookie": operator.cookie},
        )


def test_a_websocket_without_a_session_is_not_opened(served: Served) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{served.port}/api/live", origin=f"http://127.0.0.1:{served.port}")


def test_two_hosts_are_one_too_many(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(b"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")
        answer = raw.recv(4096)

    assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))


# --- bodies ---------------------------------------------------------------------------------------


def test_a_huge_body_is_not_read(served: Served, operator: Caller) -> None:
    status, _, body = operator(
        "POST", "/api/feedback", b"{", headers={"Content-Length": str(1 << 30)}
    )

    assert status == 413
    assert b"64 KiB" in body


def test_a_huge_body_that_hides_its_length_is_cut_off(served: Served, operator: Caller) -> None:
    chunk = b"%x\r\n%s\r\n" % (LARGEST_BODY // 4, b" " * (LARGEST_BODY // 4))
    host = f"127.0.0.1:{served.port}"
    head = (
        f"POST /api/feedback HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        f"Cookie: {operator.cookie}\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(head.encode() + 5 * chunk)
        answer = raw.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")


def test_only_json_is_taken(operator: Caller) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert operator("POST", "/api/questions", b"count=1", headers=form)[0] == 415


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"count": "many"}', b"\xff\xfe"])
def test_what_is_not_a_request_is_refused_in_words(operator: Caller, body: bytes) -> None:
    assert operator("POST", "/api/questions", body)[0] == 422
    status, _, answer = operator("POST", "/api/feedback", body)

    assert status == 422
    assert b"not an answer" in answer


# --- who is there ---------------------------------------------------------------------------------


def test_a_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(served: Served) -> None:
    caller = Caller(served.port)

    status, headers, body = caller("GET", f"/?token={served.token}")

    assert status == 200
    assert served.token.encode() not in body
    assert served.token not in headers["set-cookie"]
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/api/me", "/api/run", "/api/people"])
def test_a_stranger_sees_nothing(served: Served, path: str) -> None:
    assert Caller(served.port)("GET", path)[0] == 401


@pytest.mark.parametrize("cookie", ["x=1", "robofeed_{port}=", "robofeed_{port}=guess"])
def test_a_wrong_cookie_is_nobodys(served: Served, cookie: str) -> None:
    caller = Caller(served.port, cookie.format(port=served.port))

    status, body = caller.said("GET", "/api/me")

    assert (status, body["error"]) == (401, "session")
    assert "open your link again" in body["message"]


def test_no_secret_is_on_the_disk(served: Served, operator: Caller) -> None:
    secret = operator.cookie.partition("=")[2]
    kept = b"".join(path.read_bytes() for path in served.run_dir.rglob("*") if path.is_file())

    assert secret.encode() not in kept
    assert served.token.encode() not in kept
    assert (served.run_dir / FILE).stat().st_mode & 0o077 == 0


def test_roles_come_from_the_server(served: Served) -> None:
    people = served.ledger.people
    viewer = Caller(served.port).enter(people.add("vera", Role.VIEW).token)
    labeller = Caller(served.port).enter(people.add("leo", Role.LABEL).token)

    assert viewer.said("GET", "/api/me")[1]["role"] == "view"
    assert viewer.said("GET", "/api/run")[0] == 200
    assert viewer.said("POST", "/api/questions", {"count": 1})[0] == 403
    assert viewer.said("POST", "/api/feedback", {})[0] == 403
    assert labeller.said("POST", "/api/questions", {"count": 1})[0] == 200
    assert set(labeller.said("GET", "/api/people")[1]["people"]) <= {"leo"}


def test_who_was_removed_is_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robofeed_web.members._ASKED_AGAIN_S", 0.0)
    caller = Caller(served.port).enter(served.ledger.people.add("leo", Role.LABEL).token)
    assert caller.said("GET", "/api/me")[0] == 200

    served.ledger.people.remove("leo")

    assert caller.said("GET", "/api/me")[0] == 401


def test_a_session_and_a_port_outlive_the_server(served: Served, operator: Caller) -> None:
    port = served.port
    served.end()
    again = start(served.run_dir)
    try:
        assert again.port == port
        assert operator.said("GET", "/api/me")[1]["person"] == "operator"
        assert (served.run_dir / "web.url").read_text() == f"http://127.0.0.1:{port}/\n"
    finally:
        again.end()
    assert not (served.run_dir / "web.url").exists()
    served.server, served.thread = again.server, again.thread


def test_every_answer_tells_the_browser_what_it_may_run(operator: Caller) -> None:
    for path in ("/", "/static/main.js", "/api/me", "/nowhere"):
        _, headers, _ = operator("GET", path)
        policy = headers["content-security-policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_page_has_no_script_of_its_own_and_asks_nobody_else(operator: Caller) -> None:
    static = Path(__file__).parent.parent / "robofeed_web/static"
    for page in static.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "style=" not in text
        assert "onclick" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/')
    for file in static.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org", "")
        assert "http://" not in text
        assert "https://" not in text


# --- where it listens -----------------------------------------------------------------------------


def test_beyond_loopback_needs_tls_and_to_be_meant(tmp_path: Path) -> None:
    pem = tmp_path / "it.pem"
    pem.write_text("-")
    tls: dict[str, Any] = {"tls_certificate": str(pem), "tls_key": str(pem)}

    with pytest.raises(ConfigError, match="without TLS"):
        check_binding(WebConfig(host="0.0.0.0", beyond_loopback=True))
    with pytest.raises(ConfigError, match="beyond-loopback"):
        check_binding(WebConfig(host="0.0.0.0", **tls))
    with pytest.raises(ConfigError, match="belong together"):
        check_binding(WebConfig(tls_certificate=str(pem)))
    with pytest.raises(ConfigError, match="no TLS file"):
        check_binding(WebConfig(tls_certificate="gone.pem", tls_key="gone.pem"))

    everywhere: dict[str, Any] = {"host": "0.0.0.0", "beyond_loopback": True, **tls}
    with pytest.raises(ConfigError, match="--host-name"):
        check_binding(WebConfig(**everywhere))

    binding = check_binding(WebConfig(host_names=("Lab.example",), **everywhere))

    assert binding.url(8765, "t") == "https://lab.example:8765/?token=t"
    assert "lab.example" in binding.names
    assert not binding.motion_beyond_loopback


def test_the_arm_is_moved_from_this_machine_alone_unless_more_is_said(tmp_path: Path) -> None:
    pem = tmp_path / "it.pem"
    pem.write_text("-")
    beyond: dict[str, Any] = {
        **{"host": "192.0.2.7", "beyond_loopback": True},
        **{"tls_certificate": str(pem), "tls_key": str(pem)},
    }
    binding = check_binding(WebConfig(**beyond))
    assert [binding.lets_move(peer) for peer in ("127.0.0.1", "::1", "192.0.2.9", "")] == [
        *(True, True),
        *(False, False),
    ]
    assert check_binding(WebConfig(**beyond, motion_beyond_loopback=True)).lets_move("192.0.2.9")


def test_a_port_that_is_taken_is_said(served: Served) -> None:
    with pytest.raises(ConfigError, match=f"port {served.port}"):
        start(served.run_dir, port=served.port)


def test_no_part_of_a_response_waits_for_the_browser_to_acknowledge_another() -> None:
    with listen("127.0.0.1", 0, 0) as listener:
        # By this asyncio knows that it may switch Nagle's algorithm off.
        assert listener.proto == socket.IPPROTO_TCP


def test_no_header_makes_a_visitor_local(operator: Caller, served: Served) -> None:
    # Who may move the arm depends on the peer's address; proxies' headers do not count.
    from robofeed_web.binding import is_loopback

    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.7")
    assert not is_loopback("evil.example")
