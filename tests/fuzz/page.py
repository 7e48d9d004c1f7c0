"""The page about a run, under `docs/development/`."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping

from tests.fuzz.batch import LARGE_EACH, MEMORY_EACH, Tally
from tests.fuzz.measure import MOST_BYTES
from tests.fuzz.mutation import LARGEST
from tests.fuzz.registry import TARGETS
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "development" / "fuzz.md"

_MIB = 1024 * 1024
_HEAD = """\
# Fuzzing

`make fuzz` wrote this page. It makes inputs out of good ones (the server's bodies and
answers, saved files, lines of arguments): parts are exchanged with each other's and
with extreme numbers, dates at the edges of the calendar, odd Unicode, entity
declarations; they are dropped, doubled, repeated and nested, up to {largest} KiB;
bytes are changed; the whole is spliced, cut, encoded otherwise or compressed. All of it
follows from the seed.

Each input may end in two ways: it is taken, or one of the library's own errors is
raised (`VeeamError`, or the `ValueError` in plain words where arguments and saved data
are documented to raise one), which can be shown. Anything else is a fault, as is CPU
above the target's limit, memory above {memory} MiB, or no end. What is taken must
hold: a model comes back from its plain JSON types, a checkpoint and a run are saved and
read again, a condition selects as Python does.

- Each input is timed by the clock. One that takes more than a quarter of its limit is
  run again, up to five times, with the CPU that the system counts for the thread; the
  least counts, since the machine has other work.
- The limit of the command line is another: cyclopts takes ten milliseconds to learn
  what the commands are, and some forty microseconds for each argument, of which there
  can be sixteen thousand; rich takes fifty to draw a help page, OpenSSL twenty to
  read the certificates that the machine trusts. Its server is a stand-in, which lets
  anybody log on, knows every session and refuses all else.
- Memory is measured by `tracemalloc` for one input in {each:,}, and for one in {large}
  of those of about {largest} KiB: it takes several times the input's time. The others
  are held by the peak of the process, which is read after each batch: no batch raised
  it by more than the table says.
- Inputs that do not reach the part (such as text that is no JSON, for what takes parsed
  JSON) are not counted.

`python -m tests.fuzz --target NAME --input FILE` feeds one input alone; those of faults
are kept in `fuzz-found/`.
"""
_COLUMNS = (
    "target",
    "inputs",
    "taken",
    "refused",
    "faults",
    "mean, ms",
    "slowest, ms",
    "limit, ms",
    "weighed",
    "largest, MiB",
    "peak grew, MiB",
    "seed",
)


def write(tallies: Iterable[Tally], *, seed: int) -> None:
    """Write the page: the rows of *tallies*, and those that others have in it."""
    before = PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []
    rows = {line.split()[1]: line for line in before if _is_row(line)}
    for each in tallies:
        rows[each.name] = f"| {' | '.join(_cells(each, seed))} |"
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(_lines(rows)) + "\n", "utf-8")


def _is_row(line: str) -> bool:
    is_row = line.startswith("| ") and line.count("|") == len(_COLUMNS) + 1
    return is_row and line.split()[1] in TARGETS


def _lines(rows: Mapping[str, str]) -> Iterator[str]:
    yield _HEAD.format(
        largest=LARGEST // 1024,
        memory=MOST_BYTES // _MIB,
        each=MEMORY_EACH,
        large=LARGE_EACH,
    )
    version = f"{platform.python_implementation()} {platform.python_version()}"
    yield f"The last runs, on {version}:\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|---{'|---:' * (len(_COLUMNS) - 1)}|"
    yield from (rows[name] for name in TARGETS if name in rows)
    yield "\n| target | what it is fed |"
    yield "|---|---|"
    yield from (f"| {name} | {target.about} |" for name, target in TARGETS.items())


def _cells(each: Tally, seed: int) -> Iterator[str]:
    faults = sum(each.faults.values())
    yield each.name
    yield f"{each.inputs:,}"
    yield f"{each.taken:,}"
    yield f"{each.inputs - each.taken - faults:,}"
    yield f"{faults:,}"
    yield f"{each.seconds / max(1, each.inputs) * 1000:.2f}"
    yield f"{each.slowest * 1000:.0f}"
    yield f"{TARGETS[each.name].most_seconds * 1000:.0f}"
    yield f"{each.measured:,}"
    yield f"{each.memory / _MIB:.1f}"
    yield f"{each.growth / _MIB:.1f}"
    yield f"{seed}"
