"""Calls about logon sessions in, their documents and tokens out."""

import attrs

from veeam_async.simulator.answer import Answer
from veeam_async.simulator.call import Call
from veeam_async.simulator.documents import (
    Collection,
    EnterpriseManager,
    LogonSession,
    SupportedVersion,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.logons import HEADER, Logon, Logons
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.resources import EMPTY, SERVED
from veeam_async.simulator.wire import Product

_VERSIONS: dict[Product, tuple[str, ...]] = {
    "11": ("v1_4", "v1_5", "v1_6"),
    "12": ("v1_5", "v1_6", "v1_7"),
    "13": ("v1_5", "v1_6", "v1_7"),
}
_SERVICES = (
    ("TaskList", "tasks"),
    ("QueryService", "querySvc"),
    ("AgentsService", "agents"),
    ("NasService", "nas"),
)


def root(call: Call) -> Answer:
    """Show the root document."""
    base = call.presenter.base
    versions = tuple(
        SupportedVersion(links=(_create(base, name),), name=name)
        for name in _VERSIONS[call.presenter.product]
    )
    listing = Link(rel="Down", href=f"{base}/logonSessions", type="LogonSessionList")
    document = EnterpriseManager(
        supported_versions=Collection(
            root="SupportedVersions", key="SupportedVersions", items=versions
        ),
        links=(listing, _create(base, "latest")),
    )
    return Answer(document=document)


def _create(base: str, version: str) -> Link:
    href = f"{base}/sessionMngr/?v={version}"
    return Link(rel="Create", href=href, type="LogonSession")


@attrs.frozen
class Entrance:
    """The handlers that open, show and end logon sessions."""

    logons: Logons

    def log_on(self, call: Call) -> Answer:
        """Log on: 201, the token as a header and as a cookie."""
        version = call.param("v") or "latest"
        if version.lower() not in {"latest", *_VERSIONS[call.presenter.product]}:
            raise RefusalError(400, f"Version '{version}' is not supported.")
        logon = self.logons.open(call.headers.get("Authorization"))
        headers = {
            HEADER: logon.token,
            "Set-Cookie": f"{HEADER}={logon.token}; Path=/api;",
        }
        return Answer(201, _document(logon, call, is_full=True), headers)

    def show_all(self, call: Call) -> Answer:
        """Show every living logon session, other people's too."""
        items = tuple(_document(logon, call) for logon in self.logons.list())
        collection = Collection(root="LogonSessions", key="LogonSessions", items=items)
        return Answer(document=collection)

    def show(self, call: Call) -> Answer:
        """Show one logon session."""
        return Answer(document=_document(self.logons.find(call.ids[0]), call))

    def log_out(self, call: Call) -> Answer:
        """End one logon session."""
        self.logons.close(call.ids[0])
        return Answer(204)


def _document(logon: Logon, call: Call, *, is_full: bool = False) -> LogonSession:
    base = call.presenter.base
    here = f"{base}/logonSessions/{logon.id}"
    ways = _ways(base) if is_full else ()
    return LogonSession(
        user_name=logon.user,
        session_id=str(logon.id),
        links=(*ways, Link(rel="Delete", href=here)),
        href=here,
    )


def _ways(base: str) -> tuple[Link, ...]:
    up = Link(rel="Up", href=f"{base}/", type="EnterpriseManager")
    lists = {path: resource.type for path, resource in SERVED.items()}
    lists |= {path: plural.removesuffix("s") for path, plural in EMPTY.items()}
    references = [
        Link(rel="Down", href=f"{base}/{path}", type=f"{type_}ReferenceList")
        for path, type_ in lists.items()
    ]
    services = [
        Link(rel="Down", href=f"{base}/{path}", type=type_) for type_, path in _SERVICES
    ]
    report = Link(
        rel="Down", href=f"{base}/reports/summary", name="Summary", type="Report"
    )
    entities = [
        Link(rel="Down", href=f"{base}/{path}?format=Entity", type=f"{type_}List")
        for path, type_ in lists.items()
    ]
    return (up, *references, *services, report, *entities)
