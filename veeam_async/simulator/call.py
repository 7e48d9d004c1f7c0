"""A request's target in, its path and its parameters out: one call of the API."""

from collections.abc import Mapping
from urllib.parse import unquote, unquote_plus

import attrs

from veeam_async.simulator.presenter import Presenter
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.world import World


@attrs.frozen
class Target:
    """What a request aims at: the parts of its path below /api, and its query."""

    parts: tuple[str, ...]
    params: Mapping[str, str]
    is_api: bool


@attrs.frozen
class Call:
    """One call as a handler sees it; *ids* are what stood for `{id}`."""

    params: Mapping[str, str]
    ids: tuple[str, ...]
    headers: Mapping[str, str]
    world: World
    presenter: Presenter

    def param(self, name: str) -> str | None:
        """Take a query parameter, whatever the case of its name."""
        for key, value in self.params.items():
            if key.lower() == name.lower():
                return value
        return None

    @property
    def is_entity(self) -> bool:
        """Whether the whole entity is asked for, not the reference."""
        name = self.param("format")
        if name is None or name.lower() == "reference":
            return False
        if name.lower() != "entity":
            raise RefusalError(400, f"Format '{name}' is unknown.")
        return True


def target_of(raw: str) -> Target:
    """Take a raw request target apart; in its query `+` is a space."""
    path, _, query = raw.partition("?")
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    parts = [unquote(part) for part in path.split("/") if part]
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return Target(
        parts=tuple(parts[1:]),
        params={unquote_plus(name): unquote_plus(value) for name, _, value in pairs},
        is_api=bool(parts) and parts[0].lower() == "api",
    )
