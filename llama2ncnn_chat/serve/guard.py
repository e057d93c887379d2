"""Who may ask: by the key, by the name a server is asked by, and by the page that asks.

Knows headers alone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .wanted import BadRequestError

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_HOST = re.compile(r"\[?(?P<name>[^\]]*?)\]?(:\d+)?")


@dataclass(frozen=True)
class Guard:
    """Refuses strangers. ``key`` is what clients have to know, if anything.

    ``hosts`` are the names that the server may be asked by, any if there are none: a page on
    another host, whose name leads here, isn't answered. Pages of ``origin`` may ask, too.
    """

    key: str = ""
    hosts: tuple[str, ...] = LOOPBACK
    origin: str = ""

    def refuse_stranger(self, headers: Mapping[str, str], *, changes: bool, is_open: bool) -> None:
        """Raise ``BadRequestError`` unless who asks may.

        ``changes`` says that it is asked to work, ``is_open`` that it needs no key.
        """
        host = headers.get("host", "")
        if self.hosts and _name_in(host) not in self.hosts:
            raise BadRequestError("this server has another name", status=421)
        if changes and self._is_foreign(headers, host):
            raise BadRequestError(
                "pages of other hosts may not ask", "--cors ORIGIN lets some", status=403
            )
        said = headers.get("authorization", "").removeprefix("Bearer ")
        if self.key and not is_open and not hmac.compare_digest(said.encode(), self.key.encode()):
            raise BadRequestError(
                "the API key is missing or wrong", status=401, code="invalid_api_key"
            )

    def _is_foreign(self, headers: Mapping[str, str], host: str) -> bool:
        """Tell whether a browser asks on behalf of another host's page."""
        origin = headers.get("origin")
        if origin is None or self.origin in ("*", origin):
            return False
        if site := headers.get("sec-fetch-site"):  # which a proxy's other name doesn't mislead
            return site not in ("same-origin", "none")
        try:
            return urlsplit(origin).netloc != host
        except ValueError:
            return True


def _name_in(host: str) -> str:
    found = _HOST.fullmatch(host)
    return found["name"].lower() if found else ""
