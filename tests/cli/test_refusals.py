import asyncio
import sys
from pathlib import Path

import pytest

from tests.cli.command import PASSWORD, Ended, Invoke, Run, end, environment, start
from tests.support.proxy import Proxy
from veeam_async.cli.options import Connection
from veeam_async.simulator import Simulator

NOWHERE = "http://127.0.0.1:1"


async def test_wrong_password(run: Run, simulator: Simulator) -> None:
    """One line says so, after one try: accounts lock."""
    ended = await run("references", VEEAM_PASSWORD="wrong")

    assert (ended.code, ended.out) == (1, "")
    assert "401" in ended.err
    assert ended.err.endswith("; check --username and the password\n")
    assert len(ended.err.splitlines()) == 1
    assert simulator.stats.requests == 1


async def test_nothing_listens(quick: Run) -> None:
    """A wrong port is told in one line, without a traceback."""
    ended = await quick(
        "get", "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35", VEEAM_URL=NOWHERE
    )

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("veeam-async: no connection to 127.0.0.1:1")
    assert len(ended.err.splitlines()) == 1


async def test_another_server(quick: Run) -> None:
    """A page of HTML in place of an API is told for what it is."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!DOCTYPE html><html><body>IIS</body></html>"
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}"
        )
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await quick("references", VEEAM_URL=f"http://127.0.0.1:{port}")

    assert (ended.code, ended.out) == (1, "")
    assert "is not the API of Enterprise Manager" in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_what_the_role_does_not_read(quick: Run) -> None:
    """The command that knows more of roles is told, by a plugin too."""
    async with Simulator(
        sessions=1, running=0, role="Restore Operator", password=PASSWORD
    ) as server:
        query = await quick("query", VEEAM_URL=server.url)
        check = await quick("check", VEEAM_URL=server.url)

    said = "answered 403; veeam-async doctor shows what this user's role reads\n"
    assert (query.code, check.code) == (1, 3)
    assert query.err.startswith("veeam-async: Access denied: GET ")
    assert query.err.endswith(said)
    assert check.out.endswith(said)


async def test_a_simulated_certificate_is_called_by_its_name(quick: Run) -> None:
    """Nothing in it looks like the password that the simulator has unless told."""
    async with Simulator(sessions=1, running=0, tls=True) as server:
        settings = {"VEEAM_URL": server.url, "VEEAM_PASSWORD": server.password}
        ended = await quick("references", **settings)

    assert "'Simulated Enterprise Manager' signed it itself" in ended.err


async def test_standard_input_that_is_no_text(run: Run) -> None:
    """It is called so, and not quoted."""
    ended = await run("fetch", "-", text=b"\xe4\xf6\xfc")

    assert ended.code == 2
    assert ended.err == "veeam-async: standard input is no text in UTF-8\n"


async def test_an_untrusted_certificate(tmp_path: Path) -> None:
    """Its fingerprint and the options are told; each of the three then works."""
    async with Simulator(sessions=1, running=0, tls=True, password=PASSWORD) as server:
        env, seen = environment(server), server.fingerprint or ""
        file = tmp_path / "ca.pem"
        file.write_text(server.certificate or "", encoding="ascii")
        options = (
            (),
            ("--fingerprint", seen),
            ("--ca-file", str(file)),
            ("--insecure",),
            ("--fingerprint", "0" * 64),
            ("--insecure", "--ca-file", str(file)),
        )
        refused, pinned, known, any_, other, both = await asyncio.gather(
            *(_ended("references", *each, env=env) for each in options)
        )

    assert [each.code for each in (refused, pinned, known, any_, other, both)] == [
        1,
        0,
        0,
        0,
        1,
        2,
    ]
    assert f"--fingerprint {seen}, or by --ca-file FILE\n" in refused.err
    assert "tls=" not in refused.err
    assert pinned.err + known.err == ""
    assert any_.err.startswith("veeam-async: warning: TLS verification is off")
    assert len(any_.err.splitlines()) == 1
    assert seen in other.err
    assert "--ca-file and --insecure contradict each other" in both.err


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "VEEAM_URL"),
        ({"VEEAM_URL": NOWHERE}, "VEEAM_USERNAME"),
        ({"VEEAM_URL": NOWHERE, "VEEAM_USERNAME": "me"}, "VEEAM_PASSWORD"),
        (
            {"VEEAM_URL": "x", "VEEAM_USERNAME": "me", "VEEAM_PASSWORD": "x"},
            "the URL needs a scheme and a host",
        ),
    ],
)
def test_settings_that_are_missing(
    invoke: Invoke, env: dict[str, str], said: str
) -> None:
    """The message names what is missing, with the variables that can give it."""
    ended = invoke("references", **env)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("how", [("--password", PASSWORD), (f"--password={PASSWORD}",)])
def test_a_password_on_the_command_line(invoke: Invoke, how: tuple[str, ...]) -> None:
    """It is refused with the reason, and not repeated."""
    ended = invoke("references", *how)

    assert (ended.code, ended.out) == (2, "")
    assert "VEEAM_PASSWORD" in ended.err
    assert PASSWORD not in ended.err


async def test_a_password_in_a_file(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """A file or standard input holds it, before the environment; empty is refused."""
    file, empty = tmp_path / "password", tmp_path / "empty"
    file.write_bytes(b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\n")
    empty.touch()
    in_file, typed, none, absent, binary = await asyncio.gather(
        run("references", "--password-file", str(file), VEEAM_PASSWORD="wrong"),
        run("references", "--password-file", "-", text=f"{PASSWORD}\n"),
        run("references", VEEAM_PASSWORD_FILE=str(empty)),
        run("references", "--password-file", str(tmp_path / "absent")),
        run("references", "--password-file", "-", text=b"\xff\x00\x80"),
    )

    assert [each.code for each in (in_file, typed, none, absent, binary)] == [
        0,
        0,
        2,
        1,
        2,
    ]
    assert "is empty" in none.err
    assert "absent: No such file or directory" in absent.err
    assert simulator.stats.logons == 2


@pytest.mark.parametrize(
    "command",
    [
        ("fetchh",),
        ("query", "--limit", "many"),
        ("query", "--resource", "restore", "--job", "x"),
        ("references", "-o", "yaml"),
        ("references", "--fingerprint", "abc"),
        ("references", "--ca-file", "/nonexistent"),
        ("references", "--max-connections", "0"),
        ("references", "--request-timeout", "0"),
        ("get",),
        ("get", " "),
        ("wait",),
        ("get", "urn:nonsense"),
        ("wait", "urn:nonsense"),
        ("tasks", "urn:nonsense"),
        ("watch", "urn:nonsense"),
        ("stop", "https://nonsense", "--yes"),
        ("bench", "--count", "0"),
        ("bench", "--connections", "0"),
        ("demo", "--running", "-1"),
        ("demo", "--speed", "0"),
        ("simulate", "--product", "9"),
    ],
)
def test_wrong_usage(invoke: Invoke, command: tuple[str, ...]) -> None:
    """Exit code 2 and one line, for whatever cannot be understood."""
    settings = {"VEEAM_URL": "https://127.0.0.1:1", "VEEAM_USERNAME": "me"}
    ended = invoke(*command, **settings, VEEAM_PASSWORD=PASSWORD)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("veeam-async: ")
    assert len(ended.err.splitlines()) == 1


async def test_what_only_the_library_knows_to_be_wrong(quick: Run) -> None:
    """What it refuses while connected is wrong usage as well."""
    ended = await asyncio.gather(
        quick("query", "--order-by", "bogus"),
        quick("watch", "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35", "--interval", "0"),
    )

    assert [each.code for each in ended] == [2, 2]
    assert [len(each.err.splitlines()) for each in ended] == [1, 1]


async def test_a_filter_that_the_server_refuses(quick: Run) -> None:
    """The server's own words come first, then the place; exit code 2."""
    value = await quick("query", "state==Foo;result==Failed", "--job", "x")
    watched = await quick("watch", "--where", "is_retry==perhaps")
    option = await quick("fetch", "--state", "Foo")

    assert [each.code for each in (value, watched, option)] == [2, 2, 2]
    said, *pointing = value.err.splitlines()
    assert said.startswith(
        "veeam-async: the server refuses the filter: Value 'Foo' is not one of Starting"
    )
    assert pointing == [
        "  state==Foo;result==Failed",
        "         ^^^",
    ]
    assert watched.err.splitlines()[1:] == [
        "  is_retry==perhaps",
        "            ^^^^^^^",
    ]
    assert option.err.count("\n") == 1
    assert "%" not in value.err + watched.err + option.err


