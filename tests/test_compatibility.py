"""What earlier releases gave is given still, to the letter; `tests/data` holds it.

`tests/data/generate.py` made it on each release, in part by the functions of
`tests/support/released.py`, which are called here on this code.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import released
from tests.support.paths import TESTS

RELEASES = ("0.1.0", "0.2.0")
each_release = pytest.mark.parametrize("release", RELEASES)


def folder(release: str) -> Path:
    """Where what a release gave is."""
    return TESTS / "data" / release


def kept(release: str, name: str) -> Any:
    """What a release gave."""
    return json.loads((folder(release) / f"{name}.json").read_text("utf-8"))


def names(pattern: str) -> list[tuple[str, str]]:
    """The releases with the names of their files, for each file of that *pattern*."""
    return [
        (release, path.stem)
        for release in RELEASES
        for path in sorted(folder(release).glob(pattern))
    ]


CHECKPOINTS = names("checkpoints/*.json")
RECORDINGS = names("recordings/*.rec")
OLDER = [name.removesuffix("-v1") for _, name in names("checkpoints/*-v1.json")]

# What was added since a release is listed below that release, and passed over where
# this code is compared with it or with an earlier one.

ADDED: dict[str, dict[str, str]] = {
    "0.1.0": {
        "gone_ids": "what was gone and comes back is told again",
        "proven_at": "only what is missing around a good answer is gone",
        "missed_at": "the same",
        "last_seen": "an end by time says how far it was seen",
        "errors": "the same",
        "wanted_kind": "an id of another kind is refused",
        "each_look": "a wait that judges each look",
        "lists": "lists that do not work are told, and tried again",
        "scope": "an outage says what is out of sight",
        "known_asked": "an event's not_before is when a look was asked for",
        "gone_after": "a server's bad minute is not the end of sessions",
        "edition": "a recording is replayed by the rules of its release",
        "ended_on": "each backup server has a clock of its own",
        "servers": "the same",
        "em_time": "the same",
        "date": "the same",
        "denials": "an end that was denied is confirmed later",
        "old": "references that were kept are no answer of the server",
        "called": "what ended since a watch was called is told",
        "last_look": "a metric of a watch that looks in vain",
        "last_error": "the same",
    },
    "0.2.0": {},
}
"""Keys that a release had not, and passes over, and why they are there."""

FIELDS_ADDED: dict[str, dict[str, str]] = {"0.1.0": {}, "0.2.0": {}}
"""Fields that models have got since, and why: not in the JSON and reprs of then."""

BODIES_CHANGED: dict[str, dict[str, str]] = {
    "0.1.0": {
        "querySvc": "agents' and file shares' jobs are queried by types of their own",
        "reports/summary/overview": "a copy job's workers are no jobs with a schedule",
    },
    "0.2.0": {},
}
"""Paths whose answers of the simulator are others than a release's, and why."""


def since(release: str, lists: dict[str, dict[str, str]]) -> set[str]:
    """What is listed of *release* and of those after it."""
    later = RELEASES[RELEASES.index(release) :]
    return {each for name in later for each in lists[name]}


def as_before(release: str, bodies: dict[str, Any]) -> dict[str, Any]:
    """Answers of those paths that have none of these changes."""
    changed = since(release, BODIES_CHANGED)
    return {k: v for k, v in bodies.items() if k.split(" ", 2)[2] not in changed}


# ---------------------------------------------------------------- 0.1.0 alone


def move_back(now: dict[str, Any], sent: list[list[Any]]) -> None:
    """Write the link to a file shares' job as 0.1.0's simulator did, under /jobs.

    Two answers have it, which are longer by what now stands before.
    """
    moved = "/nas"
    longer = [new for new, old in zip(now["sent"], sent, strict=True) if new != old]

    assert len(longer) == 2
    for row in longer:
        row[-1] -= len(moved)
    text = json.dumps(now["fetched"]).replace(f"/api{moved}/jobs/", "/api/jobs/")
    now["fetched"] = json.loads(text)


DERIVED = ("id", "job_id", "duration")
"""What a model's JSON has beside its fields, and a checkpoint has not."""

ADDED_TO_REQUEST = {"resource", "started_at", "error"}
"""What a request tells besides: a session's path, its time, and how it failed."""

ALSO_ASKED = ("/agents/jobs", "/nas/jobs")
"""Where all jobs' references are asked for too: 0.1.0 knew those of /jobs alone."""


def without_others(now: dict[str, Any]) -> None:
    """Leave out the requests for jobs of which 0.1.0 knew nothing."""
    now["sent"] = [row for row in now["sent"] if row[1] not in ALSO_ASKED]


