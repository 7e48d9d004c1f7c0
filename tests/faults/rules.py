"""What must come out of a cell, from the fault's nature and the operation's family.

Each rule is a pair: what comes where the fault strikes once, and where it strikes
again and again. Exceptions are listed below the rules, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from tests.faults.operations import INTERVAL, PATIENCE, Family, Operation
from tests.faults.table import Fault, Nature

ATTEMPTS = 3
"""How often a client of these cells sends a request that fails."""

_SWEEPS = 7
"""Requests to look for rows that were promised and did not come."""

_MOST_SWEEPS = 24
"""How often all pages are read where their rows move."""

LOGOUT_SECONDS = 5.0
"""For how long leaving waits for a logout."""

RESULT = frozenset({"result"})
LATE = frozenset({"DeadlineExceeded"})
BROKEN = frozenset({"ConnectionFailed"})
LOST = frozenset({"StartUnconfirmed"})
UNREADABLE = frozenset({"DecodeError"})
PARTIAL = frozenset({"DecodeError", "IncompleteAnswer"})
LARGE = frozenset({"BodyTooLarge"})
MUTE = frozenset({"RequestTimeout", "ServerSilent"})
DENIED = frozenset({"AuthenticationFailed"})
UNTRUSTED = frozenset({"CertificateError"})
FOREIGN = frozenset({"NotEnterpriseManager"})
PAUSED = frozenset({"LogonPaused"})
MISSING = frozenset({"NotFound"})
GONE = frozenset({"GoneError"})

Outcomes = frozenset[str]
Pair = tuple[Outcomes, Outcomes]


@attrs.frozen(kw_only=True)
class Expected:
    """*outcomes* are classes of errors, or "result", which is the true one.

    At most so many requests go out, so many of them *logons* (None where nothing is
    stated), and so many logon sessions stay at the server.
    """

    outcomes: Outcomes
    requests: int
    logons: int | None = None
    logons_left: int = 0


def expected(
    fault: Fault,
    operation: Operation,
    *,
    is_tls: bool,
    transport: str,
    plain_requests: int,
) -> Expected:
    """What must come of *fault*, where an undisturbed *operation* costs so much."""
    pair = pair_of(fault, operation, is_tls=is_tls, transport=transport)
    nature = fault.nature_for(operation.name, is_tls=is_tls, transport=transport)
    return Expected(
        outcomes=pair[fault.lasting],
        requests=plain_requests + _extra(fault, operation, nature, plain_requests),
        logons=_logons(fault, operation, nature),
        logons_left=_left(fault, operation, nature),
    )


def pair_of(
    fault: Fault, operation: Operation, *, is_tls: bool, transport: str
) -> Pair:
    """What comes where *fault* strikes once, and where it does again and again."""
    nature = fault.nature_for(operation.name, is_tls=is_tls, transport=transport)
    exception = _exception(operation, nature)
    if exception is not None:
        return exception
    if operation.family is Family.POLL:
        return _polled(fault, operation, nature)
    if nature is Nature.STATUS:
        pair = _of_status(fault, operation)
    else:
        pair = _RULES[nature][_family(fault, operation, nature)]
    if operation.family is Family.WATCH and operation.path == "/query":
        # Other ways stand in for lists, once those have failed for half a minute: by
        # chance that is soon enough.
        return pair[0], pair[1] | RESULT
    return pair


def _family(fault: Fault, operation: Operation, nature: Nature) -> Family:
    # A start reads the job first: that is what a broken connection meets.
    if fault.connect is not None and operation.family is Family.START:
        return Family.READ
    return operation.family


# ------------------------------------------------------------- the rules


def _reads(broken: Outcomes, *, once: Outcomes = RESULT) -> dict[Family, Pair]:
    """The rules of what is read: *once* it strikes once, then it is *broken*."""
    return dict.fromkeys((Family.READ, Family.LIST, Family.FETCH), (once, broken))


_STAYS: dict[Family, Pair] = {
    Family.WATCH: (RESULT, LATE),
    Family.LEAVE: (RESULT, RESULT),
}
"""What waits goes on until its own time-out; leaving raises nothing."""

_RULES: Mapping[Nature, Mapping[Family, Pair]] = {
    Nature.HARMLESS: dict.fromkeys(Family, (RESULT, RESULT)),
    Nature.BROKEN: {
        **_reads(BROKEN),
        **_STAYS,
        Family.ACTION: (BROKEN, BROKEN),
        Family.START: (LOST, LOST),
        Family.LOGON: (RESULT, BROKEN),
    },
    Nature.SILENT: {
        **_reads(MUTE),
        **_STAYS,
        Family.ACTION: (MUTE, MUTE),
        Family.START: (LOST, LOST),
        Family.LOGON: (RESULT, MUTE),
    },
    Nature.UNSENT: {
        **_reads(BROKEN),
        **_STAYS,
        Family.ACTION: (RESULT, BROKEN),
        Family.START: (RESULT, BROKEN),
        Family.LOGON: (RESULT, BROKEN),
    },
    Nature.SLOW_TO_CONNECT: {
        **_reads(MUTE),
        **_STAYS,
        Family.ACTION: (RESULT, MUTE),
        Family.START: (RESULT, MUTE),
        Family.LOGON: (RESULT, MUTE),
    },
    Nature.UNREADABLE: {
        **_reads(UNREADABLE, once=UNREADABLE),
        Family.LIST: (RESULT, PARTIAL),
        **_STAYS,
        Family.ACTION: (UNREADABLE, UNREADABLE),
        Family.START: (LOST, LOST),
        # A 201 with a token is a logon, whatever its body.
        Family.LOGON: (RESULT, RESULT),
    },
    Nature.TOO_LARGE: {
        **_reads(LARGE, once=LARGE),
        **_STAYS,
        Family.ACTION: (LARGE, LARGE),
        Family.START: (LOST, LOST),
    },
    # What came of the answer to a logon is enough.
    Nature.HALF: {Family.LOGON: (RESULT, RESULT)},
    # By chance the token is in what came.
    Nature.PART_OF_HEAD: {Family.LOGON: (RESULT, RESULT | BROKEN | MUTE)},
    Nature.STRANGE: {
        **_reads(BROKEN),
        **_STAYS,
        Family.ACTION: (BROKEN, BROKEN),
        Family.START: (LOST, LOST),
        Family.LOGON: (RESULT, RESULT),
    },
    Nature.UNAUTHORIZED: {
        **_reads(DENIED),
        **_STAYS,
        Family.ACTION: (RESULT, DENIED),
        Family.START: (RESULT, DENIED),
        Family.LOGON: (DENIED, DENIED),
    },
    Nature.CERTIFICATE: {
        **_reads(UNTRUSTED, once=UNTRUSTED),
        **_STAYS,
        Family.ACTION: (UNTRUSTED, UNTRUSTED),
        Family.START: (UNTRUSTED, UNTRUSTED),
        Family.LOGON: (UNTRUSTED, UNTRUSTED),
    },
    Nature.PARTIAL: {
        **dict.fromkeys(Family, (RESULT, RESULT)),
        Family.LIST: (RESULT, PARTIAL),
    },
    Nature.UNSTABLE: {Family.LIST: (RESULT, RESULT | PARTIAL)},
    Nature.EMPTY: {Family.WATCH: (RESULT, LATE)},
    Nature.FOREIGN: {Family.LOGON: (FOREIGN, FOREIGN)},
}


# ------------------------------------------------------------- statuses

_REPEATED = (408, 425, 429, 500, 502, 503, 504, *range(520, 525))
_UNSUPPORTED = (400, 403, 404, 405, 500, 501)
"""By which a server may say that it takes no queries, or cannot carry them out."""


_KEYED = ("query", "machines")
"""Queries that go on by the time of creation."""


def _of_status(fault: Fault, operation: Operation) -> Pair:
    status = fault.status or 0
    error = frozenset({fault.error or ""})
    is_repeated = status in _REPEATED
    pair = (RESULT if is_repeated else error, error)
    if operation.name in _KEYED and status in (400, 501):
        return RESULT, error  # it does without a condition of its own
    if operation.name == "job-nas" and status in (400, 405, 501):
        return MISSING, MISSING  # what has no such jobs leaves the word to /jobs
    lost = status == 408 or (status >= 500 and status != 503)
    by_family: dict[Family, Pair] = {
        Family.WATCH: _watched(fault, operation),
        Family.LEAVE: (RESULT, RESULT),
        Family.ACTION: (error, error),
        Family.START: (LOST, LOST) if lost else (error, error),
        Family.LOGON: _logged_on(status, operation, pair),
    }
    return by_family.get(operation.family, pair)


def _watched(fault: Fault, operation: Operation) -> Pair:
    status = fault.status
    if fault.wait > PATIENCE:
        return LATE, LATE  # it waits for as long as the server asks
    is_list = operation.path == "/query"
    if is_list and status in _UNSUPPORTED:
        return RESULT, RESULT  # by a GET for each
    # What is waited for must be there: the first look decides.
    if status == 404 and operation.name in ("wait", "wait-all"):
        return MISSING, MISSING
    return RESULT, LATE


def _polled(fault: Fault, operation: Operation, nature: Nature) -> Pair:
    if nature in (Nature.HARMLESS, Nature.PARTIAL):
        return RESULT, RESULT
    if operation.name == "task-wait":
        # It waits for as long as the server asks.
        return LATE if fault.wait > PATIENCE else RESULT, LATE
    # Its session is found whatever the task's answer is, but not without a connection.
    if nature is Nature.CERTIFICATE:
        return RESULT, UNTRUSTED
    return RESULT, RESULT if fault.connect is None else BROKEN | MUTE


def _logged_on(status: int, operation: Operation, pair: Pair) -> Pair:
    error = pair[1]
    if status == 403:
        return (PAUSED, PAUSED) if operation.renews else (error, error)
    if status in (404, 405, 501) or 300 <= status < 400:
        error = FOREIGN if status != 501 else error
    if status in _REPEATED:
        return RESULT, error
    # What a server shows while it starts is met with one more logon.
    return (RESULT if operation.renews and status < 500 else error), error


# ------------------------------------------------------------- exceptions


_EXCEPTIONS: Mapping[tuple[Nature, str], Pair] = {
    # A task is lost with the logon session that began it.
    (Nature.UNAUTHORIZED, "task"): (MISSING, MISSING | DENIED),
    (Nature.UNAUTHORIZED, "task-wait"): (MISSING, MISSING | LATE),
    # A password that has worked is tried once more, a minute later.
    (Nature.UNAUTHORIZED, "renew"): (PAUSED, PAUSED),
    # What else a renewal meets is met with one more logon.
    (Nature.FOREIGN, "renew"): (RESULT, FOREIGN),
}


def _exception(operation: Operation, nature: Nature) -> Pair | None:
    return _EXCEPTIONS.get((nature, operation.name))


# ------------------------------------------------------------- at most so much


_FAILED_LOOKS = 13
"""Looks within `PATIENCE` at a session that fails each time, drawn unluckily.

