"""The page over TLS, with a certificate made here: cookie, answers and the live socket."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from robofeed import ConfigError
from robofeed.data.feedback import Ranking

from .browser import all_stored, answer, ask_for_controls, chromium, come_in
from .conftest import Served, make_run, start
from .test_live_page import Arm

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("openssl"), pytest.mark.timeout(200)]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of this machine alone and its key, as docs/web.md makes them."""
    pem, key = tmp_path / "it.pem", tmp_path / "it.key"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", names, "-out", str(pem), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


@pytest.fixture
def encrypted(tmp_path: Path, fake_film: None, certificate: tuple[Path, Path]) -> Iterator[Served]:
    pem, key = certificate
    up = start(make_run(tmp_path / "run", 10), tls_certificate=str(pem), tls_key=str(key))
    yield up
    up.end()


def test_a_link_opens_over_tls_and_its_cookie_travels_over_nothing_else(
    encrypted: Served, certificate: tuple[Path, Path]
) -> None:
    assert encrypted.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    connection = http.client.HTTPSConnection("127.0.0.1", encrypted.port, context=trusting)
    connection.request("GET", f"/?token={encrypted.token}")
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 200
    assert "secure" in (response.getheader("set-cookie") or "").lower()

    plain = http.client.HTTPConnection("127.0.0.1", encrypted.port, timeout=20)
    plain.request("GET", "/api/me")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()


@pytest.mark.needs("chromium")
def test_a_browser_answers_and_steers_over_tls(chromium: Browser, encrypted: Served) -> None:
    arm = Arm(encrypted.run_dir)
    # Nobody vouches for a certificate that was made here.
    context = chromium.new_context(ignore_https_errors=True)
    page = come_in(context.new_page(), encrypted.url)
    answer(page, "1")
    all_stored(page)
    page.goto(f"{page.url.partition('#')[0]}#live")
    ask_for_controls(page)
    page.wait_for_selector("#release")
    page.keyboard.down("d")
    arm.wait_for("move")
    context.close()
    arm.end()

    assert len(encrypted.standing(Ranking)) == 1


def test_a_certificate_that_is_none_is_said(tmp_path: Path, fake_film: None) -> None:
    broken = tmp_path / "it.pem"
    broken.write_text("no certificate", encoding="utf-8")
    run = make_run(tmp_path / "run", 1)
    with pytest.raises(ConfigError, match="TLS"):
        start(run, tls_certificate=str(broken), tls_key=str(broken))
