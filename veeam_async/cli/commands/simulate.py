"""Run the simulator in the foreground."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from veeam_async.cli.exits import Exit
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.console import stdout_console

if TYPE_CHECKING:
    from veeam_async.simulator import Simulator

_LAST_PORT = 65_535


def simulate(
    *,
    host: str = "127.0.0.1",
    port: int = 9398,
    sessions: int = 200,
    running: int = 20,
    speed: float = 5,
    seed: int = 7,
    product: Literal["11", "12", "13"] = "13",
    tls: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    role: Literal[
        "Portal Administrator", "Portal User", "Restore Operator"
    ] = "Portal Administrator",
    clock_offset: Annotated[list[float] | None, Parameter(negative="")] = None,
) -> Exit:
    """Run a simulated Enterprise Manager until Ctrl-C, and say how to reach it.

    It never runs dry: each of its jobs starts once an hour of its clock, and what is
    older than 30 days of it is forgotten. That clock begins with yours and runs ahead.

    Example: `veeam-async simulate --tls`

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        sessions: How many backup sessions it has.
        running: How many of them run. About as many do so later.
        speed: How many of its seconds pass in one of ours. 1: its clock keeps up
            with yours. 0: it stands still, and nothing starts or ends.
        seed: Another seed, another server.
        product: The version to imitate.
        tls: Use HTTPS, with a certificate of its own.
        role: What its user may do: everything, read sessions, or neither.
        clock_offset: Seconds that a backup server's clock is ahead, negative where
            it is behind; once for each of the two.
    """
    if not 0 <= port <= _LAST_PORT:
        raise ValueError(f"--port lies between 0 and {_LAST_PORT}")
    # Here, since it loads a web server that no other command needs.
    from veeam_async.simulator import Simulator  # noqa: PLC0415

    simulator = Simulator(
        host=host,
        port=port,
        sessions=sessions,
        running=running,
        speed=speed,
        seed=seed,
        product=product,
        tls=tls,
        role=role,
        clock_offsets=clock_offset or (),
        scheduled=True,
    )
    return run_async(_serve(simulator, speed))


async def _serve(simulator: Simulator, speed: float) -> Exit:
    async with simulator:
        console = stdout_console()
        for line in _instructions(simulator, speed):
            console.print(line, soft_wrap=True)
        await asyncio.Event().wait()
    return Exit.DONE


def _instructions(simulator: Simulator, speed: float) -> Iterator[str]:
    """How to reach it, for people and, to be copied, for two kinds of shell."""
    variables = {
        "VEEAM_URL": simulator.url,
        "VEEAM_USERNAME": simulator.username,
        "VEEAM_PASSWORD": simulator.password,
    }
    yield f"URL          {simulator.url}"
    yield f"User         {simulator.username}"
    yield f"Password     {simulator.password}"
    if simulator.fingerprint:
        variables["VEEAM_FINGERPRINT"] = simulator.fingerprint
        yield f"Fingerprint  {simulator.fingerprint}"
    yield f"Clock        {simulator.now:%Y-%m-%d %H:%M:%S} UTC, {_pace(speed)}"
    yield f"Sessions     {_sessions(simulator, speed)}"
    yield "\nFor sh:"
    yield from (f"  export {name}='{value}'" for name, value in variables.items())
    yield "\nFor PowerShell:"
    yield from (f"  $env:{name} = '{value}'" for name, value in variables.items())
    yield "\nThen, in that shell:"
    yield f"  {as_called('watch')}"
    yield "\nCtrl-C ends it."


def _pace(speed: float) -> str:
    """How its clock goes beside that of whoever reads this."""
    if speed == 0:
        return "which stands still"
    if speed == 1:
        return "which keeps up with yours"
    return f"which runs {speed:g} times as fast as yours"


def _sessions(simulator: Simulator, speed: float) -> str:
    """How many there are, and whether others follow."""
    there = f"{len(simulator.session_ids)}, of which {len(simulator.running_ids)} run"
    if speed == 0:
        return there
    return f"{there}; each job starts once an hour of its clock"