def as_0_1_0(data: Any) -> Any:
    """*data* as 0.1.0 would have given it, which had fewer parts of several kinds."""
    if isinstance(data, list | tuple):
        return [as_0_1_0(each) for each in data]
    if isinstance(data, str):
        data = re.sub(r"^(\d\d:\d\d:\d\d) UTC\S*(?=  [A-Z])", r"\1", data)  # a line
        data = re.sub(r', "scope": "\w+"', "", data)
        data = re.sub(r'"id": "[-\w]{36}", (?="uid")', "", data)
        data = re.sub(r', "job_id": ("[-\w]{36}"|null)', "", data)
        data = re.sub(r', "duration": ([\d.]+|null)', "", data)
        told = (
            r", (resource='', .*, error=None|(last_look|last_error)=None|scope='\w+')"
        )
        return re.sub(told, "", data)
    if not isinstance(data, dict):
        return data
    passed_over = {
        *(DERIVED if "uid" in data else ()),
        *(ADDED_TO_REQUEST if "route" in data else ()),
    }
    found = {k: as_0_1_0(v) for k, v in data.items() if k not in passed_over}
    # A recording of version 2 has one more kind of line, which 0.1.0 cannot read.
    return found | ({"version": 1} if found.get("line") == "watch" else {})


# ---------------------------------------------------------------- any release


def as_released(release: str, data: Any) -> Any:
    """*data* without what was added since *release*."""
    if release == "0.1.0":
        data = as_0_1_0(data)
    fields = since(release, FIELDS_ADDED)
    return without(data, fields | since(release, ADDED), fields)


def without(data: Any, keys: set[str], fields: set[str]) -> Any:
    """*data* without these *keys*, and without these *fields* in the texts in it."""
    if isinstance(data, list | tuple):
        return [without(each, keys, fields) for each in data]
    if isinstance(data, str):
        return without_fields(data, fields)
    if not isinstance(data, dict):
        return data
    return {k: without(v, keys, fields) for k, v in data.items() if k not in keys}


def without_fields(text: str, fields: set[str]) -> str:
    """A *text* without these *fields*, in JSON, in reprs and in lists of fields."""
    for name in fields:
        text = re.sub(rf', "{name}": ("(?:[^"\\]|\\.)*"|[^,}}\]]+)', "", text)
        text = re.sub(rf", {name}=('(?:[^'\\]|\\.)*'|[^,)]+)", "", text)
        text = re.sub(rf", {name}(?=,|;|$)|(?<=: ){name}, ", "", text)
    return text


def lines_of(data: Any) -> list[str]:
    """JSON line by line, in the order in which it was written."""
    return json.dumps(data, indent=1, ensure_ascii=False).splitlines()


def assert_same(release: str, name: str, now: Any, before: Any = None) -> None:
    """Fail with the lines that differ; the order of keys counts too."""
    old = lines_of(kept(release, name) if before is None else before)
    new = lines_of(as_released(release, now))
    if old != new:
        told = difflib.unified_diff(old, new, f"{release} {name}", "now", n=2)
        pytest.fail("\n".join(line.rstrip() for line in [*told][:80]), pytrace=False)


@each_release
@pytest.mark.parametrize("name", ["models", "events", "errors", "filters"])
def test_values(release: str, name: str) -> None:
    """Each model, event, error and condition has the JSON and the text it had."""
    assert_same(release, name, getattr(released, name)())


@each_release
async def test_what_is_refused(release: str) -> None:
    """Wrong arguments raise the errors that they raised, in the same words."""
    assert_same(release, "refusals", await released.refusals())


@each_release
async def test_what_is_asked_and_answered(release: str) -> None:
    """The same requests are sent, and models made of the answers, for each release."""
    now = await released.requests()
    if release == "0.1.0":
        for way, before in kept(release, "requests").items():
            without_others(now[way])
            move_back(now[way], before["sent"])

    assert_same(release, "requests", now)


@each_release
async def test_what_the_simulator_answers(release: str) -> None:
    """The same seed gives the same bodies, in JSON and XML, byte for byte."""
    now, before = await released.bodies(), kept(release, "bodies")

    assert [*now] == [*before]
    assert_same(release, "bodies", as_before(release, now), as_before(release, before))


@each_release
async def test_a_first_look(release: str) -> None:
    """A watch records, tells and saves the same, by each way to look."""
    assert_same(release, "first_looks", await released.first_looks())


@pytest.mark.parametrize(("release", "name"), CHECKPOINTS)
async def test_a_checkpoint_goes_on(release: str, name: str) -> None:
    """One that a release saved, and one of version 1, is saved again as it would."""
    data = kept(release, f"checkpoints/{name}")
    again = data["saved"] if data["again"] == "the same" else data["again"]
    assert_same(release, name, released.resaved(data["saved"]), again)


