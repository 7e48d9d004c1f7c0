"""`doctor`: which step fails with which server, and what it says to do."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import PASSWORD, Ended, Invoke, Run, environment
from tests.cli.terminal import needs_terminal, on_terminal
from tests.support.bodies import behind_logon, error
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Raw
from tests.support.proxy import Proxy
from veeam_async.simulator import Simulator

STEPS = (
    *("url", "name", "port", "tls", "product", "clock", "user", "logon"),
    *("sessions", "jobs", "role", "agents", "shares"),
)

ROOT: dict[str, Any] = {
    "SupportedVersions": {
        "SupportedVersions": [{"Links": [], "Name": name} for name in ("v1_5", "v1_6")]
    },
    "Links": [],
    "Href": None,
    "Type": None,
}

HTML = Answer(
    body=b"<html><title>IIS Windows Server</title></html>", media_type="text/html"
)
OTHER_PRODUCT = Answer(
    status=404, body=b'{"errorCode": "NotFound", "message": "no such resource"}'
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A server whose clock stands still, and so does not run away from ours."""
    async with Simulator(
        sessions=12, running=0, speed=0, password=PASSWORD
    ) as simulator:
        yield simulator


def root(**headers: str) -> Answer:
    """The root of the API, of Enterprise Manager 11."""
    return Answer(body=json.dumps(ROOT).encode(), headers=headers)


def statuses(ended: Ended) -> dict[str, str]:
    """How each step went that stands on a line."""
    lines = [line for line in ended.out.splitlines() if line[:1] != " "]
    return {line[11:22].strip(): line[:10].strip() for line in lines}


def failed_at(ended: Ended) -> str:
    """The step that failed, after which those that need it were not tried."""
    found = statuses(ended)
    assert ended.code == 1
    assert tuple(found) == STEPS
    (failed,) = [step for step, status in found.items() if status == "failed"]
    assert found["logon" if failed != "sessions" else "role"] == "not tried"
    return failed


def advice(ended: Ended) -> str:
    """All that is said to be done."""
    lines = [line.strip() for line in ended.out.splitlines()]
    return "\n".join(line[3:] for line in lines if line.startswith("-> "))


async def test_all_works(quick: Run, simulator: Simulator) -> None:
    """A line for each step, exit code 0, one logon, and what to do next."""
    ended = await quick("doctor")

    assert ended.code == 0
    assert statuses(ended) == dict.fromkeys(STEPS, "ok")
    assert advice(ended) == ""
    assert "Enterprise Manager 13, API v1_5, v1_6, v1_7\n" in ended.out
    assert "a page of 12 sessions in " in ended.out
    assert "jobs of virtual machines\n" in ended.out
    assert "Portal Administrator" in ended.out
    assert "jobs of agents\n" in ended.out
    assert "jobs of file shares\n" in ended.out
    assert ended.err == "all works; next: veeam-async query --since 24h\n"
    assert simulator.stats.logons == 1


async def test_as_json(quick: Run) -> None:
    """An array of the steps, or lines; nothing else goes to standard output."""
    whole, lines = (
        await quick("doctor", "-o", "json"),
        await quick("doctor", "-ondjson"),
    )

    rows = json.loads(whole.out)
    assert [row["step"] for row in rows] == [row["step"] for row in lines.rows]
    assert tuple(row["step"] for row in rows) == STEPS
    assert rows[-1].keys() == {"step", "status", "found", "do"}
    assert {row["status"] for row in rows} == {"ok"}


async def test_a_wrong_password_is_tried_once(quick: Run, simulator: Simulator) -> None:
    """Accounts lock; the product, which is fine, was found without it."""
    ended = await quick("doctor", VEEAM_PASSWORD=f"not {PASSWORD[::-1]}")

    assert ended.code == 1
    assert statuses(ended)["product"] == "ok"
    assert statuses(ended)["logon"] == "failed"
    assert statuses(ended)["shares"] == "not tried"
    assert r"DOMAIN\user or user@domain" in advice(ended)
    assert ended.err == "1 step failed: see what to do there\n"
    assert simulator.stats.by_route["POST /sessionMngr"] == 1
    assert PASSWORD[::-1] not in ended.out


