"""Where the server may listen: on loopback, or further where that is meant and encrypted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from robofeed import ConfigError
from robofeed_web.config import WebConfig

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Binding:
    """A checked address. Made by `check_binding`."""

    host: str
    names: frozenset[str]
    """what a browser's Host header may name"""
    tls: bool
    motion_beyond_loopback: bool

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "https" if self.tls else "http"

    def url(self, port: int, token: str) -> str:
        """The link that lets its bearer in."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{port}/?token={token}"


def check_binding(config: WebConfig) -> Binding:
    """Check that the address of `config` may be listened on.

    Raises:
        ConfigError: beyond loopback without TLS or without saying that it is meant, a certificate
            without its key, or files that are not there.
    """
    if bool(config.tls_certificate) != bool(config.tls_key):
        raise ConfigError("tls_certificate and tls_key belong together: give both, or neither")
    for file in (config.tls_certificate, config.tls_key):
        if file and not Path(file).is_file():
            raise ConfigError(f"no TLS file {file}: give the path of a PEM file")
    tls = bool(config.tls_certificate)
    if not is_loopback(config.host):
        if not tls:
            raise ConfigError(
                f"refusing to listen on {config.host} without TLS: anyone on the way could read "
                "the links and answer. Leave the host at 127.0.0.1 and use `ssh -L`, or give "
                "tls_certificate and tls_key"
            )
        if not config.beyond_loopback:
            raise ConfigError(
                f"refusing to listen on {config.host}, where other machines can connect, unless "
                "it is said to be meant: --beyond-loopback (beyond_loopback = true)"
            )
    names = LOOPBACK_NAMES | {config.host.lower()} | {name.lower() for name in config.host_names}
    return Binding(config.host, frozenset(names), tls, config.motion_beyond_loopback)


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
