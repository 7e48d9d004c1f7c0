"""Servers under names: `veeam-async profile`, and `--profile` of each command."""

import json
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.command import PASSWORD, Ended, Invoke, Run, environment
from tests.cli.terminal import needs_terminal, on_terminal
from veeam_async.cli.pipeline import without_secrets
from veeam_async.cli.profile_file import add_profile, quoted, remove_profile
from veeam_async.profiles import VARIABLES
from veeam_async.simulator import Simulator

ADD = ("profile", "add", "prod", "--url", "https://em.test", "--username", "EM\\svc")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the profiles of this user would be."""
    return tmp_path / "veeam-async" / "profiles.toml"


def lines(ended: Ended) -> list[str]:
    """The output of a command that went well."""
    assert ended.code == 0, ended.err
    return ended.err.splitlines()


# ---------------------------------------------------------------- add, list, show


def test_a_new_profile_is_told_with_the_next_steps(invoke: Invoke, file: Path) -> None:
    """Where it is, what is left to do for the password, and how to try it."""
    told = lines(invoke(*ADD, "--password-env", "EM_PASSWORD"))

    assert told == [
        f"profile prod is in {file}",
        "set EM_PASSWORD to the password",
        "then try it: veeam-async doctor --profile prod",
    ]
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {
        "profile": {
            "prod": {
                "url": "https://em.test",
                "username": "EM\\svc",
                "password": {"env": "EM_PASSWORD"},
            }
        }
    }
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "set VEEAM_PASSWORD, or type it when you are asked"),
        (("--password-file", "/run/em"), "put the password into /run/em, for you al"),
        (("--password-keyring", "em"), "then keyring set em 'EM\\svc'"),
        (("--password-command", "pass show em"), "this prints the password: pass sh"),
    ],
)
def test_each_place_of_a_password_has_its_next_step(
    invoke: Invoke, file: Path, options: tuple[str, ...], said: str
) -> None:
    """As a line that can be done, or pasted."""
    assert said in lines(invoke(*ADD, *options))[1]
    assert file.exists()


def test_what_the_environment_says_is_kept_under_a_name(
    invoke: Invoke, file: Path
) -> None:
    """Where nothing else is given; but no password of it."""
    env = {
        "VEEAM_URL": "https://em.test:9398",
        "VEEAM_USERNAME": "svc@em.test",
        "VEEAM_FINGERPRINT": ":".join(["AB"] * 32),
        "VEEAM_PASSWORD": PASSWORD,
    }
    lines(invoke("profile", "add", "here", **env))
    shown = json.loads(invoke("profile", "show", "here").out)

    assert shown == {
        "name": "here",
        "url": "https://em.test:9398",
        "username": "svc@em.test",
        "ca_file": None,
        "fingerprint": "ab" * 32,
        "password": None,
    }
    assert PASSWORD not in file.read_text(encoding="utf-8")


def test_profiles_are_listed_and_shown(invoke: Invoke, file: Path) -> None:
    """One for each line, the place of the password, and never more of it."""
    lines(invoke(*ADD, "--password-command", f"echo {PASSWORD}"))
    lines(invoke("profile", "add", "dr", "--url", "https://dr", "--username", "u"))
    listed = invoke("profile")

    assert [row["name"] for row in listed.rows] == ["prod", "dr"]
    assert listed.rows[0]["password"] == "in the command echo"
    assert PASSWORD not in listed.out + invoke("profile", "show", "prod").out
    assert file.exists()


def test_without_any_the_list_says_how_to_begin(invoke: Invoke, file: Path) -> None:
    """And where they would be."""
    listed = invoke("profile", "list")

    assert (listed.code, listed.out) == (0, "")
    assert (
        listed.err == f"no profile in {file}; veeam-async profile add NAME makes one\n"
    )


@needs_terminal
async def test_on_a_terminal_they_are_a_table(tmp_path: Path) -> None:
    """Names, URLs and users below one another, and where they are."""
    file = tmp_path / "veeam-async" / "profiles.toml"
    for name, url in (("prod", "https://em.test:9398"), ("dr", "https://dr.test")):
        add_profile(file, name, {"url": url, "username": "EM\\svc"})
    env = environment(XDG_CONFIG_HOME=str(tmp_path))
    shown = await on_terminal("profile", env=env)

    assert shown.lines[:3] == [
        "prod  https://em.test:9398  EM\\svc",
        "dr    https://dr.test       EM\\svc",
        f"2 in {file}",
    ]


# ---------------------------------------------------------------- the file


OWN = """\
# my servers
[profile.prod]
url = "https://em.test"   # the old one
username = 'EM\\svc'