async def test_without_a_password(invoke: Invoke, simulator: Simulator) -> None:
    """Whatever needs none is looked at, and what is missing is said."""
    url = {"VEEAM_URL": simulator.url}
    nobody = await asyncio.to_thread(invoke, "doctor", **url)

    assert failed_at(nobody) == "user"
    assert statuses(nobody)["product"] == "ok"
    assert "VEEAM_USERNAME" in advice(nobody)
    assert simulator.stats.logons == 0


async def test_a_profile_without_a_password(
    invoke: Invoke, simulator: Simulator, tmp_path: Path
) -> None:
    """The server that it names is looked at all the same."""
    file = tmp_path / "veeam-async" / "profiles.toml"
    file.parent.mkdir()
    file.write_text(f'[profile.prod]\nurl = "{simulator.url}"\n', "utf-8")
    env = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    ended = await asyncio.to_thread(invoke, "doctor", "--profile", "prod", **env)

    assert failed_at(ended) == "user"
    assert statuses(ended)["product"] == "ok"


@pytest.mark.parametrize(
    ("url", "step", "said"),
    [
        ("", "url", "https://HOST:9398"),
        ("em.example.com", "url", "https://HOST:9398"),
        ("https://em.nowhere.invalid:9398", "name", "check its spelling"),
        ("https://127.0.0.1:1", "port", "https://HOST:9398"),
    ],
)
def test_on_the_way(invoke: Invoke, url: str, step: str, said: str) -> None:
    """The first step that fails is told, with what to do about it."""
    settings = {"VEEAM_USERNAME": "me", "VEEAM_PASSWORD": PASSWORD}
    ended = invoke("doctor", "--url", url, **settings)

    assert failed_at(ended) == step
    assert said in advice(ended)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (HTML, 'an HTML page titled "IIS Windows Server"'),
        (OTHER_PRODUCT, "the REST API of another Veeam product"),
        (Answer(status=302, headers={"Location": "/login"}), "it redirects (302)"),
        (Answer(status=404, body=b""), "it answers 404"),
        (Answer(status=503, body=b""), "it answers 503"),
        (Answer(body=b'{"hello": 1}'), "no Enterprise Manager: "),
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "the answer is no HTTP"),
    ],
)
async def test_what_is_no_enterprise_manager(
    quick: Run, answer: Act, said: str
) -> None:
    """It is told what it is, and never gets the password."""
    async with FaultServer([answer]) as server:
        ended = await quick("doctor", VEEAM_URL=server.url)

    assert failed_at(ended) == "product"
    assert said in ended.out
    assert [asked.method for asked in server.asked] in (["GET"], [])
    assert not any("authorization" in asked.headers for asked in server.asked)


async def test_a_certificate(tmp_path: Path, quick: Run) -> None:
    """What to trust is told with the options; it is shown whose it is."""
    file = tmp_path / "ca.pem"
    async with Simulator(
        sessions=1, running=0, speed=0, tls=True, password=PASSWORD
    ) as server:
        env, seen = {"VEEAM_URL": server.url}, server.fingerprint or ""
        file.write_text(server.certificate or "", encoding="ascii")
        refused = await quick("doctor", **env)
        pinned = await quick("doctor", "--fingerprint", seen, **env)
        known = await quick("doctor", "--ca-file", str(file), **env)
        any_ = await quick("doctor", "--insecure", **env)
        other = await quick("doctor", "--fingerprint", "0" * 64, **env)
        short = await quick("doctor", "--fingerprint", "0" * 40, **env)
        both = await quick("doctor", "--insecure", "--fingerprint", seen, **env)
        plain = await quick(
            "doctor", VEEAM_URL=server.url.replace("https://", "http://")
        )

    assert failed_at(refused) == failed_at(other) == failed_at(short) == "tls"
    assert failed_at(both) == "tls"
    assert "contradict each other" in both.out
    assert f"--fingerprint {seen}, or by --ca-file FILE" in advice(refused)
    assert f"fingerprint {seen}, trusted by --fingerprint\n" in pinned.out
    assert f"trusted by --ca-file {file}\n" in known.out
    assert (pinned.code, known.code, any_.code) == (0, 0, 0)
    assert statuses(any_)["tls"] == "warning"
    assert f"--fingerprint {seen}, or by --ca-file FILE, not by" in advice(any_)
    assert "1 warning" in any_.err
    assert len(any_.err.splitlines()) == 1
    assert failed_at(plain) == "product"