@pytest.mark.parametrize(("release", "name"), RECORDINGS)
def test_a_recording_is_told_again(release: str, name: str) -> None:
    """Watches of a release, resumed ones too, tell the same events, and exit alike."""
    told = released.replayed(folder(release) / "recordings" / f"{name}.rec")
    assert_same(release, f"recordings/{name}", told)


@pytest.mark.parametrize("name", OLDER)
def test_a_watch_goes_on_from_version_1(name: str) -> None:
    """From a checkpoint of version 1 a watch tells what it tells from one of 2."""
    start = kept("0.1.0", f"checkpoints/{name}-v1")["saved"]
    resumed = f"recordings/{name}-resumed"
    told = released.replayed(folder("0.1.0") / f"{resumed}.rec", start)
    assert_same("0.1.0", resumed, told)


@each_release
async def test_a_saved_run_goes_on(release: str) -> None:
    """A run that was taken up is saved again as it was, whatever is known of it."""
    runs = kept(release, "runs")
    saved = {k: v for k, v in runs["saved"].items() if "version" in v}
    again = {name: released.resumed_run(data) for name, data in saved.items()}
    assert_same(release, "runs", again, runs["again"])


@each_release
async def test_what_is_damaged(release: str) -> None:
    """Damaged checkpoints and runs are refused in the same words."""
    checkpoint = kept(release, "checkpoints/ids-3")["saved"]
    saved = kept(release, "runs")["saved"]
    run = next(v for v in saved.values() if "version" in v)
    now = {
        "checkpoint": released.damages(checkpoint, released.resaved),
        "run": released.damages(run, released.resumed_run),
    }
    assert_same(release, "damages", now)


HELP_CHANGES: tuple[tuple[str | None, str, str], ...] = ()
"""What the help of a command (None: of any) says more than in the newest release:
after what."""

HELP_GONE: tuple[tuple[str | None, str], ...] = ()
"""Words that are in the help of a command (None: of any) no longer."""


def test_every_help_text() -> None:
    """The help of the command and of each of its commands says what it said.

    Word by word, and line by line where nothing was added on purpose and the libraries
    that lay it out are those of then. To see both: `COLUMNS=80 NO_COLOR=1 veeam-async
    COMMAND --help`, here and in a checkout of the newest release.
    """
    release = RELEASES[-1]
    before, now = kept(release, "helps"), released.helps()
    is_laid_out_alike = before.pop("made by") == now.pop("made by")
    assert before.keys() <= now.keys()
    for name, lines in before.items():
        more = " ".join(added_to(name, lines))
        gone = gone_from(name, lines)
        assert words(lines) + words([more]) == words(now[name]) + words(gone), name
        if is_laid_out_alike and not more:
            assert_same(release, name, now[name], lines)


def added_to(name: str, before: list[str]) -> Iterator[str]:
    """What is said on purpose in the help of a command that was not said there."""
    text = " ".join(" ".join(before).replace("│", " ").split())
    for command, after, more in HELP_CHANGES:
        if command in (None, name) and after in text:
            yield more


def gone_from(name: str, before: list[str]) -> list[str]:
    """What was said in the help of a command, and is not said any more on purpose."""
    told = words(before)
    return [
        text
        for command, text in HELP_GONE
        if command in (None, name) and words([text]) <= told
    ]


def words(lines: list[str]) -> Counter[str]:
    """The words of a help text, in whichever order they were laid out."""
    text = " ".join(lines).translate(dict.fromkeys(range(0x2500, 0x2580), " "))
    # Full stops and the like move to other words where something is added.
    return Counter(word.strip(".,;") for word in text.split() if word.strip(".,;"))


@each_release
def test_every_phase_is_kept(release: str) -> None:
    """The checkpoints hold sessions in each phase that there is."""
    phases: Counter[str] = Counter()
    for name in (name for owner, name in CHECKPOINTS if owner == release):
        saved = kept(release, f"checkpoints/{name}")["saved"]
        phases[f"version {saved['version']}"] += 1
        phases["everything" if saved.get("everything") else "ids"] += 1
        phases["outage"] += saved["health"]["told"] is not None
        phases["deadline"] += saved["deadline"] is not None
        phases["ended"] += len(saved["ended"])
        for session in saved["sessions"].values():
            phases["never looked at"] += not session["looked"]
            phases["never seen"] += session["missing"] > 0 and not session["told"]
            phases["missing"] += session["missing"] > 0 and bool(session["told"])
            phases["told"] += bool(session["told"]) and not session["known"]
            phases["known, not told"] += bool(session["known"])
            phases["doubted"] += session["doubted"]
            phases["failing"] += session["health"]["failing_since"] is not None
            phases["degraded"] += session["health"]["told"] is not None
            phases["quiet"] += bool(session.get("quiet"))
    assert all(phases.values()), phases
