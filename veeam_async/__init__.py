"""An asyncio client for Veeam Backup Enterprise Manager."""

from importlib.metadata import version

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

__version__ = version("veeam-async")