[profile.prod.password]
env = "EM_PASSWORD"

# another
[ profile."dr" ]
url = "https://dr.test"
username = "u"
"""


def test_what_its_user_wrote_stays(invoke: Invoke, file: Path) -> None:
    """Comments and all, when a profile is put beside it and taken out again."""
    file.parent.mkdir()
    file.write_text(OWN, encoding="utf-8")
    lines(invoke("profile", "add", "new", "--url", "https://new", "--username", "u"))
    lines(invoke("profile", "remove", "prod"))
    lines(invoke("profile", "remove", "new"))

    kept = file.read_text(encoding="utf-8")
    assert kept.startswith("# my servers\n")
    assert kept.rstrip().endswith(OWN[OWN.index('[ profile."dr" ]') :].rstrip())
    assert list(tomllib.loads(kept)["profile"]) == ["dr"]


def test_a_file_that_windows_wrote_is_one_too(invoke: Invoke, file: Path) -> None:
    """By PowerShell, in UTF-16 and with its ends of lines."""
    file.parent.mkdir()
    file.write_bytes(OWN.replace("\n", "\r\n").encode("utf-16"))
    lines(invoke("profile", "add", "new", "--url", "https://new", "--username", "u"))

    assert [row["name"] for row in invoke("profile").rows] == ["prod", "dr", "new"]
    assert file.read_text(encoding="utf-8").startswith(OWN)


def test_a_file_of_another_shape_is_left_alone(invoke: Invoke, file: Path) -> None:
    """A text that cannot be cut out by lines is left to its user."""
    file.parent.mkdir()
    text = "profile = {prod = {url = 'https://em', username = 'u'}}\n"
    file.write_text(text, encoding="utf-8")
    ended = invoke("profile", "remove", "prod")

    assert (ended.code, "edit it by hand" in ended.err) == (2, True)
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "text",
    [
        "C:\\certs\\em.pem",
        "\\\\server\\share\\em's.pem",
        "EM\\svc",
        'a "quoted" name',
        "tab\tdel\x7f\x1f",
        "Zürich 🗝",
    ],
)
def test_whatever_a_text_holds_comes_back(text: str, tmp_path: Path) -> None:
    """Paths of Windows above all; they stay readable."""
    assert tomllib.loads(f"x = {quoted(text)}") == {"x": text}
    assert quoted("C:\\certs\\em.pem") == "'C:\\certs\\em.pem'"
    file = tmp_path / "profiles.toml"
    add_profile(file, "a", {"url": "https://em", "username": text})
    remove_profile(file, "a")
    assert file.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "which profile? veeam-async profile add NAME"),
        (("show", "nobody"), "there is no profile 'nobody'"),
        (("remove", "nobody"), "there is no profile nobody in"),
        (("list", "prod"), "list takes no name: veeam-async profile show prod"),
        (("add", "prod"), "a new profile needs --url and --username"),
        (("add", "a.b", *ADD[3:]), "consists of letters, digits, - and _"),
        (("add", "old", *ADD[3:]), "there is a profile old already: edit"),
        (("add", "x", *ADD[3:], "--fingerprint", "ab"), "64 hexadecimal digits"),
        (
            ("add", "x", *ADD[3:], "--fingerprint", "ab" * 32, "--ca-file", "x"),
            "--ca-file and --fingerprint contradict each other",
        ),
        (
            ("add", "x", *ADD[3:], "--password-env", "A", "--password-file", "x"),
            "--password-env and --password-file contradict each other",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    invoke: Invoke, file: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 2 and one line, and the file is as it was."""
    add_profile(file, "old", {"url": "https://em", "username": "u"})
    before = file.read_bytes()
    ended = invoke("profile", *arguments)

    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert said in ended.err
    assert file.read_bytes() == before


