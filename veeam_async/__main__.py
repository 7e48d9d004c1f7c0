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
        sys.stderr.write(
            "veeam-async: the command line needs cyclopts and rich: "
            'pip install "veeam-async[cli]"\n'
        )
        return 1
    if code in INTERRUPTED:
        end(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
