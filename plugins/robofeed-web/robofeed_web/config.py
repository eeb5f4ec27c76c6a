"""Settings of the server, readable without loading it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class WebConfig(BaseModel):
    """Where the server listens, and what it allows there.

    host: address to bind; anything but loopback needs TLS and `beyond_loopback`.
    port: 0 takes the port the run had last, else 8765, else a free one.
    tls_certificate, tls_key: PEM files; both or neither.
    beyond_loopback: that other machines may connect is meant.
    motion_beyond_loopback: that other machines may move the arm is meant as well.
    host_names: names under which browsers may call it, beside those of loopback.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    tls_certificate: str = ""
    tls_key: str = ""
    beyond_loopback: bool = False
    motion_beyond_loopback: bool = False
    host_names: tuple[str, ...] = ()
