"""The `veeam-async` command, also as `python -m veeam_async`."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the command with the arguments of this process; its exit code."""
    try:
        return _run()
    except KeyboardInterrupt:
        # While still importing, when nothing else would catch it.
        return _INTERRUPTED


def _run() -> int:
    try:
        from veeam_async.cli.interrupts import (  # noqa: PLC0415 - the extra may be absent
            INTERRUPTED,
            end,
            end_at_once,
        )

        # While importing, a tenth of a second, and while the interpreter ends there is
        # nothing to undo; in between the command takes them itself.
        end_at_once()
        from veeam_async.cli.app import run  # noqa: PLC0415 - the same

        code = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        # Any other module that is missing is a fault, which a traceback shows.
        if (error.name or "").partition(".")[0] not in ("cyclopts", "rich"):
            raise
        return _without_extra(
            'the command line needs cyclopts and rich: pip install "veeam-async[cli]"'
        )
    if code in INTERRUPTED:
        end(code)
    return code


def _without_extra(message: str) -> int:
    from veeam_async.cli import plugin  # noqa: PLC0415 - it needs no extra

    if plugin.is_called(sys.argv[1:]):
        return plugin.unknown(message)
    sys.stderr.write(f"veeam-async: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