Waits have full jitter, from 0.8 s doubled up to 30 s: three sessions are looked at 39
times or more in one of five billion histories, 30 times or more in one of 1,600.
"""


def _extra(
    fault: Fault, operation: Operation, nature: Nature, plain_requests: int
) -> int:
    """How many requests more than without a fault go out at most."""
    if nature is Nature.HARMLESS:
        return 2
    if nature is Nature.HALF:
        return 0
    looks = int(PATIENCE / INTERVAL)
    if operation.family is Family.POLL and fault.lasting:
        return ATTEMPTS * (looks + 1)
    if operation.family is Family.WATCH:
        # Three sessions are looked at, and after a 401 each look is asked about.
        return 6 * _FAILED_LOOKS if fault.lasting else 2 * looks
    tries = ATTEMPTS if fault.lasting else 1
    if nature is Nature.UNSTABLE:
        return _MOST_SWEEPS * plain_requests
    if nature is Nature.PARTIAL:
        tries += _SWEEPS  # all pages once more, to find what is missing
    if nature is Nature.UNAUTHORIZED:
        tries += 3  # a question for the logon session, a logout, a logon
    return tries * (4 if operation.family is Family.FETCH else 1) + 1


def _logons(fault: Fault, operation: Operation, nature: Nature) -> int | None:
    """How many logons go out at most, all in all."""
    is_refused = nature is Nature.UNAUTHORIZED or fault.status in (401, 403)
    if operation.family is not Family.LOGON or not (
        is_refused or nature is Nature.HALF
    ):
        return None
    # A password that has worked and was refused goes once more, a minute later.
    return 1 + operation.renews + (operation.renews and is_refused)


def _left(fault: Fault, operation: Operation, nature: Nature) -> int:
    """How many logon sessions stay, since nobody can log out of them."""
    most = ATTEMPTS if fault.lasting else 1
    if operation.family is Family.LOGON:
        # The answer that held the token was lost.
        lost = (Nature.BROKEN, Nature.SILENT, Nature.PART_OF_HEAD, Nature.FOREIGN)
        return most if nature in lost and fault.connect is None else 0
    if operation.family is not Family.LEAVE:
        return 0
    # No logout reaches the server, or it refuses it for good.
    if fault.unseen:
        return 1
    if nature in (Nature.CERTIFICATE, Nature.UNAUTHORIZED):
        return 1
    if nature is Nature.STATUS:
        is_final = fault.status not in _REPEATED or fault.wait > LOGOUT_SECONDS
        return int(fault.lasting or is_final)
    is_cut_off = nature in (Nature.UNSENT, Nature.SLOW_TO_CONNECT) or (
        fault.connect is not None or "unasked" in fault.name
    )
    return int(fault.lasting and is_cut_off)
