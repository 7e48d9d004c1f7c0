"""What is loaded, and what is not, by a process that has just begun.

A module that creeps in costs each command and each import its time. Which ones are in
is told by name, by a process of its own: no test here depends on how fast it was.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import pickle
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import veeam_async
from tests.cli.command import environment
from veeam_async.cli.dispatch import COMMANDS, function_of
from veeam_async.simulator import Simulator

FRONT = Path(veeam_async.__file__)

HEAVY = {"aiohttp", "yarl", "multidict", "cryptography", "xmltodict", "cattrs"}
"""What neither an import nor a command that is answered in JSON needs."""
DRAWN = {"rich", "pygments", "markdown_it"}
PARSED = {"cyclopts", "docstring_parser"}
WHOLE = {"importlib.metadata", "email", "html.parser", "urllib.request", "http.client"}
"""Parts of the standard library that take long to load."""

AFTER = """
import atexit, os, sys
before = set(sys.modules)  # what measures coverage loads modules of its own
def tell():
    with open(os.environ["LOADED"], "w", encoding="utf-8") as file:
        file.write("\\n".join(set(sys.modules) - before))
atexit.register(tell)
"""


async def loaded(tmp_path: Path, code: str, *arguments: str, **env: str) -> set[str]:
    """What a process has loaded by its end, which ran *code* with *arguments*."""
    told = tmp_path / "loaded"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", AFTER + code, *arguments),
        env={**environment(), "LOADED": str(told), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return set(told.read_text(encoding="utf-8").split("\n"))


COMMAND = """
import sys
from veeam_async.__main__ import main
sys.exit(main())
"""


def of(names: Iterable[str], modules: set[str]) -> set[str]:
    """Those of *names* that are among *modules*."""
    return modules.intersection(names)


def commands_in(modules: set[str]) -> set[str]:
    """The modules of commands that are loaded."""
    start = "veeam_async.cli.commands."
    return {name.removeprefix(start) for name in modules if name.startswith(start)}


# ---------------------------------------------------------------- what is loaded


async def test_the_package_itself_is_nearly_nothing(tmp_path: Path) -> None:
    """Before a name is asked for, not even asyncio is there."""
    modules = await loaded(tmp_path, "import veeam_async; veeam_async.__version__")

    ours = {name for name in modules if name.startswith("veeam_async")}
    assert ours == {"veeam_async", "veeam_async.version"}
    assert not of({"asyncio", "attrs", *HEAVY, *WHOLE}, modules)


async def test_a_client_is_loaded_without_what_few_of_them_need(tmp_path: Path) -> None:
    """Aiohttp is for a proxy, XML for whoever asks for it, cattrs for odd bodies."""
    modules = await loaded(tmp_path, "from veeam_async import EnterpriseManager, F")

    assert not of({*HEAVY, *DRAWN, *PARSED, *WHOLE}, modules)
    assert not {name for name in modules if "veeam_async.cli" in name}
    assert not of({"veeam_async.simulator", "veeam_async.jobs.jobs"}, modules)
    assert "veeam_async.watch.watch" not in modules


async def test_a_manager_without_a_proxy_needs_no_aiohttp(tmp_path: Path) -> None:
    """Not when it is made either."""
    make = (
        "from veeam_async import EnterpriseManager\n"
        "EnterpriseManager('https://em.test:9398', username='u', password='p'{})"
    )

    assert not of(HEAVY, await loaded(tmp_path, make.format("")))
    for more in (", transport='aiohttp'", ", proxy='http://proxy.test:3128'"):
        # Loaded by the constructor, since an open manager has a loop to keep going.
        assert "aiohttp" in await loaded(tmp_path, make.format(more))


async def test_the_version_needs_no_command(tmp_path: Path) -> None:
    """And neither a client nor a loop."""
    modules = await loaded(tmp_path, COMMAND, "--version")

    assert not of({"asyncio", "attrs", *HEAVY, *DRAWN, *PARSED, *WHOLE}, modules)
    assert commands_in(modules) == set()


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
async def test_the_help_of_all_loads_none_of_them(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Their first lines are known without them."""
    modules = await loaded(tmp_path, COMMAND, *arguments)

    assert commands_in(modules) == set()
    assert not of({"asyncio", "veeam_async.manager", *HEAVY}, modules)