@pytest.mark.parametrize("absent", ["cyclopts", "rich"])
async def test_without_the_extra(absent: str) -> None:
    """Without the extra one line says what to install."""
    script = (
        f"import sys; sys.modules[{absent!r}] = None; "
        "from veeam_async.__main__ import main; sys.exit(main())"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = await end(process)

    assert (ended.code, ended.out) == (1, "")
    assert 'pip install "veeam-async[cli]"' in ended.err
    assert len(ended.err.splitlines()) == 1


async def _ended(*arguments: str, env: dict[str, str]) -> Ended:
    return await end(await start(*arguments, env=env))


@pytest.mark.parametrize("option", ["--proxy", "--url"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{PASSWORD}@127.0.0.1:3128",
        f"user:{PASSWORD}@127.0.0.1:3128",
        f"socks5://:{PASSWORD}@x",
        f"http://user%3A{PASSWORD}@x",
        f"http://user:{PASSWORD}@at@x",
    ],
)
def test_a_url_with_a_password_is_refused(
    invoke: Invoke, option: str, url: str, *, together: bool
) -> None:
    """It would be in the list of processes; where it goes is told, and it is not."""
    given = (f"{option}={url}",) if together else (option, url)
    ended = invoke("references", *given, VEEAM_URL=NOWHERE)

    assert (ended.code, ended.out) == (2, "")
    assert f"a password in {option} on the command line can be read" in ended.err
    assert ("VEEAM_PROXY" if option == "--proxy" else "VEEAM_PASSWORD") in ended.err
    assert PASSWORD not in ended.err


async def test_a_proxy_of_the_environment_may_have_a_password(quick: Run) -> None:
    """It is used, and shown nowhere."""
    async with Proxy(credentials="user:hidden") as proxy:
        ended = await quick("references", VEEAM_PROXY=proxy.url)
        wrong = proxy.url.replace("hidden", "wr0ng")
        refused = await quick("references", VEEAM_PROXY=wrong)

    assert ended.code == 0
    assert refused.code == 1
    assert "the proxy refused with 407" in refused.err
    assert "wr0ng" not in refused.err + repr(Connection(proxy=wrong))
