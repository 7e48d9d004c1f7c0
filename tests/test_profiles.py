"""A manager made of the environment, or of a profile."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from tests.support.exposure import exposed
from veeam_async import (
    AuthenticationFailed,
    EnterpriseManager,
    ManagerOptions,
    PasswordUnavailable,
)
from veeam_async.profiles import load
from veeam_async.simulator import Simulator

PASSWORD = "S3cret, never shown"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests, and none of their profiles."""
    for name in ("URL", "USERNAME", "PASSWORD", "PASSWORD_FILE", "CA_FILE"):
        monkeypatch.delenv(f"VEEAM_{name}", raising=False)
    for name in ("FINGERPRINT", "INSECURE", "PROXY", "PROFILE"):
        monkeypatch.delenv(f"VEEAM_{name}", raising=False)
    monkeypatch.setattr(
        "platformdirs.user_config_path", lambda *_, **__: tmp_path / "veeam-async"
    )


def variables(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Set VEEAM_… variables."""
    for name, value in values.items():
        monkeypatch.setenv(f"VEEAM_{name}", value)


def written(folder: Path, text: str) -> Path:
    """A file of profiles."""
    file = folder / "profiles.toml"
    file.write_text(text, encoding="utf-8")
    return file


# ---------------------------------------------------------------- the environment


async def test_the_environment_leads_to_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By each way to trust it and to keep the password; arguments go before it."""
    async with Simulator(sessions=2, tls=True, password=PASSWORD) as server:
        ca_file, file = tmp_path / "ca.pem", tmp_path / "password"
        ca_file.write_text(server.certificate or "", encoding="ascii")
        file.write_text(f"{PASSWORD}\r\n", encoding="utf-16")
        variables(monkeypatch, URL=server.url, USERNAME=server.username)
        ways: list[tuple[dict[str, str], dict[str, Any]]] = [
            ({"PASSWORD": PASSWORD, "FINGERPRINT": server.fingerprint or ""}, {}),
            ({"PASSWORD_FILE": str(file), "CA_FILE": str(ca_file)}, {}),
            ({"PASSWORD": "wrong"}, {"password": PASSWORD, "tls": ca_file}),
        ]
        for values, overrides in ways:
            with monkeypatch.context() as patch:
                variables(patch, **values)
                em = EnterpriseManager.from_env(lazy=True, **overrides)
                async with em:
                    assert len(await em.backup_sessions.references()) == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {},
            (
                "VEEAM_URL, VEEAM_USERNAME and VEEAM_PASSWORD (or VEEAM_PASSWORD_FILE) "
                "are not set: set them, or give url=…, username=… and password=…"
            ),
        ),
        (
            {"URL": "https://em", "USERNAME": "u", "PASSWORD": ""},
            (
                "VEEAM_PASSWORD (or VEEAM_PASSWORD_FILE) is not set: set it, or give "
                "password=…"
            ),
        ),
        ({"INSECURE": "perhaps"}, "VEEAM_INSECURE is 1 or 0"),
        (
            {"INSECURE": "1", "CA_FILE": "ca.pem"},
            "VEEAM_CA_FILE and VEEAM_INSECURE contradict each other: set one",
        ),
    ],
)
def test_what_is_missing_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    """All of it at once, by the names of the variables."""
    variables(monkeypatch, **values)

    with pytest.raises(ValueError, match=r".") as caught:
        EnterpriseManager.from_env()

    assert str(caught.value) == said


