"""An asyncio client for Veeam Backup Enterprise Manager.

Nothing is loaded before it is used: a name's module is imported when the name is first
asked for. So a command that only tells its version does not wait for a client.
"""

from importlib import import_module

from veeam_async.version import __version__ as __version__

# Type checkers take it for true by its name. Without `typing` this takes no time in
# which Ctrl-C could show a traceback: the command catches it, once this is loaded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from veeam_async.codec import from_dict, to_dict
    from veeam_async.errors import (
        ApiError,
        AuthenticationFailed,
        BadRequest,
        BodyTooLarge,
        CertificateError,
        ConnectionFailed,
        DeadlineExceeded,
        DecodeError,
        IncompleteAnswer,
        InvalidId,
        LogonPaused,
        NotEnterpriseManager,
        NotFound,
        PasswordUnavailable,
        PermissionDenied,
        RequestTimeout,
        ServerError,
        ServerSilent,
        ServiceUnavailable,
        SessionFailed,
        SessionMissing,
        StartUnconfirmed,
        TaskFailed,
        VeeamError,
    )
    from veeam_async.events import (
        EventKind,
        HealthChanged,
        SessionChanged,
        SessionGone,
        WatchEvent,
    )
    from veeam_async.fetch import Fetch, Fetched
    from veeam_async.filters import F
    from veeam_async.ids import Id, parse_id
    from veeam_async.jobs.prepared import PreparedRun
    from veeam_async.jobs.run import JobRun
    from veeam_async.manager import EnterpriseManager
    from veeam_async.models import (
        BackupJobSession,
        BackupTaskSession,
        EntityRef,
        Job,
        JobType,
        Link,
        Platform,
        ReplicaJobSession,
        RestoreSession,
        Session,
        SessionResult,
        SessionState,
        Task,
        TaskResult,
        TaskSessionState,
        TaskState,
        UnreadableRow,
    )
    from veeam_async.pool.instrumentation import RequestDone
    from veeam_async.resources.sessions import BackupSessions, JobSessions
    from veeam_async.retry import Retry
    from veeam_async.transport.exchange import Fingerprint, Timeout
    from veeam_async.watch.persist.checkpoint_file import CheckpointFile
    from veeam_async.watch.watch import Watch, WatchStats

__all__ = [
    "ApiError",
    "AuthenticationFailed",
    "BackupJobSession",
    "BackupSessions",
    "BackupTaskSession",
    "BadRequest",
    "BodyTooLarge",
    "CertificateError",
    "CheckpointFile",
    "ConnectionFailed",
    "DeadlineExceeded",
    "DecodeError",
    "EnterpriseManager",
    "EntityRef",
    "EventKind",
    "F",
    "Fetch",
    "Fetched",
    "Fingerprint",
    "HealthChanged",
    "Id",
    "IncompleteAnswer",
    "InvalidId",
    "Job",
    "JobRun",
    "JobSessions",
    "JobType",
    "Link",
    "LogonPaused",
    "NotEnterpriseManager",
    "NotFound",
    "PasswordUnavailable",
    "PermissionDenied",
    "Platform",
    "PreparedRun",
    "ReplicaJobSession",
    "RequestDone",
    "RequestTimeout",
    "RestoreSession",
    "Retry",
    "ServerError",
    "ServerSilent",
    "ServiceUnavailable",
    "Session",
    "SessionChanged",
    "SessionFailed",
    "SessionGone",
    "SessionMissing",
    "SessionResult",
    "SessionState",
    "StartUnconfirmed",
    "Task",
    "TaskFailed",
    "TaskResult",
    "TaskSessionState",
    "TaskState",
    "Timeout",
    "UnreadableRow",
    "VeeamError",
    "Watch",
    "WatchEvent",
    "WatchStats",
    "from_dict",
    "parse_id",
    "to_dict",
]

_NAMES_OF = {
    "codec": "from_dict to_dict",
    "errors": """
        ApiError AuthenticationFailed BadRequest BodyTooLarge CertificateError
        ConnectionFailed DeadlineExceeded DecodeError IncompleteAnswer InvalidId
        LogonPaused NotEnterpriseManager NotFound PasswordUnavailable
        PermissionDenied RequestTimeout ServerError ServerSilent
        ServiceUnavailable SessionFailed SessionMissing StartUnconfirmed
        TaskFailed VeeamError
    """,
    "events": "EventKind HealthChanged SessionChanged SessionGone WatchEvent",
    "fetch": "Fetch Fetched",
    "filters": "F",
    "ids": "Id parse_id",
    "jobs.prepared": "PreparedRun",
    "jobs.run": "JobRun",
    "manager": "EnterpriseManager",
    "models": """
        BackupJobSession BackupTaskSession EntityRef Job JobType Link Platform
        ReplicaJobSession RestoreSession Session SessionResult SessionState Task
        TaskResult TaskSessionState TaskState UnreadableRow
    """,
    "pool.instrumentation": "RequestDone",
    "resources.sessions": "BackupSessions JobSessions",
    "retry": "Retry",
    "transport.exchange": "Fingerprint Timeout",
    "watch.persist.checkpoint_file": "CheckpointFile",
    "watch.watch": "Watch WatchStats",
}
"""The names of `__all__`, by their modules."""

_MODULE_OF = {name: of for of, names in _NAMES_OF.items() for name in names.split()}
_MODULES = {of.partition(".")[0] for of in _NAMES_OF}


# Type checkers know every name from above, and no other.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what *name* stands for, at its first use (PEP 562)."""
        if name in _MODULES:
            return import_module(f"veeam_async.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"veeam_async.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Every name, be it used already or not."""
        return sorted({*globals(), *__all__, *_MODULES})
