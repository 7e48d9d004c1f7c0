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
        JobAmbiguous,
        JobNotFound,
        Json,
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
        StartRefused,
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
    from veeam_async.filters import Condition, F, Field, Operand
    from veeam_async.ids import Id, parse_id
    from veeam_async.jobs.jobs import Jobs
    from veeam_async.jobs.prepared import PreparedRun
    from veeam_async.jobs.query import JobQuery
    from veeam_async.jobs.run import JobRun
    from veeam_async.jobs.tasks import Tasks
    from veeam_async.manager import EnterpriseManager, LinkTarget, ManagerOptions
    from veeam_async.models import (
        AgentBackupJob,
        BackupJobSession,
        BackupTaskSession,
        EntityRef,
        Job,
        JobType,
        Link,
        NasJob,
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
    from veeam_async.pool.logon import Password
    from veeam_async.resources.base import Where
    from veeam_async.resources.query import Query
    from veeam_async.resources.sessions import BackupSessions, JobSessions
    from veeam_async.retry import Retry
    from veeam_async.transport.exchange import Fingerprint, Timeout
    from veeam_async.transport.tls import Tls
    from veeam_async.watch.persist.checkpoint_file import CheckpointFile
    from veeam_async.watch.polling.request import Strategy
    from veeam_async.watch.waits import Until
    from veeam_async.watch.watch import Watch, WatchStats

__all__ = [
    "AgentBackupJob",
    "ApiError",
    "AuthenticationFailed",
    "BackupJobSession",
    "BackupSessions",
    "BackupTaskSession",
    "BadRequest",
    "BodyTooLarge",
    "CertificateError",
    "CheckpointFile",
    "Condition",
    "ConnectionFailed",
    "DeadlineExceeded",
    "DecodeError",
    "EnterpriseManager",
    "EntityRef",
    "EventKind",
    "F",
    "Fetch",
    "Fetched",
    "Field",
    "Fingerprint",
    "HealthChanged",
    "Id",
    "IncompleteAnswer",
    "InvalidId",
    "Job",
    "JobAmbiguous",
    "JobNotFound",
    "JobQuery",
    "JobRun",
    "JobSessions",
    "JobType",
    "Jobs",
    "Json",
    "Link",
    "LinkTarget",
    "LogonPaused",
    "ManagerOptions",
    "NasJob",
    "NotEnterpriseManager",
    "NotFound",
    "Operand",
    "Password",
    "PasswordUnavailable",
    "PermissionDenied",
    "Platform",
    "PreparedRun",
    "Query",
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
    "StartRefused",
    "StartUnconfirmed",
    "Strategy",
    "Task",
    "TaskFailed",
    "TaskResult",
    "TaskSessionState",
    "TaskState",
    "Tasks",
    "Timeout",
    "Tls",
    "UnreadableRow",
    "Until",
    "VeeamError",
    "Watch",
    "WatchEvent",
    "WatchStats",
    "Where",
    "from_dict",
    "parse_id",
    "to_dict",
]

_NAMES_OF = {
    "codec": "from_dict to_dict",
    "errors": """
        ApiError AuthenticationFailed BadRequest BodyTooLarge CertificateError
        ConnectionFailed DeadlineExceeded DecodeError IncompleteAnswer InvalidId
        JobAmbiguous JobNotFound Json LogonPaused NotEnterpriseManager NotFound
        PasswordUnavailable PermissionDenied RequestTimeout ServerError ServerSilent
        ServiceUnavailable SessionFailed SessionMissing StartRefused
        StartUnconfirmed TaskFailed VeeamError
    """,
    "events": "EventKind HealthChanged SessionChanged SessionGone WatchEvent",
    "fetch": "Fetch Fetched",
    "filters": "Condition F Field Operand",
    "ids": "Id parse_id",
    "jobs.jobs": "Jobs",
    "jobs.prepared": "PreparedRun",
    "jobs.query": "JobQuery",
    "jobs.run": "JobRun",
    "jobs.tasks": "Tasks",
    "manager": "EnterpriseManager LinkTarget ManagerOptions",
    "models": """
        AgentBackupJob BackupJobSession BackupTaskSession EntityRef Job JobType Link
        NasJob Platform ReplicaJobSession RestoreSession Session SessionResult
        SessionState Task TaskResult TaskSessionState TaskState UnreadableRow
    """,
    "pool.instrumentation": "RequestDone",
    "pool.logon": "Password",
    "resources.base": "Where",
    "resources.query": "Query",
    "resources.sessions": "BackupSessions JobSessions",
    "retry": "Retry",
    "transport.exchange": "Fingerprint Timeout",
    "transport.tls": "Tls",
    "watch.persist.checkpoint_file": "CheckpointFile",
    "watch.polling.request": "Strategy",
    "watch.waits": "Until",
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