async def test_a_get_in_a_pipe_draws_nothing(tmp_path: Path) -> None:
    """Over TLS, from logon to logout: no more than the one command, and no rich."""
    async with Simulator(sessions=3, running=0, tls=True) as simulator:
        modules = await loaded(
            tmp_path,
            COMMAND,
            *("get", str(simulator.session_ids[0])),
            VEEAM_URL=simulator.url,
            VEEAM_USERNAME=simulator.username,
            VEEAM_PASSWORD=simulator.password,
            VEEAM_FINGERPRINT=simulator.fingerprint or "",
        )

    assert "veeam_async.transport.direct" in modules
    assert commands_in(modules) == {"read"}
    assert not of({*HEAVY, *DRAWN, *WHOLE}, modules)


# ---------------------------------------------------------------- the page of all


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_told_of_as_it_tells_of_itself(name: str) -> None:
    """The line on the page of all is the first one of its own help."""
    function = function_of(name)

    assert function.__name__ == name
    assert (inspect.getdoc(function) or "").partition("\n")[0] == COMMANDS[name]


def test_every_command_is_told_of() -> None:
    """There is no module of commands that none of them comes from."""
    modules = importlib.import_module("veeam_async.cli.commands").__path__
    there = {found.name for found in pkgutil.iter_modules(modules)}

    assert {function_of(name).__module__.rpartition(".")[2] for name in COMMANDS} == (
        there
    )


# ---------------------------------------------------------------- the front door


def imported_for_types() -> dict[str, str]:
    """The module of each public name, as a type checker reads it."""
    tree = ast.parse(FRONT.read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_types_and_programs_see_the_same_names() -> None:
    """What a type checker finds in a module is what a program gets out of it."""
    modules = imported_for_types()

    assert sorted(modules) == veeam_async.__all__
    for name, module in modules.items():
        assert getattr(veeam_async, name) is getattr(
            importlib.import_module(module), name
        )


def test_everything_can_be_had_at_once() -> None:
    """By a star, as by name; and `dir` lists it before it is used."""
    names: dict[str, object] = {}
    exec("from veeam_async import *", names)  # noqa: S102 - how else to test it

    assert set(veeam_async.__all__) <= set(names)
    assert {"__version__", *veeam_async.__all__} <= set(dir(veeam_async))


def test_a_name_that_is_not_there_is_an_error() -> None:
    """One that says so, as of any module."""
    with pytest.raises(AttributeError, match="'veeam_async' has no attribute 'Nobody'"):
        getattr(veeam_async, "Nobody")  # noqa: B009 - mypy knows that there is none
    with pytest.raises(ImportError, match="cannot import name 'Nobody'"):
        exec("from veeam_async import Nobody", {})  # noqa: S102 - the same


def test_what_is_public_can_be_pickled() -> None:
    """Classes by the modules that they are in, as before."""
    for name in veeam_async.__all__:
        value = getattr(veeam_async, name)
        if inspect.isclass(value):
            assert pickle.loads(pickle.dumps(value)) is value  # noqa: S301 - our own


async def test_each_module_can_be_the_first(tmp_path: Path) -> None:
    """Whatever is imported first, by whatever way, no circle closes."""
    code = f"""
import importlib, sys
for first in {json.dumps(sorted({*imported_for_types().values()}))}:
    for name in [name for name in sys.modules if name.startswith("veeam_async")]:
        del sys.modules[name]
    importlib.import_module(first)
    place, _, last = first.rpartition(".")
    exec(f"from {{place}} import {{last}}", {{}})
import veeam_async
veeam_async.errors.VeeamError, veeam_async.models.Link
"""
    assert "veeam_async.models" in await loaded(tmp_path, code)
