"""What the command writes: the user's own files, in whatever folder."""

import os
import stat
import sys
from pathlib import Path

import pytest

from veeam_async.cli.own_files import OwnCheckpointFile, create, own_place

posix = pytest.mark.skipif(sys.platform == "win32", reason="owners are POSIX's")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this user another than the one who owns what is there."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711, raising=False)
    monkeypatch.setattr("veeam_async.cli.own_files._ROOT", 4711)


@posix
def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask lets through."""
    before = os.umask(0)
    try:
        with create(tmp_path / "new") as file:
            file.write("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_an_own_file_is_begun_anew(tmp_path: Path) -> None:
    """What it held is gone, be it longer."""
    path = tmp_path / "old"
    path.write_text("a long text")
    with create(path) as file:
        file.write("short")
    assert path.read_text() == "short"


@posix
def test_an_own_link_is_followed(tmp_path: Path) -> None:
    """Who made it meant it; so is one that leads to nothing yet."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for text in ("one", "two"):
        with create(tmp_path / "link") as file:
            file.write(text)
        assert (tmp_path / "target").read_text() == text


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666, 0o604, 0o677])
@pytest.mark.parametrize("led", ["file", "link", "two links", "a linked folder"])
def test_what_others_could_read_they_cannot_any_more(
    tmp_path: Path, led: str, mode: int
) -> None:
    """However the file is reached, and before anything is written to it."""
    target = tmp_path / "target"
    for number, save in enumerate((_record, _save)):
        target.write_text("old")
        target.chmod(mode)
        save(_led_to(target, tmp_path / f"{number}", led))
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert target.read_text() != "old"


def _record(place: Path) -> None:
    with create(place) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        file.write("new")


def _save(place: Path) -> None:
    OwnCheckpointFile(place).save({"version": 2})


def _led_to(target: Path, place: Path, way: str) -> Path:
    """The path that leads to *target* in a *way*, by what it makes at *place*."""
    if way == "file":
        return target
    if way == "a linked folder":
        place.symlink_to(target.parent)
        return place / target.name
    if way == "two links":
        place.symlink_to(target)
        target, place = place, place.with_suffix(".2")
    place.symlink_to(target)
    return place


@posix
def test_what_cannot_be_made_private_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the system's, which others can read; it is as it was."""
    owner = os.geteuid()
    monkeypatch.setattr("veeam_async.cli.own_files._ROOT", owner)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    place = tmp_path / "system"
    place.write_text("its own")
    place.chmod(0o666)
    with pytest.raises(PermissionError, match="others can read it; give a file"):
        create(place)
    assert place.read_text() == "its own"


@posix
@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("kind", ["file", "link", "dangling", "fifo"])
def test_what_another_user_put_there_is_refused(tmp_path: Path, kind: str) -> None:
    """Neither his file is written to, nor what his link leads to, nor made."""
    victim = tmp_path / "victim"
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("his")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        if kind == "link":
            victim.write_text("mine")
        place.symlink_to(victim)
    with pytest.raises(PermissionError, match="another user"):
        create(place)
    with pytest.raises(PermissionError, match="another user"):
        OwnCheckpointFile(place).save({})
    with pytest.raises(PermissionError, match="another user"):
        OwnCheckpointFile(place).load()
    assert victim.exists() == (kind == "link")
    assert kind != "link" or victim.read_text() == "mine"


@posix
def test_a_second_name_is_refused(tmp_path: Path) -> None:
    """Another user can give one to any file of this user, and lead him to it."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "place").hardlink_to(tmp_path / "mine")
    with pytest.raises(PermissionError, match="second name"):
        create(tmp_path / "place")
    assert (tmp_path / "mine").read_text() == "mine"


@posix
def test_a_link_that_comes_in_between_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put there after the check, and before the file is opened."""
    place, victim = tmp_path / "place", tmp_path / "victim"
    victim.write_text("mine")

    def checked(path: Path) -> Path:
        found = own_place(path)
        place.symlink_to(victim)
        return found

    monkeypatch.setattr("veeam_async.cli.own_files.own_place", checked)
    with pytest.raises(OSError, match="symbolic link"):
        create(place)
    assert victim.read_text() == "mine"


def test_places_that_are_no_files(tmp_path: Path) -> None:
    """A device takes what is written, and is not emptied."""
    with create(Path(os.devnull)) as file:
        file.write("x")
    checkpoint = OwnCheckpointFile(tmp_path / "c.json")
    checkpoint.save({"version": 2})
    assert checkpoint.load() == {"version": 2}
