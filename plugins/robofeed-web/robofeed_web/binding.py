"""Where the server may listen: on loopback, or further where that is meant and encrypted."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from robofeed import ConfigError
from robofeed_web.config import WebConfig

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Binding:
    """A checked address. Made by `check_binding`."""

    host: str
    names: frozenset[str]
    """what a browser's Host header may name"""
    tls: bool
    motion_beyond_loopback: bool
    link_name: str
    """what links call it: `host`, unless that stands for every address of the machine"""

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "https" if self.tls else "http"

    def url(self, port: int, token: str) -> str:
        """The link that lets its bearer in."""
        host = f"[{self.link_name}]" if ":" in self.link_name else self.link_name
        return f"{self.scheme}://{host}:{port}/?token={token}"

    def lets_move(self, peer: str) -> bool:
        """Whether a page at this address may move the arm, if its person may."""
        return self.motion_beyond_loopback or is_loopback(peer)


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
    if config.host in _EVERY_ADDRESS and not config.host_names:
        raise ConfigError(
            f"{config.host} stands for every address of this machine: say by which name or address "
            "browsers reach it, with --host-name lab.example (host_names)"
        )
    link_name = config.host_names[0] if config.host in _EVERY_ADDRESS else config.host
    return Binding(
        config.host, frozenset(names), tls, config.motion_beyond_loopback, link_name.lower()
    )


def check_certificate(config: WebConfig) -> None:
    """Check that the certificate and its key can be used, where there are any.

    Raises:
        ConfigError: they are no PEM files, or do not belong together.
    """
    if not config.tls_certificate:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            config.tls_certificate, config.tls_key, password=""
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"TLS cannot be used with the certificate {config.tls_certificate} and the key "
            f"{config.tls_key}: {error}. Both must be PEM files that belong together, the key "
            "without a password"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
