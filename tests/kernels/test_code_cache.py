"""Compiled kernels on disk: read whole, from folders that no other user can write to, or compiled again."""

import errno
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from rawgan_kernels.cpu.compile import places, store
from rawgan_kernels.cpu.compile.code_cache import CodeCache
from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.compile.places import Place, distrust
from rawgan_kernels.cpu.compile.store import ABANDONED_SECONDS, MAGIC, Store, sweep, write_or_nothing


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path.resolve() / "cache")


# --- what is read ------------------------------------------------------------------------------------------------


def test_written_files_are_read(place):
    store = Store([place])
    store.write("add", b"code")
    assert [*store.read("add")] == [*Store([place]).read("add")] == [b"code"]
    assert [*store.read("subtract")] == []
    assert [path.name for path in place.folder.iterdir()] == ["add"]


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-1],
        lambda data: data + b"!",
        lambda data: flipped(data, 0),
        lambda data: flipped(data, len(MAGIC)),
        lambda data: flipped(data, len(data) - 1),
        lambda data: pickle.dumps("0.68.1") + pickle.dumps((None, {})),
    ],
)
def test_a_damaged_file_is_not_read_and_is_replaced(place, damage):
    store = Store([place])
    store.write("add", b"code")
    (place.folder / "add").write_bytes(damage((place.folder / "add").read_bytes()))
    assert [*store.read("add")] == []
    store.write("add", b"code")
    assert [*store.read("add")] == [b"code"]


def test_a_file_under_another_name_is_not_read(place):
    store = Store([place])
    store.write("add", b"code")
    (place.folder / "add").rename(place.folder / "subtract")
    assert [*store.read("subtract")] == []


@pytest.fixture
def patience():
    """End a wait after a few seconds."""

    def give_up(signum, frame):
        raise AssertionError("the test would wait without end")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("elsewhere", path)])
def test_no_file_but_a_regular_one_is_read(place, make, patience):
    """Neither a pipe, which nobody writes to, nor a link to a right file."""
    Store([place]).write("there", b"code")
    (place.folder / "there").rename(place.folder / "elsewhere")
    make(place.folder / "there")
    assert [*Store([place]).read("there")] == []


def test_a_huge_file_is_not_read(place):
    Store([place]).write("add", b"code")
    size = (place.folder / "add").stat().st_size
    assert [*Store([place], largest=size).read("add")] == [b"code"]
    assert [*Store([place], largest=size - 1).read("add")] == []


# --- who can write -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "mode"), [("folder", 0o777), ("folder", 0o1777), ("root", 0o777), ("above", 0o777)])
def test_folders_that_others_can_write_to_are_neither_read_nor_written(place, mode, where, tmp_path):
    Store([place]).write("add", b"code")
    folder = {"folder": place.folder, "root": place.root, "above": place.root.parent}[where]
    folder.chmod(mode)
    try:
        other = Place(tmp_path.parent.resolve() / f"{tmp_path.name}-other")
        store = Store([place, other])
        assert [*store.read("add")] == []
        store.write("multiply", b"code")
        assert (other.folder / "multiply").exists()
        assert not (place.folder / "multiply").exists()
        assert store.failures[place.folder] == f"others can write to {folder}"
    finally:
        folder.chmod(0o755)


def test_a_parent_folder_with_the_sticky_bit_is_trusted(place):
    place.root.mkdir()
    place.root.chmod(0o1777)
    Store([place]).write("add", b"code")
    assert [*Store([place]).read("add")] == [b"code"]


def test_a_group_of_this_user_alone_may_write(place, monkeypatch):
    Store([place]).write("add", b"code")
    place.folder.chmod(0o775)
    for private in (True, False):
        monkeypatch.setattr(places, "is_private", lambda group, private=private: private)
        assert [*Store([place]).read("add")] == [b"code"] * private


def test_files_of_another_user_are_not_read(place, monkeypatch):
    Store([place]).write("add", b"code")
    for module in (places, store):
        monkeypatch.setattr(module, "trusted_users", lambda: frozenset({os.geteuid() + 1}))
    assert [*Store([place]).read("add")] == []
    assert distrust(place.folder) == f"{place.folder} belongs to another user"


