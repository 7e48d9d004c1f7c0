"""What it costs to begin, by whole processes: `start '<its case as JSON>'`."""

from __future__ import annotations

import compileall
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import veeam_async
from benchmarks.affinity import pin
from benchmarks.extras import ASYNCIO, GET, HELP, IMPORT, VERSION
from benchmarks.work import ids_of


def main() -> None:
    """Print seconds of CPU of each process, all of them in turns, by what it did."""
    given = json.loads(sys.argv[1])
    pin(given["core"])
    # As an installer does; an environment may forbid that it is done in passing.
    compileall.compile_dir(str(Path(veeam_async.__file__).parent), quiet=1)
    settings = {
        "VEEAM_URL": given["url"],
        "VEEAM_USERNAME": "bench",
        "VEEAM_PASSWORD": "bench",
        "VEEAM_CA_FILE": given["ca_file"],
    }
    commands = _commands(str(next(iter(ids_of(1)))))
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(given["rounds"]):
        for name, command in commands.items():
            taken[name].append(_cpu(command, {**os.environ, **settings}))
    print(json.dumps(taken))


def _commands(session_id: str) -> dict[str, tuple[str, ...]]:
    python, script = (sys.executable,), Path(sys.executable).with_name("veeam-async")
    ours = (str(script),) if script.is_file() else (*python, "-m", "veeam_async")
    return {
        ASYNCIO: (*python, "-c", ASYNCIO),
        IMPORT: (*python, "-c", IMPORT),
        VERSION: (*ours, "--version"),
        HELP: (*ours, "--help"),
        GET: (*ours, "get", session_id),
    }


def _cpu(command: tuple[str, ...], environment: dict[str, str]) -> float:
    """Seconds of CPU that a process took from its beginning to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - our own commands
        command, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
