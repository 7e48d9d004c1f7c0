"""What 0.1.0 gave is given still, to the letter; `tests/data/0.1.0` holds it.

`tests/data/0.1.0/generate.py` made it on that release, in part by the functions of
`tests/support/released.py`, which are called here on this code.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import released
from tests.support.paths import TESTS
from veeam_async.cli.dispatch import COMMANDS

GOLDEN = TESTS / "data" / "0.1.0"
CHECKPOINTS = sorted(path.stem for path in GOLDEN.glob("checkpoints/*.json"))
OLDER = [name.removesuffix("-v1") for name in CHECKPOINTS if name.endswith("-v1")]
RECORDINGS = sorted(path.stem for path in GOLDEN.glob("recordings/*.rec"))


def kept(name: str) -> Any:
    """What 0.1.0 gave."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


ADDED = {
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
}
"""Keys that 0.1.0 had not and passes over, and why they are there."""


BODIES_CHANGED = {
    "querySvc": "agents' and file shares' jobs are queried by types of their own",
    "reports/summary/overview": "a copy job's workers are no jobs with a schedule",
}
"""Paths whose answers of the simulator are others than 0.1.0's, and why."""


def as_before(bodies: dict[str, Any]) -> dict[str, Any]:
    """Answers of those paths that have none of these changes."""
    return {
        name: body
        for name, body in bodies.items()
        if name.split(" ", 2)[2] not in BODIES_CHANGED
    }


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


FIELDS_ADDED: dict[str, str] = {}
"""Fields that models of 0.1.0 have got since, and why: not in its JSON and reprs."""


def without_fields(text: str) -> str:
    """A *text* without the fields that were added since, in JSON and in reprs."""
    for name in FIELDS_ADDED:
        text = re.sub(rf', "{name}": ("(?:[^"\\]|\\.)*"|[^,}}\]]+)', "", text)
        text = re.sub(rf", {name}=('(?:[^'\\]|\\.)*'|[^,)]+)", "", text)
    return text


def without_added(data: Any) -> Any:
    """*data* without the keys that were added since."""
    if isinstance(data, list | tuple):
        return [without_added(each) for each in data]
    if isinstance(data, str):
        data = re.sub(r"^(\d\d:\d\d:\d\d) UTC\S*(?=  [A-Z])", r"\1", data)  # a line
        data = re.sub(r', "scope": "\w+"', "", data)
        data = re.sub(r'"id": "[-\w]{36}", (?="uid")', "", data)
        data = re.sub(r', "job_id": ("[-\w]{36}"|null)', "", data)
        data = re.sub(r', "duration": ([\d.]+|null)', "", data)
        told = (
            r", (resource='', .*, error=None|(last_look|last_error)=None|scope='\w+')"
        )
        return without_fields(re.sub(told, "", data))
    if not isinstance(data, dict):
        return data
    passed_over = {
        *ADDED,
        *FIELDS_ADDED,
        *(DERIVED if "uid" in data else ()),
        *(ADDED_TO_REQUEST if "route" in data else ()),
    }
    kept_keys = [key for key in data if key not in passed_over]
    found = {key: without_added(data[key]) for key in kept_keys}
    # A recording of version 2 has one more kind of line, which 0.1.0 cannot read.
    return found | ({"version": 1} if found.get("line") == "watch" else {})


def through_json(data: Any) -> Any:
    """The same, as a file would hold it."""
    return json.loads(json.dumps(data))


def lines_of(data: Any) -> list[str]:
    """JSON line by line, in the order in which it was written."""
    return json.dumps(data, indent=1, ensure_ascii=False).splitlines()


def assert_same(now: Any, name: str, before: Any = None) -> None:
    """Fail with the lines that differ; the order of keys counts too."""
    old = lines_of(kept(name) if before is None else before)
    new = lines_of(without_added(now))
    if old != new:
        told = difflib.unified_diff(old, new, f"0.1.0 {name}", "now", n=2, lineterm="")
        pytest.fail("\n".join(list(told)[:80]), pytrace=False)


