"""A manager's arguments, checked, and the pool that they make."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
from attrs.validators import and_, ge, in_, instance_of, le, optional

from veeam_async.clock import Clock
from veeam_async.pool.client import POOL_CLOCK, Pool
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.instrumentation import (
    NOT_AWAITED,
    Instrumentation,
    RequestDone,
    is_async,
)
from veeam_async.pool.logon import Logon, Password, Send, is_text
from veeam_async.retry import Retry
from veeam_async.secret import Secret, Secrets, hidden
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.exchange import Timeout, Transport
from veeam_async.transport.tls import Trust
from veeam_async.version import __version__

_USER_AGENT = f"veeam-async/{__version__}"
_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml"}


def _text(_settings: object, field: attrs.Attribute[Any], value: object) -> None:
    if not is_text(value) or not value:
        raise ValueError(f"{field.name} is a Unicode text that is not empty")


def _user(_settings: object, _field: attrs.Attribute[Any], value: str) -> None:
    if ":" in value:
        raise ValueError("a user name holds no colon (RFC 7617)")


def _password(
    _settings: object, _field: attrs.Attribute[Any], value: Secret[Any]
) -> None:
    if not is_text(value.reveal()) and not callable(value.reveal()):
        raise ValueError("password is a Unicode text, or a callable that gives one")


def _proxy(
    _settings: object, _field: attrs.Attribute[Any], value: Secret[str | None]
) -> None:
    if value.reveal() is not None:
        # Here, since aiohttp takes longer to load than all else together.
        from veeam_async.transport.aiohttp import proxy_of  # noqa: PLC0415 - see above

        proxy_of(value)


def _listener(_settings: object, _field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ValueError("on_request is a callable")
    if is_async(value):
        raise ValueError(f"on_request is called and never awaited: {NOT_AWAITED}")


_MOST_CONNECTIONS = 65_535
"""No machine has more ports towards one server."""

_COUNT = and_(instance_of(int), ge(1))


@attrs.frozen(kw_only=True)
class Settings:
    """The arguments of `EnterpriseManager` but for its URL and whom to trust.

    Raises ValueError (through `checked`) for one that makes no sense.
    """

    username: str = attrs.field(validator=[_text, _user])
    password: Secret[Password] = attrs.field(converter=hidden, validator=_password)
    accept: str = attrs.field(validator=in_(_MEDIA_TYPES))
    api_version: str = attrs.field(validator=_text)
    max_connections: int = attrs.field(validator=and_(_COUNT, le(_MOST_CONNECTIONS)))
    timeout: Timeout | None = attrs.field(validator=optional(instance_of(Timeout)))
    retry: Retry | None = attrs.field(validator=optional(instance_of(Retry)))
    max_body_size: int = attrs.field(validator=_COUNT)
    transport: str = attrs.field(validator=in_(("auto", "aiohttp")))
    proxy: Secret[str | None] = attrs.field(converter=hidden, validator=_proxy)
    on_request: Callable[[RequestDone], object] | None = attrs.field(
        validator=_listener
    )

    @classmethod
    def checked(cls, **arguments: Any) -> Settings:
        """Settings of these arguments; a wrong type is ValueError too."""
        try:
            return cls(**arguments)
        except (TypeError, ValueError) as error:
            # Of the arguments of an attrs validator's error the first is the text.
            said = str(error.args[0]) if error.args else "an argument makes no sense"
        raise ValueError(said)

    def pool(
        self,
        endpoint: Endpoint,
        trust: Trust | None,
        *,
        clock: Clock = POOL_CLOCK,
        connect: Callable[[], Transport] | None = None,
    ) -> Pool:
        """A pool, not open yet; a *connect* replaces the transport."""
        secrets = Secrets(self._secrets())
        return Pool(
            endpoint,
            connect or self._connector(endpoint.origin, trust),
            lambda send: self._log_on(send, endpoint, clock, secrets),
            max_connections=self.max_connections,
            retry=self.retry,
            instrumentation=Instrumentation(self.on_request, clock),
            clock=clock,
            timeout=(self.timeout or Timeout()).request,
            secrets=secrets,
        )

    def _secrets(self) -> list[str]:
        """What of the proxy's URL must not be shown."""
        if self.proxy.reveal() is None:
            return []
        from veeam_async.transport.aiohttp import secrets_of  # noqa: PLC0415 - as above

        return secrets_of(self.proxy)

    def _connector(self, origin: str, trust: Trust | None) -> Callable[[], Transport]:
        """What makes the transport, its modules loaded already."""
        given: dict[str, Any] = {
            "trust": trust,
            "timeout": self.timeout or Timeout(),
            "max_body_size": self.max_body_size,
        }
        if self.transport == "auto" and self.proxy.reveal() is None:
            return partial(DirectTransport, origin, **given)
        # Loaded now, since a loop may serve already once a manager is opened; but not
        # for the others: aiohttp takes longer to load than all else together.
        from veeam_async.transport.aiohttp import (  # noqa: PLC0415 - see above
            AiohttpTransport,
        )

        return partial(AiohttpTransport, origin, **given, proxy=self.proxy)

    def _log_on(
        self, send: Send, endpoint: Endpoint, clock: Clock, secrets: Secrets
    ) -> Logon:
        return Logon(
            send,
            endpoint,
            username=self.username,
            password=self.password,
            api_version=self.api_version,
            clock=clock,
            secrets=secrets,
            headers={
                "Accept": _MEDIA_TYPES[self.accept],
                "Accept-Encoding": "identity",
                "User-Agent": _USER_AGENT,
            },
        )
