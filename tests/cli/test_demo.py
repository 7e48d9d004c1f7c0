import re
import time

from tests.cli.command import end, environment, start

_SUMMARY = re.compile(
    r"^200 sessions: (\d+) Success · (\d+) Warning · (\d+) Failed\n"
    r"(\d+) requests in ([\d.]+) s, logon and logout included\.\n\Z",
    re.MULTILINE,
)


async def test_the_demo_needs_nothing_and_adds_up() -> None:
    """In a pipe it is plain lines; exit code 0 in under 20 s, failed sessions or no."""
    started = time.monotonic()
    ended = await end(await start("demo", env=environment()))
    took = time.monotonic() - started
    summary = _SUMMARY.search(ended.out)

    assert (ended.code, ended.err) == (0, "")
    assert took < 20
    assert summary is not None
    assert sum(int(many) for many in summary.groups()[:3]) == 200
    assert int(summary[4]) > 200
    assert ended.out.count("  STOPPED     ") == 20
    assert "Fetched 200 sessions in " in ended.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.out)


async def test_an_empty_demo() -> None:
    """A server without sessions is no reason to fail."""
    options = ("--sessions", "0", "--running", "0")
    ended = await end(await start("demo", *options, env=environment()))

    assert (ended.code, ended.err) == (0, "")