@pytest.mark.parametrize("name", ["models", "events", "errors", "filters"])
def test_values(name: str) -> None:
    """Each model, event, error and condition has the JSON and the text it had."""
    assert_same(getattr(released, name)(), name)


async def test_what_is_refused() -> None:
    """Wrong arguments raise the errors that they raised, in the same words."""
    assert_same(await released.refusals(), "refusals")


async def test_what_is_asked_and_answered() -> None:
    """The same requests are sent, and models made of the answers, for each release."""
    now = await released.requests()
    for way, before in kept("requests").items():
        without_others(now[way])
        move_back(now[way], before["sent"])

    assert_same(now, "requests")


async def test_what_the_simulator_answers() -> None:
    """The same seed gives the same bodies, in JSON and XML, byte for byte."""
    now, before = await released.bodies(), kept("bodies")

    assert [*now] == [*before]
    assert_same(as_before(now), "bodies", as_before(before))


async def test_a_first_look() -> None:
    """A watch records, tells and saves the same, by each way to look."""
    assert_same(await released.first_looks(), "first_looks")


@pytest.mark.parametrize("name", CHECKPOINTS)
async def test_a_checkpoint_goes_on(name: str) -> None:
    """One that 0.1.0 saved, and one of version 1, is saved again as 0.1.0 would."""
    data = kept(f"checkpoints/{name}")
    again = data["saved"] if data["again"] == "the same" else data["again"]
    assert_same(released.resaved(data["saved"]), f"checkpoints/{name}", again)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_told_again(name: str) -> None:
    """Watches of 0.1.0, resumed ones too, tell the same events, and exit alike."""
    told = released.replayed(GOLDEN / "recordings" / f"{name}.rec")
    assert_same(told, f"recordings/{name}")


@pytest.mark.parametrize("name", OLDER)
def test_a_watch_goes_on_from_version_1(name: str) -> None:
    """From a checkpoint of version 1 a watch tells what it tells from one of 2."""
    start = kept(f"checkpoints/{name}-v1")["saved"]
    resumed = f"recordings/{name}-resumed"
    assert_same(released.replayed(GOLDEN / f"{resumed}.rec", start), resumed)


async def test_a_saved_run_goes_on() -> None:
    """A run that was taken up is saved again as it was, whatever is known of it."""
    saved = {k: v for k, v in kept("runs")["saved"].items() if "version" in v}
    again = {name: released.resumed_run(data) for name, data in saved.items()}
    assert_same(again, "runs", kept("runs")["again"])


async def test_what_is_damaged() -> None:
    """Damaged checkpoints and runs are refused in the same words."""
    checkpoint = kept("checkpoints/ids-3")["saved"]
    run = next(v for v in kept("runs")["saved"].values() if "version" in v)
    now = {
        "checkpoint": released.damages(checkpoint, released.resaved),
        "run": released.damages(run, released.resumed_run),
    }
    assert_same(now, "damages")