async def test_https_where_there_is_none(quick: Run, simulator: Simulator) -> None:
    """A port without TLS is told at that step."""
    url = simulator.url.replace("http://", "https://")
    ended = await quick("doctor", VEEAM_URL=url)

    assert failed_at(ended) == "tls"
    assert "https://HOST:9398" in advice(ended)


@pytest.mark.parametrize("hours", [0, 2, -2])
async def test_clocks(quick: Run, hours: float) -> None:
    """A server whose clock is more than a minute off is a warning."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    async with FaultServer([root(Date=format_datetime(at, usegmt=True))]) as server:
        ended = await quick("doctor", VEEAM_URL=server.url)

    assert statuses(ended)["clock"] == ("warning" if hours else "ok")
    side = {2: "ahead of", -2: "behind"}.get(int(hours), "agree")
    assert side in ended.out
    assert "Enterprise Manager 11, API v1_5, v1_6\n" in ended.out


def serving(**answers: Act) -> Callable[[Asked], Act]:
    """A server that answers queries by their type, and knows nothing else."""

    def choose(asked: Asked) -> Act:
        if asked.target.rstrip("/") == "/api":
            return root()
        kinds: Iterable[Any] = answers.items()
        return next(
            (act for kind, act in kinds if f"type={kind}&" in asked.target),
            error(400, "Unknown type"),
        )

    return behind_logon(choose)


async def test_what_an_old_server_lacks(quick: Run) -> None:
    """Jobs of a kind that it does not show are a warning; queries, a fault."""
    async with FaultServer(serving()) as server:
        ended = await quick("doctor", VEEAM_URL=server.url)

    found = statuses(ended)
    assert (found["logon"], found["sessions"], found["jobs"]) == ("ok", *["failed"] * 2)
    assert (found["agents"], found["shares"]) == ("warning", "warning")
    assert "queries do not work: " in ended.out
    assert "a watch can do without" in advice(ended)


@pytest.mark.parametrize(
    ("role", "code", "failed", "said"),
    [
        ("Portal User", 0, [], "Portal User, since sessions are shown"),
        ("Restore Operator", 1, ["sessions"], "Portal User reads sessions"),
    ],
)
async def test_roles(
    quick: Run, role: Any, code: int, failed: list[str], said: str
) -> None:
    """What the user may not do is told, with the role that may."""
    async with Simulator(
        sessions=5, running=0, speed=0, role=role, password=PASSWORD
    ) as server:
        ended = await quick("doctor", VEEAM_URL=server.url)

    found = statuses(ended)
    assert ended.code == code
    assert [step for step, status in found.items() if status == "failed"] == failed
    assert (found["jobs"], found["agents"], found["shares"]) == ("warning",) * 3
    assert said in ended.out


async def test_without_sessions(quick: Run) -> None:
    """A server that shows none may have no backup server."""
    async with Simulator(sessions=0, running=0, speed=0, password=PASSWORD) as server:
        ended = await quick("doctor", VEEAM_URL=server.url)

    assert ended.code == 0
    assert statuses(ended)["sessions"] == "warning"
    assert "whether a backup server was added" in advice(ended)


async def test_through_a_proxy(quick: Run) -> None:
    """What the proxy does is left to it, and its password is not shown."""
    async with Proxy(credentials="user:hidden") as proxy:
        ended = await quick("doctor", VEEAM_PROXY=proxy.url)
        wrong = proxy.url.replace("hidden", "wr0ng")
        refused = await quick("doctor", VEEAM_PROXY=wrong)

    assert ended.code == 0
    assert "left to the proxy at 127.0.0.1\n" in ended.out
    assert failed_at(refused) == "product"
    assert "407" in refused.out
    assert "hidden" not in ended.out
    assert "wr0ng" not in refused.out + refused.err


@needs_terminal
async def test_on_a_terminal(simulator: Simulator) -> None:
    """Long lines are folded below themselves."""
    env = environment(simulator, VEEAM_URL="https://127.0.0.1:1")
    shown = await on_terminal("doctor", env=env, columns=60)

    assert shown.code == 1
    assert all(len(line) <= 60 for line in shown.lines)
    place = next(n for n, line in enumerate(shown.lines) if line.startswith("failed"))
    assert shown.lines[place + 1].startswith("                   -> see whether")
    assert shown.lines[place + 2].startswith(" " * 22 + "service")
