"""Run a command while two others keep two cores busy: `python .ci/loaded.py make test`.

The busy ones end with the command, and with this process, however it ends.
"""

from __future__ import annotations

import subprocess
import sys

LOOPS = 2

BUSY = """
import os, sys, threading

def end():
    sys.stdin.read()  # to its end, which comes when the one who holds it has gone
    os._exit(0)

threading.Thread(target=end).start()
while True:
    pass
"""


def main() -> int:
    """Give the exit status of the command."""
    command = [sys.executable, "-c", BUSY]
    busy = [
        subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own
        for _ in range(LOOPS)
    ]
    try:
        return subprocess.run(sys.argv[1:], check=False).returncode  # noqa: S603
    finally:
        for each in busy:
            each.kill()
            each.communicate()


if __name__ == "__main__":
    sys.exit(main())