HELP_CHANGES = (
    # A server by its name, and the command that keeps those.
    (
        None,
        "The URL of an HTTP proxy",
        (
            "--profile STR A profile, for what no option and no variable gives:"
            " veeam-async profile. [env var: VEEAM_PROFILE]"
        ),
    ),
    (
        "veeam-async",
        "Measure how fast the server gives backup sessions",
        "profile Keep servers under names, for --profile: list, show, add, remove.",
    ),
    # The password of the proxy is not taken from the command line any more.
    (None, "The URL of an HTTP proxy", "; one with a password in VEEAM_PROXY alone"),
    (
        "veeam-async watch",
        "End with exit code 3 as soon as a session has failed.",
        (
            "--gone-after FLOAT Seconds that a session which was seen may be unknown "
            "to the server before it is gone: one that restarts knows none for a "
            "while. [default: 300.0]"
        ),
    ),
    (
        "veeam-async run",
        "Seconds between two looks at the run.",
        (
            "--gone-after FLOAT Seconds that the run may be unknown to the server "
            "before it is gone. [default: 300.0]"
        ),
    ),
    (
        "veeam-async demo",
        "Needs nothing.",
        (
            "Ends with lines to paste: how to go on with a server of yours, or a "
            "simulated one."
        ),
    ),
    (
        "veeam-async wait",
        "Wait until a session is Stopped, and show it then.",
        (
            "A terminal shows meanwhile how far it is, and since when the server does "
            "not answer."
        ),
    ),
    # The hook's environment has it no more, and its author looks here for the reason.
    (
        "veeam-async watch",
        "JSON on standard input",
        ", and no VEEAM_PASSWORD (but VEEAM_PASSWORD_FILE)",
    ),
    (
        "veeam-async watch",
        "for veeam-async replay: a short line for each look at",
        " None but its owner can read it, nor that of --checkpoint.",
    ),
    # A terminal that goes ends a command as SIGTERM does.
    ("veeam-async", "141 the reader of the output has gone, 143", " 129 SIGHUP,"),
    # Options for what watches must survive.
    (
        "veeam-async simulate",
        "with a certificate of its own.",
        (
            "--role CHOICE What its user may do: everything, read sessions, or neither."
            " [choices: Portal Administrator, Portal User, Restore Operator]"
            " [default: Portal Administrator]"
        ),
    ),
    (
        "veeam-async simulate",
        "with a certificate of its own.",
        (
            "--clock-offset FLOAT... Seconds that a backup server's clock is ahead,"
            " negative where it is behind; once for each of the two."
        ),
    ),
    # It goes on for ever, and its clock runs ahead.
    (
        "veeam-async simulate",
        "until Ctrl-C, and say how to reach it.",
        (
            "It never runs dry: each of its jobs starts once an hour of its clock, and "
            "what is older than 30 days of it is forgotten. That clock begins with "
            "yours and runs ahead."
        ),
    ),
    ("veeam-async simulate", "How many of them run.", "About as many do so later."),
    (
        "veeam-async simulate",
        "How many of its seconds pass in one of ours.",
        (
            "1: its clock keeps up with yours. 0: it stands still, and nothing starts "
            "or ends."
        ),
    ),
    # CSV is a form of the output, and columns can be chosen.
    (None, "table, json, ndjson]", "ndjson csv]"),
    *(
        (
            f"veeam-async {name}",
            "--output -o",
            '--columns STR The fields to show, as in "id,job_name,state".',
        )
        for name in ("get", "references", "query", "fetch", "tasks", "wait")
    ),
    *(
        (
            f"veeam-async {name}",
            "--output -o",
            (
                "--columns STR The fields to show in JSON and CSV, as in"
                ' "kind,id,job_name,state".'
            ),
        )
        for name in ("watch", "run", "replay")
    ),
    (
        "veeam-async stop",
        "--output -o",
        '--columns STR The fields to show of the task, as in "task_id,state".',
    ),
    (
        None,
        "URL of an HTTP proxy",
        "--verbose -v Tell what is tried again on standard error; -vv: each request.",
    ),
    # More commands.
    *(
        ("veeam-async", "Needs nothing.", f"{name} {COMMANDS[name]}")
        for name in ("doctor", "check", "jobs", "completion")
    ),
    (
        "veeam-async",
        "143 SIGTERM.",
        (
            "check has those of a monitoring plugin: 0 OK, 1 warning, 2 critical, 3"
            " unknown."
        ),
    ),
    # What commands print they read.
    (
        "veeam-async fetch",
        "one a line",
        "JSON, lines of it or CSV as these commands print them.",
    ),
    (
        "veeam-async watch",
        "one a line",
        "or JSON, lines of it or CSV as these commands print them.",
    ),
    (
        "veeam-async wait",
        "The session's UUID, UID or Href",
        (
            "[ARGS...] IDS - reads it from standard input, one a line, or JSON, lines"
            " of it or CSV as these commands print them. --file -f STR A file that"
            " holds ids, in the same form. Of several each is waited for."
        ),
    ),
    # Examples that work with what `veeam-async simulate` serves.
    *(
        (
            f"veeam-async {command.split()[0]}",
            "Example:",
            f"Example: veeam-async {command}",
        )
        for command in (
            'get "HR Systems" --output json',
            'tasks "HR Systems"',
            'fetch --since 7d --columns "id,job_name,result" -o csv',
            'watch --job "HR*" --job "SAP HANA" --until-failed',
            'wait "HR Systems" --timeout 3600',
            'stop "HR Systems" --yes',
        )
    ),
    ("veeam-async run", "Example:", '"HR Systems"'),
    # Where an id is wanted its beginning will do, and a job's name.
    *(
        (
            f"veeam-async {name}",
            "The session's UUID, UID or Href",
            (
                "the beginning of its id, or a job's name: its session that runs, else"
                " its newest."
            ),
        )
        for name in ("get", "stop", "tasks", "wait")
    ),
    *(
        (
            f"veeam-async {name}",
            "UUIDs, UIDs or Hrefs",
            (
                "beginnings of ids, or names of jobs: the session that runs, else the "
                "newest;"
            ),
        )
        for name in ("fetch", "watch")
    ),
    ("veeam-async run", "The job's UUID, UID or Href", "the beginning of its id,"),
    # Sessions are selected by patterns and times, in one vocabulary.
    (
        "veeam-async query",
        "Select sessions on the server",
        (
            "All that is given must be met. Fields are called as JSON and --columns"
            ' call them. Example: veeam-async query --job "HR*" --since "yesterday'
            ' 18:00" -o csv Example: veeam-async query'
            ' "result==Failed;creation_time>=2026-01-31" --where --filter STR The same'
            " as an option. ...; * stands for anything, in any case, for which more"
            " rows are read than shown. More than once: any of them. --since STR Only"
            ' sessions that began since 24h, 7d, yesterday, "yesterday 18:00",'
            " 2026-11-27 or an ISO time; this machine's zone unless it has one."
        ),
    ),
    (
        "veeam-async fetch",
        "Fetch many sessions",
        (
            "--where --filter STR Which sessions, without ids: a filter, as veeam-async"
            " query takes it. --state STR Only sessions in this state, Working or"
            " Stopped for example. --result STR Only sessions with this result:"
            " Success, Warning or Failed. --job STR... Only sessions of the job with"
            " this name; * stands for anything, in any case. More than once: any of"
            " them. --since STR Only sessions that began since 24h, 7d, yesterday,"
            ' "yesterday 18:00", 2026-11-27 or an ISO time.'
        ),
    ),
    (
        "veeam-async watch",
        "Which sessions, without ids",
        (
            "--filter --job STR... The same by the names of jobs; * stands for"
            " anything, in any case. More than once: any of them."
        ),
    ),
)
"""What the help of a command (None: of any) says more than in 0.1.0: after what."""

