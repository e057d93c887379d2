"""Where an engine is, and whether it may be spoken to: the URL that a person types, taken apart.

Opens no connection. A key stays apart from all that is shown or kept.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..errors import Advice, UsageError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """``url`` is where requests begin, ``place`` the host and port; ``key`` is never shown."""

    url: str
    place: str
    is_near: bool = True
    key: str = field(default="", repr=False)


def address_of(typed: str, key: str = "", *, insecure: bool = False) -> Address:
    """Take a URL apart: a host and port is one, and a ``/v1`` at its end is left out.

    Raises ``UsageError`` for what is no URL, has a password in it, or would send texts in the clear
    to another machine, unless that is allowed as ``insecure``.
    """
    typed = typed.strip()
    try:
        parts = urlsplit(typed if "://" in typed else f"http://{typed}")
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    if "@" in typed:
        raise UsageError("the URL has a name or a password in it", Advice.NAME_KEY)
    if scheme not in PORTS or not host or any(c.isspace() for c in typed):
        raise UsageError(f"{typed[:100]!r} is no URL of an engine", "such as http://localhost:8080")
    if parts.query or parts.fragment:
        raise UsageError("the URL has more than a host, a port and a path", "leave out the rest")
    if not key.isascii() or any(c.isspace() or not c.isprintable() for c in key):
        raise UsageError("the key has characters that no key has", Advice.NAME_KEY)
    port = PORTS[scheme] if port is None else port
    name = f"[{host}]" if ":" in host else host
    near, path = _is_near(host), parts.path.rstrip("/").removesuffix("/v1")
    if scheme == "http" and not near and not insecure:
        raise UsageError(
            f"{name}:{port} is another machine, and http sends what you write in the clear",
            Advice.ALLOW_HTTP,
        )
    return Address(f"{scheme}://{name}:{port}{path}", f"{name}:{port}", near, key)


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone: nobody is asked."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
