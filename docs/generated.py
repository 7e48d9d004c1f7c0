"""Writes the pages that are made of the code itself, so that they are never old.

The builder calls it first: the help of all commands, the fields that filters take, and
which public names there are, whose docstrings autodoc then shows.
"""

import contextlib
import inspect
import io
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import veeam_async
from veeam_async.cli.app import run
from veeam_async.cli.dispatch import COMMANDS
from veeam_async.filters import query_fields
from veeam_async.models import (
    AgentBackupJob,
    BackupJobSession,
    BackupTaskSession,
    Job,
    NasJob,
    ReplicaJobSession,
    RestoreSession,
)

FOLDER = Path(__file__).parent / "reference" / "generated"
COLUMNS = "92"

GROUPS = {
    "The front door": "EnterpriseManager ManagerOptions Timeout Retry Fingerprint "
    "RequestDone",
    "Sessions": "JobSessions BackupSessions Query Fetch Fetched Watch WatchStats "
    "CheckpointFile",
    "Jobs and tasks": "Jobs JobQuery JobRun PreparedRun Tasks",
    "Filters": "Field Condition",
    "Events": "EventKind SessionChanged SessionGone HealthChanged",
    "Functions": "to_dict from_dict parse_id",
}
"""Public names by what they are for; models and errors are found by themselves."""

KINDS = {
    "em.backup_sessions": BackupJobSession,
    "em.replica_sessions": ReplicaJobSession,
    "em.restore_sessions": RestoreSession,
    "em.task_sessions": BackupTaskSession,
    "em.jobs, of machines": Job,
    "em.jobs, of agents": AgentBackupJob,
    "em.jobs, of file shares": NasJob,
}


def write_pages() -> None:
    """Write them all; one that is right already is left alone."""
    FOLDER.mkdir(exist_ok=True)
    for name, lines in (
        ("commands.md", commands()),
        ("fields.md", fields()),
        ("api.md", api()),
    ):
        page, text = FOLDER / name, "\n".join(lines) + "\n"
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


def commands() -> Iterator[str]:
    """The help of each command, as it shows it."""
    yield "# The command, word for word\n"
    yield "What `veeam-async COMMAND --help` shows.\n"
    for name in ("", *COMMANDS):
        yield f"## veeam-async {name}".rstrip() + "\n"
        yield f"```text\n{help_of(name)}\n```\n"


def help_of(command: str) -> str:
    """The page that *command* shows with --help."""
    shown = io.StringIO()
    plain = {"COLUMNS": COLUMNS, "NO_COLOR": "1", "TERM": "dumb"}
    with mock.patch.dict(os.environ, plain), contextlib.redirect_stdout(shown):
        run((*filter(None, [command]), "--help"))
    lines = shown.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def fields() -> Iterator[str]:
    """The fields that a filter may name, for each kind."""
    yield "# Fields of filters\n"
    yield "What `where`, `order_by` and `--where` may name; EM filters by no others.\n"
    yield "| of | fields |\n| --- | --- |"
    for where, kind in KINDS.items():
        yield f"| `{where}` | {', '.join(f'`{each}`' for each in query_fields(kind))} |"


def api() -> Iterator[str]:
    """Every public name."""
    yield "# Every class and function\n"
    named = {name for names in GROUPS.values() for name in names.split()}
    others = {
        name: value
        for name in sorted(set(veeam_async.__all__) - named)
        if inspect.isclass(value := getattr(veeam_async, name))
    }
    errors = [name for name, kind in others.items() if issubclass(kind, Exception)]
    models = [name for name in others if name not in errors]
    groups = {name: names.split() for name, names in GROUPS.items()}
    for title, names in {**groups, "Models": models, "Errors": errors}.items():
        yield f"## {title}\n\n```{{eval-rst}}"
        yield from map(directive, names)
        yield "```\n"


def directive(name: str) -> str:
    """How autodoc is told to show *name*."""
    kind = "class" if inspect.isclass(getattr(veeam_async, name)) else "function"
    return f".. auto{kind}:: veeam_async.{name}\n"