def test_no_secret_of_the_environment_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a password nor a URL that holds one, in whatever goes wrong."""
    secret = "Zeile-Passwort-77"
    proxy = f"http://u:{secret}@proxy.example.com:port"
    for values in (
        {"URL": f"https://u:{secret}@em.example.com", "PASSWORD": secret},
        {"URL": "https://em", "PASSWORD": secret, "PROXY": proxy},
    ):
        with monkeypatch.context() as patch:
            variables(patch, USERNAME="u", **values)
            for overrides in ({}, {"max_connections": 0, "password": secret}):
                with pytest.raises(ValueError, match=r".") as caught:
                    EnterpriseManager.from_env(**overrides)  # type: ignore[arg-type]  # wrong on purpose
                assert exposed(caught.value, [secret]) == []


# ---------------------------------------------------------------- profiles


async def test_a_profile_leads_to_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By each place where a password can be; the environment does not disturb it."""
    async with Simulator(sessions=2, tls=True, password=PASSWORD) as server:
        (tmp_path / "em.pem").write_text(server.certificate or "", encoding="ascii")
        (tmp_path / "secret").write_text(f"{PASSWORD}\nmore\n", encoding="utf-8")
        monkeypatch.setenv("EM_PASSWORD", PASSWORD)
        variables(monkeypatch, URL="https://nowhere.invalid", PASSWORD="wrong")
        prints = [sys.executable, "-c", f"print({PASSWORD!r})"]
        places = [
            'fingerprint = "{}"\npassword = {{env = "EM_PASSWORD"}}',
            'ca_file = "em.pem"\npassword = {{file = "secret"}}',
            f'fingerprint = "{{}}"\npassword = {{{{command = {prints!r}}}}}',
        ]
        for place in places:
            file = written(
                tmp_path,
                f'[profile.prod]\nurl = "{server.url}"\n'
                f'username = "{server.username}"\n{place.format(server.fingerprint)}\n',
            )
            async with EnterpriseManager.from_profile("prod", file=file) as em:
                assert len(await em.backup_sessions.references()) == 2


async def test_the_environment_names_a_profile_and_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the folder of the platform; a password goes with its own user alone."""
    (tmp_path / "veeam-async").mkdir()
    written(
        tmp_path / "veeam-async",
        '[profile.prod]\nurl = "http://em.test"\nusername = "svc"\n'
        'password = {env = "EM_PASSWORD"}\n',
    )
    variables(monkeypatch, PROFILE="prod")
    monkeypatch.setenv("EM_PASSWORD", PASSWORD)
    async with Simulator(sessions=1, password=PASSWORD) as server:
        variables(monkeypatch, URL=server.url)
        with pytest.raises(AuthenticationFailed):  # "svc" is unknown there
            await EnterpriseManager.from_env().open()
        assert server.stats.requests == 1
        variables(monkeypatch, USERNAME=server.username)
        with pytest.raises(ValueError, match=r"VEEAM_PASSWORD \(or .*\) is not set"):
            EnterpriseManager.from_env()
        variables(monkeypatch, PASSWORD=PASSWORD)
        async with EnterpriseManager.from_env() as em:
            assert await em.backup_sessions.references()


GOOD = '[profile.a]\nurl = "https://em"\nusername = "u"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "",
            "there is no profile 'a', since there is none in {}: `veeam-async profile",
        ),
        ('[profile.b]\nurl = "x"', "there is no profile 'a' in {}, but b"),
        ("[profile.a", "{} is no TOML: "),
        ('[profile.a]\nusername = "D\\svc"', "write a backslash in 'single quotes'"),
        (
            "[profiles.a]",
            "{}: 'profiles' is nothing that stands in it: a profile begin",
        ),
        ("profile = 1", "{}: a profile begins with [profile.NAME]"),
        (
            GOOD + "user = 'x'",
            "{}, profile 'a': unknown key 'user'; there are url, username, ca_file,",
        ),
        (GOOD + "ca_file = 5", "ca_file is a text that is not empty"),
        (GOOD + "ca_file = 'x'\nfingerprint = 'y'", "give ca_file or fingerprint, not"),
        (GOOD + f"password = '{PASSWORD}'", "password says where the password is, as"),
        (
            GOOD + f"password = {{plain = '{PASSWORD}'}}",
            "unknown key 'plain' in password; there are env, file, keyring, command",
        ),
        (GOOD + "password = {env = ''}", "password.env is a text that is not empty"),
        (GOOD + "password = {env = 'NOT_SET'}", "NOT_SET is not set: it is to hold"),
        (
            GOOD + "password = {command = [1]}",
            "each word of password.command is a text",
        ),
        (GOOD + "password = {command = []}", "each word of password.command is a text"),
        ("[profile.a]\npassword={keyring='s'}", "a keyring needs the username"),
        (GOOD, "the profile 'a' in {} has no password: add it there, or give passwor"),
    ],
)
def test_a_profile_that_makes_no_sense_is_told(
    tmp_path: Path, text: str, said: str
) -> None:
    """Where it stands and what would do, never with a password that stands there."""
    file = written(tmp_path, text)

    with pytest.raises(ValueError, match=r".") as caught:
        EnterpriseManager.from_profile("a", file=file)

    assert said.format(file) in str(caught.value)
    assert exposed(caught.value, [PASSWORD]) == []


def test_a_password_goes_with_its_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A profile's is not tried for another: accounts lock; a variable's is."""
    monkeypatch.setenv("EM_PASSWORD", PASSWORD)
    file = written(tmp_path, f"{GOOD}password = {{env = 'EM_PASSWORD'}}")
    with pytest.raises(ValueError, match="has no password of other: add it there, or"):
        EnterpriseManager.from_profile("a", file=file, username="other")
    variables(monkeypatch, URL="https://em", USERNAME="u", PASSWORD=PASSWORD)

    assert EnterpriseManager.from_profile("a", file=file, username="u")
    assert EnterpriseManager.from_env(username="other")


