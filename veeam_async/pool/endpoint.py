"""The address of the API: the URL that the caller gave, and the paths below it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import attrs

from veeam_async.secret import Secret, hidden

_PATH = "/-._~!$&'()*+,;=:@%"
_QUERY = _PATH + "?"
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9._-]+)?")
_NEEDS = "the URL needs a scheme and a host, as in https://em.example.com:9398"


@attrs.frozen
class Endpoint:
    """*origin* is scheme, host and port; *root* the path of the API, `/api`."""

    origin: str
    root: str

    @classmethod
    def parse(cls, url: str | Secret[str]) -> Endpoint:
        """Read the URL of a server; `/api` is added when absent.

        Raises ValueError where it is no http(s) URL, or holds credentials, a query or
        a fragment.
        """
        # A password in it would show: some tools show arguments and variables.
        given: Secret[Any] = hidden(url)
        del url
        if (fault := _fault_in(given)) is not None:
            raise ValueError(fault)
        parts = urlsplit(given.reveal().strip())
        path = parts.path.rstrip("/")
        root = path if path.lower().endswith("/api") else f"{path}/api"
        return cls(f"{parts.scheme}://{_place(parts)}", quote(root, safe=_PATH))

    @property
    def is_tls(self) -> bool:
        """Whether the server is spoken to over TLS."""
        return self.origin.startswith("https:")

    def target(self, path: str) -> str:
        """The request target of *path* (and query) below the API's root."""
        return self.root + path

    def url(self, path: str) -> str:
        """The whole URL of *path* below the API's root, to show it."""
        return self.origin + self.root + path

    def rebase(self, href: str) -> str:
        """Path and query below the root that *href* names.

        Only what follows `/api/` in it counts. Raises ValueError where it has no such
        part.
        """
        # The server writes links with its own idea of its host, which may be
        # unreachable from here; followed there, a token would leak to it.
        parts = urlsplit(href)
        _, found, below = parts.path.partition("/api/")
        if not found:
            # The link is not quoted: that of a logon session is a secret.
            raise ValueError("the link does not lead into the API: no /api/ in it")
        path = "/" + quote(below, safe=_PATH)
        return f"{path}?{quote(parts.query, safe=_QUERY)}" if parts.query else path


def _fault_in(given: Secret[Any]) -> str | None:
    """What is wrong with a URL, None where nothing is."""
    url = given.reveal()
    try:
        parts = urlsplit(url.strip() if isinstance(url, str) else "")
        # Read first: what comes next may be wrong because of it.
        holds_user = parts.username is not None or parts.password is not None
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
        if is_http and not holds_user:
            _place(parts)
    except ValueError:
        return _NEEDS
    if not is_http:
        return _NEEDS
    if holds_user:
        return "give username and password as arguments, not in the URL"
    if parts.query or parts.fragment:
        return "the URL ends with its path: no ? and no # in it"
    return None


def _place(parts: SplitResult) -> str:
    """Host and port as a URL writes them; ValueError where they are invalid."""
    try:
        name = parts.hostname or ""
        host = name if ":" in name else name.encode("idna").decode().lower()
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        raise ValueError(_NEEDS) from None
    # What a name folds to may be nothing but dots.
    if not _HOST.fullmatch(host) or not host.strip(".") or port == ":0":
        raise ValueError(_NEEDS)
    return f"[{host}]{port}" if ":" in host else f"{host}{port}"