# ---------------------------------------------------------------- --profile


async def test_a_profile_gives_what_nothing_else_gives(
    quick: Run, simulator: Simulator, file: Path
) -> None:
    """By the option, or by VEEAM_PROFILE; its password from where it says."""
    file.parent.mkdir()
    (file.parent / "secret").write_text(PASSWORD, encoding="utf-8")
    add_profile(
        file,
        "prod",
        {
            "url": simulator.url,
            "username": simulator.username,
            "password": {"file": "secret"},
        },
    )
    for arguments, env in (
        (("--profile", "prod"), {}),
        ((), {"VEEAM_PROFILE": "prod"}),
    ):
        ended = await quick("references", *arguments, **NOTHING, **env)
        assert (ended.code, len(ended.rows), ended.err) == (0, 12, "")


NOTHING = {"VEEAM_URL": "", "VEEAM_USERNAME": "", "VEEAM_PASSWORD": ""}


async def test_the_environment_goes_before_a_profile_and_says_so(
    quick: Run, simulator: Simulator, file: Path
) -> None:
    """As options do, without a word; another user's password is not tried."""
    add_profile(
        file,
        "prod",
        {
            "url": "http://nowhere.invalid",
            "username": "somebody",
            "password": {"env": "EM_PASSWORD"},
        },
    )
    warned = await quick("references", "--profile", "prod")
    given = ("--url", simulator.url, "--username", simulator.username)
    silent = await quick("references", "--profile", "prod", *given, **NOTHING)

    assert (warned.code, warned.err) == (
        0,
        (
            "veeam-async: warning: the environment goes before profile prod: VEEAM_URL "
            "and VEEAM_USERNAME and VEEAM_PASSWORD\n"
        ),
    )
    assert silent.code == 2
    assert "no password is given" in silent.err


def test_a_profile_that_is_wrong_is_wrong_usage(invoke: Invoke, file: Path) -> None:
    """An unknown name, and an unknown key: exit code 2, before anything is asked."""
    file.parent.mkdir()
    file.write_text("[profile.prod]\nuser = 'x'\n", encoding="utf-8")
    unknown = invoke("references", "--profile", "prdo")
    wrong = invoke("references", "--profile", "prod")

    assert (unknown.code, wrong.code) == (2, 2)
    assert f"there is no profile 'prdo' in {file}, but prod" in unknown.err
    assert "profile 'prod': unknown key 'user'; there are url, username" in wrong.err


def test_a_place_without_a_password_is_told(invoke: Invoke, file: Path) -> None:
    """It is not asked for elsewhere instead."""
    values = {"url": "https://em.test", "username": "u"}
    for number, (place, code, said) in enumerate(
        (
            ({"env": "NOT_SET"}, 2, "NOT_SET is not set: it is to hold the password"),
            ({"file": "/absent"}, 1, "/absent: No such file"),
            ({"command": "/absent x"}, 1, "the command /absent could not be started"),
        )
    ):
        add_profile(file, f"p{number}", {**values, "password": place})
        ended = invoke("references", "--profile", f"p{number}")
        assert (ended.code, said in ended.err) == (code, True), ended.err


def test_a_hook_does_not_get_the_password_of_a_profile(
    invoke: Invoke, file: Path
) -> None:
    """Whatever its variable is called, as it does not get VEEAM_PASSWORD."""
    values = {"url": "http://127.0.0.1:1", "username": "u"}
    add_profile(file, "prod", {**values, "password": {"env": "EM_PASSWORD"}})
    ended = invoke("references", "--profile", "prod", EM_PASSWORD=PASSWORD)

    assert ended.code == 1  # nothing listens there
    assert without_secrets({"EM_PASSWORD": PASSWORD, "LANG": "C"}) == {"LANG": "C"}


def test_command_and_library_read_the_same_variables(invoke: Invoke) -> None:
    """The help of a command names each of them, and no other."""
    text = " ".join(invoke("get", "--help").out.replace("│", " ").split())

    assert {word for word in VARIABLES.values() if word in text} == {
        *VARIABLES.values()
    }
