"""Which TLS contexts managers use, and what each of them has loaded."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Callable
from pathlib import Path
from weakref import ref

import pytest
import trustme

from veeam_async import Fingerprint
from veeam_async.transport.tls import Tls, trust_of

PINNED = Fingerprint("ab" * 32)


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the system's CAs lie in: just one, of nobody else."""
    path = tmp_path / "system.pem"
    path.write_bytes(authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    return path


def authority() -> bytes:
    """The certificate of a new CA."""
    return trustme.CA().cert_pem.bytes()


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context that a manager with *tls* uses."""
    return trust_of(tls).context


def loaded(context: ssl.SSLContext) -> int:
    """How many certificates *context* holds."""
    return context.cert_store_stats()["x509"]


# ---------------------------------------------------------------- none of the system's


@pytest.mark.filterwarnings("ignore:TLS verification is off")
@pytest.mark.parametrize("tls", [PINNED, False])
def test_what_checks_no_authority_loads_none(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever loads any is found out, by whatever call."""

    def refuse(*_where: object) -> None:
        raise AssertionError("certificates were loaded")

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", refuse)
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", refuse)

    assert loaded(context_of(tls)) == 0


def test_a_ca_file_is_all_that_is_loaded_of_it(tmp_path: Path) -> None:
    """The system's stay out."""
    own = tmp_path / "own.pem"
    own.write_bytes(authority())

    assert context_of(own).get_ca_certs() != context_of(True).get_ca_certs()
    assert loaded(context_of(own)) == 1


@pytest.mark.filterwarnings("ignore:TLS verification is off")
@pytest.mark.parametrize("tls", [PINNED, False])
def test_else_it_is_as_a_default_context(tls: Tls) -> None:
    """But for what it checks: versions, options, flags, ciphers."""
    default, context = ssl.create_default_context(), context_of(tls)

    for name in (
        "protocol",
        "minimum_version",
        "maximum_version",
        "options",
        "verify_flags",
        "security_level",
        "keylog_filename",
    ):
        assert getattr(context, name) == getattr(default, name), name
    assert context.get_ciphers() == default.get_ciphers()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.filterwarnings("ignore:TLS verification is off")
@pytest.mark.parametrize("tls", [PINNED, False, True])
def test_keys_are_logged_where_that_is_asked_for(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSLKEYLOGFILE, set after another manager was made: to look into what goes by."""
    before = context_of(tls)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))

    assert before.keylog_filename is None
    assert context_of(tls).keylog_filename == str(tmp_path / "keys.log")


# ---------------------------------------------------------------- one for many


def test_fifty_managers_load_the_systems_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share one context, which checks name and certificate."""
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    contexts = [context_of(True) for _ in range(50)]

    assert all(context is contexts[0] for context in contexts)
    assert made == contexts[:1]
    assert loaded(contexts[0]) == 1
    assert contexts[0].check_hostname
    assert contexts[0].verify_mode is ssl.CERT_REQUIRED


def test_it_goes_with_the_last_that_uses_it() -> None:
    """The process keeps none: the next manager loads what there is by then."""
    gone = ref(context_of(True))
    gc.collect()

    assert gone() is None


def replace_file(bundle: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a CA to the same file, as the system's tools do."""
    bundle.write_bytes(bundle.read_bytes() + authority())


def name_another(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SSL_CERT_FILE name another file."""
    other = bundle.with_name("other.pem")
    other.write_bytes(bundle.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(other))


def name_a_directory(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SSL_CERT_DIR name a directory."""
    monkeypatch.setenv("SSL_CERT_DIR", str(bundle.parent))


def replace_factory(_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a factory of one's own in the place of ssl's."""
    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: create())  # noqa: PLW0108 - another one


def replace_class(_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a class in the place of ssl's, as truststore does."""

    class Other(ssl.SSLContext):
        """A context by another name, whose setters do not go by the name."""

        verify_mode = ssl.SSLContext.__base__.__dict__["verify_mode"]
        verify_flags = ssl.SSLContext.__base__.__dict__["verify_flags"]

    monkeypatch.setattr(ssl, "SSLContext", Other)


@pytest.mark.parametrize(
    "change",
    [replace_file, name_another, name_a_directory, replace_factory, replace_class],
)
def test_what_has_changed_is_seen_by_the_next_manager(
    change: Callable[[Path, pytest.MonkeyPatch], None],
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While one still uses the context from before, as it was."""
    before = context_of(True)
    change(bundle, monkeypatch)

    assert context_of(True) is not before
    assert context_of(True) is not before
    monkeypatch.undo()
    assert loaded(before) == 1


class Unhashable:
    """A factory that cannot be the key of anything."""

    __hash__ = None  # type: ignore[assignment]  # Python's own way to say so

    def __init__(self) -> None:
        self.create = ssl.create_default_context

    def __eq__(self, other: object) -> bool:
        return self is other

    def __call__(self) -> ssl.SSLContext:
        return self.create()


def test_a_factory_of_any_kind_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose contexts cannot be shared makes one for each manager."""
    monkeypatch.setattr(ssl, "create_default_context", Unhashable())

    assert loaded(context_of(True)) == 1


# ---------------------------------------------------------------- the caller's own


def test_a_callers_own_context_is_used_and_left_as_it_is() -> None:
    """Nobody else's manager gets it, and none of its settings changes."""
    own = ssl.create_default_context()
    own.check_hostname = False
    before = (own.options, own.verify_flags, own.verify_mode, loaded(own))

    assert context_of(own) is own
    assert context_of(True) is not own
    assert (own.options, own.verify_flags, own.verify_mode, loaded(own)) == before