async def test_a_place_without_a_password_is_told_at_the_logon(tmp_path: Path) -> None:
    """An empty or a missing file, a program that fails: nothing is sent, and why."""
    (tmp_path / "empty").touch()
    fails = [sys.executable, "-c", "raise SystemExit(3)"]
    for place, said in (
        ("file = 'empty'", "is empty: its first line is to be the password"),
        ("file = 'absent'", "absent"),
        (f"command = {fails!r}", "ended with exit code 3"),
        ("command = ['/absent/program']", "could not be started: No such file"),
    ):
        file = written(tmp_path, f"{GOOD}password = {{{place}}}")
        em = EnterpriseManager.from_profile("a", file=file)
        with pytest.raises(PasswordUnavailable) as caught:
            await em.open()
        assert said in str(caught.value)
        assert str(caught.value).endswith("nothing was sent")


KEYRING = """
class errors:
    class KeyringError(Exception): pass
    class NoKeyringError(KeyringError): pass
def get_password(service, username):
    if service == "broken":
        raise errors.NoKeyringError("no backend")
    return {("em", "u"): %r}.get((service, username))
"""


def test_a_keyring_is_asked_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry for service and user, or a sentence: no extra, no keyring, no entry."""

    def password(service: str) -> str:
        file = written(tmp_path, f"{GOOD}password = {{keyring = '{service}'}}")
        source = load("a", file).password
        assert source is not None
        return source.read().reveal()

    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(RuntimeError, match=r'pip install "veeam-async\[keyring\]"'):
        password("em")
    monkeypatch.delitem(sys.modules, "keyring")
    (tmp_path / "keyring.py").write_text(KEYRING % PASSWORD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match=r"NoKeyringError.*keep the password in a f"):
        password("broken")
    with pytest.raises(
        RuntimeError, match="no password of u for other: keyring set ot"
    ):
        password("other")
    assert password("em") == PASSWORD
    monkeypatch.delitem(sys.modules, "keyring")


class OneEntry(KeyringBackend):
    """A keyring of one password."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        """That of u for em."""
        return PASSWORD if (service, username) == ("em", "u") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nobody sets one here."""
        raise NotImplementedError


def test_the_keyring_that_its_package_finds_is_asked(tmp_path: Path) -> None:
    """By the package itself, of whatever version."""
    keyring.set_keyring(OneEntry())  # type: ignore[no-untyped-call]  # its base is
    file = written(tmp_path, f"{GOOD}password = {{keyring = 'em'}}")
    source = load("a", file).password

    assert source is not None
    assert source.read().reveal() == PASSWORD


def test_files_are_named_from_the_folder_of_the_profiles(tmp_path: Path) -> None:
    """Or by a whole path, or from the user's home; a mark of PowerShell's is read."""
    file = tmp_path / "profiles.toml"
    home, whole = Path("~/em.pem").expanduser(), tmp_path / "other" / "em.pem"
    for given, meant in (
        ("em.pem", tmp_path / "em.pem"),
        ("~/em.pem", home),
        (str(whole), whole),
    ):
        file.write_text(f"{GOOD}ca_file = '{given}'", encoding="utf-16")
        assert load("a", file).ca_file == str(meant)


def test_whatever_the_constructor_takes_can_be_given_besides() -> None:
    """The type that says so to type checkers forgets nothing."""
    taken = inspect.signature(EnterpriseManager).parameters

    assert set(ManagerOptions.__annotations__) == set(taken)