HELP_GONE = (
    ("veeam-async run", '"Mail servers"'),
    (None, "ndjson]"),
    ("veeam-async fetch", "lines of JSON as this command prints them."),
    ("veeam-async wait", "* ID [required] ID"),
    (
        "veeam-async query",
        'Example: veeam-async query \'Result=="Failed";CreationTime>="2026-01-31"\'',
    ),
)
"""Words that are in the help of a command (None: of any) no longer, after 0.1.0."""


def test_every_help_text() -> None:
    """The help of the command and of each of its commands says what it said.

    Word by word, and line by line where nothing was added on purpose and the libraries
    that lay it out are those of then. To see both: `COLUMNS=80 NO_COLOR=1 veeam-async
    COMMAND --help`, here and in a checkout of 0.1.0.
    """
    before, now = kept("helps"), released.helps()
    is_laid_out_alike = before.pop("made by") == now.pop("made by")
    assert before.keys() <= now.keys()
    for name, lines in before.items():
        more = " ".join(added_to(name, lines))
        gone = gone_from(name, lines)
        assert words(lines) + words([more]) == words(now[name]) + words(gone), name
        if is_laid_out_alike and not more:
            assert_same(now[name], name, lines)


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


def test_every_phase_is_kept() -> None:
    """The checkpoints hold sessions in each phase that there is."""
    phases: Counter[str] = Counter()
    for name in CHECKPOINTS:
        saved = kept(f"checkpoints/{name}")["saved"]
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