def test_a_file_that_others_can_write_to_is_not_read(place):
    Store([place]).write("add", b"code")
    (place.folder / "add").chmod(0o666)
    assert [*Store([place]).read("add")] == []


def test_others_can_read_but_not_write(place):
    before = os.umask(0)
    try:
        Store([place]).write("add", b"code")
    finally:
        os.umask(before)
    assert [*Store([place]).read("add")] == [b"code"]
    assert (place.folder / "add").stat().st_mode & 0o777 == 0o644


def test_beside_the_sources_others_may_write_above(place):
    """A user who can replace the sources does not need the cache."""
    beside = Place(place.root, beside_sources=True)
    place.root.parent.chmod(0o777)
    Store([beside]).write("add", b"code")
    assert [*Store([beside]).read("add")] == [b"code"]
    assert [*Store([place]).read("add")] == []


# --- which folders -----------------------------------------------------------------------------------------------


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """A user without a home and chosen folders, in an empty folder. Returns the folder for temporary files."""
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where the user has no name, either
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path.resolve()


def test_without_a_home_the_temporary_folder_serves_with_one_line(homeless, capsys):
    found = places.places()
    assert [place.kept for place in found] == [True, False, False, False]
    temporary = found[1]
    assert temporary.root == homeless / f"rawgan-kernels-{os.geteuid()}"
    store = Store([Place(Path("/proc/nothing")), temporary])
    for name in ("add", "multiply"):
        store.write(name, b"code")
    assert [*store.read("multiply")] == [b"code"]
    assert temporary.root.stat().st_mode & 0o777 == 0o700
    assert [*Path().iterdir()] == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rawgan: compiled kernels are kept in {temporary.folder} (/proc/nothing: ")


@pytest.mark.parametrize("chosen", ["~/cache", "~", "~nobody-of-that-name/cache"])
def test_a_path_from_home_is_ignored_where_there_is_no_home(homeless, monkeypatch, chosen):
    monkeypatch.setenv("NUMBA_CACHE_DIR", chosen)
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    assert all("~" not in str(place.root) for place in places.places())
    assert [*Path().iterdir()] == []


def test_a_missing_temporary_folder_is_not_replaced_by_the_current_one(homeless, monkeypatch):
    """Python would choose the current folder in the end."""
    monkeypatch.setenv("TMPDIR", str(homeless / "nothing"))
    place = places.places()[1]
    assert place.root.parent == homeless / "nothing"
    assert not place.takes_files()
    assert not place.root.parent.exists()


def test_the_chosen_folder_is_the_only_one_if_it_takes_files(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "~/chosen")
    assert [place.root for place in places.places()] == [tmp_path.resolve() / "chosen"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "~/file")
    first, *others = places.places()
    assert first.root == tmp_path.resolve() / "file"  # which may be read, if nothing more
    assert len(others) >= 2


def test_read_only_folders_are_read(place, tmp_path):
    Store([place]).write("add", b"code")
    other = Place(tmp_path.resolve() / "other")
    assert [*Store([other, place]).read("add")] == [b"code"]


def test_a_full_disk_costs_the_cache_and_nothing_else(place, capsys):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store([place])
    assert store.takes_files()
    for _ in range(2):
        store.write("add", b"code", write=full)
    assert store.place is None
    assert not store.takes_files()
    assert capsys.readouterr().err == (
        f"rawgan: compiled kernels are compiled again by each process ({place.root}: No space left on device)\n"
    )


def test_unfinished_files_are_removed_at_once_or_an_hour_after_a_kill(place, monkeypatch):
    store = Store([place])
    store.write("add", b"code")
    monkeypatch.setattr(Path, "replace", lambda *paths: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        write_or_nothing(place.folder / "multiply", b"")
    monkeypatch.undo()
    assert [path.name for path in place.folder.iterdir()] == ["add"]
    for name, age in (("old.part", ABANDONED_SECONDS + 9), ("new.part", 9)):
        (place.folder / name).touch()
        os.utime(place.folder / name, (time.time() - age,) * 2)
    sweep.cache_clear()
    store.write("add", b"code")
    assert sorted(path.name for path in place.folder.iterdir()) == ["add", "new.part"]


def test_outdated_files_are_deleted_beside_the_sources_alone(tmp_path):
    for beside in (False, True):
        place = Place(tmp_path.resolve(), beside_sources=beside)
        place.make()
        for name in ("add-new", "add-old", "adder-old"):
            (place.folder / name).touch()
        Store([place]).write("add-new", b"code", outdated="add-(?!new).*")
        kept = {"add-new", "adder-old"} if beside else {"add-new", "add-old", "adder-old"}
        assert {path.name for path in place.folder.iterdir()} == kept


def test_an_outdated_file_that_cannot_be_deleted_is_left_there(tmp_path):
    place = Place(tmp_path.resolve(), beside_sources=True)
    (place.folder / "add-old").mkdir(parents=True)
    store = Store([place])
    store.write("add-new", b"code", outdated="add-(?!new).*")
    assert ([*store.read("add-new")], store.failures) == ([b"code"], {})
    assert (place.folder / "add-old").exists()


# --- kernels in it -----------------------------------------------------------------------------------------------


def _twice(x):
    return x + x


class Malice:
    def __reduce__(self):
        return os.mkdir, ("malice",)


@pytest.fixture
def call_anew(place, monkeypatch, tmp_path):
    """A function that compiles and calls another as a new process would. Returns how often it was found on disk."""
    monkeypatch.chdir(tmp_path)

    def call():
        dispatcher = compiled(_twice, entry=True, store=lambda: Store([place]))
        assert dispatcher(np.float32(1.5)) == 3
        return sum(dispatcher.stats.cache_hits.values())

    return call


def test_a_kernel_is_compiled_once_and_again_if_its_file_is_damaged(call_anew, place):
    assert [call_anew(), call_anew()] == [0, 1]
    (file,) = place.folder.iterdir()
    file.write_bytes(pickle.dumps(Malice()))
    assert [call_anew(), call_anew()] == [0, 1]
    store = Store([place])
    for body in (b"no pickle", pickle.dumps(7), pickle.dumps((Path, 1)), pickle.dumps(((), ()))):
        store.write(file.name, body)  # by us, with other libraries
        assert [call_anew(), call_anew()] == [0, 1]
    assert not Path("malice").exists()


def test_numbas_own_files_are_left_alone(call_anew, place):
    call_anew()
    for name in ("test_code_cache._twice-1.py311.nbi", "twice.nbi", "twice.1.nbc"):
        (place.folder / name).write_bytes(pickle.dumps(Malice()))
    assert call_anew() == 1
    assert not Path("malice").exists()


def test_code_is_told_apart_by_types_processor_versions_and_function():
    cache, files = CodeCache(_twice), set()

    class Codegen:
        cpu = "one"

        def magic_tuple(self):
            return (self.cpu,)

    codegen = Codegen()
    files.add(cache.file(("float32",), codegen))
    files.add(cache.file(("float64",), codegen))
    codegen.cpu = "other"
    files.add(cache.file(("float32",), codegen))
    files.add(CodeCache(_twice, environment=lambda: ("another Numba",)).file(("float32",), codegen))
    files.add(CodeCache(Malice.__reduce__).file(("float32",), codegen))
    files.add(CodeCache(flipped).file(("float32",), codegen))
    assert len(files) == 6


def test_code_whose_sources_are_unknown_is_not_kept(place):
    """As in a notebook: what is called by the same name there tomorrow may be another function."""
    names = {"__name__": "__main__"}
    exec(compile("def notebook(x):\n    return x + x", "<cell 1>", "exec"), names)
    for _ in range(2):
        dispatcher = compiled(names["notebook"], entry=True, store=lambda: Store([place]))
        assert dispatcher(np.float32(1.5)) == 3
        assert sum(dispatcher.stats.cache_hits.values()) == 0
    assert not place.folder.exists()
