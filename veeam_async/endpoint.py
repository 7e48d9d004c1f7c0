"""Where the API is: the URL that the caller gave, and what hangs below it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import attrs

_PATH = "/-._~!$&'()*+,;=:@%"
_QUERY = _PATH + "?"


@attrs.frozen
class Endpoint:
    """*origin* is scheme, host and port; *root* the path of the API, `/api`."""

    origin: str
    root: str

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Read the URL of a server; `/api` is added when absent.

        Raises ValueError where it is no http(s) URL, or holds more than a place.
        """
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                "the URL needs a scheme and a host, as in https://em.example.com:9398"
            )
        if parts.username is not None or parts.password is not None:
            raise ValueError("give username and password as arguments, not in the URL")
        if parts.query or parts.fragment:
            raise ValueError("the URL ends with its path: no ? and no # in it")
        path = parts.path.rstrip("/")
        root = path if path.lower().endswith("/api") else f"{path}/api"
        return cls(f"{parts.scheme}://{parts.netloc}", quote(root, safe=_PATH))

    @property
    def is_tls(self) -> bool:
        """Whether the server is spoken to over TLS."""
        return self.origin.startswith("https:")

    def target(self, path: str) -> str:
        """Give the request target of *path* (and query) below the API's root."""
        return self.root + path

    def url(self, path: str) -> str:
        """Give the whole URL of *path* below the API's root, to show it."""
        return self.origin + self.root + path

    def rebase(self, href: str) -> str:
        """Give the path and query below the root that *href* names.

        The server writes links with its own idea of its host, which may be unreachable
        from here; only what follows `/api` in them counts. Raises ValueError where
        there is no such part.
        """
        parts = urlsplit(href)
        _, found, below = parts.path.partition("/api/")
        if not found:
            raise ValueError(f"{href!r} does not lead into the API")
        path = "/" + quote(below, safe=_PATH)
        return f"{path}?{quote(parts.query, safe=_QUERY)}" if parts.query else path
