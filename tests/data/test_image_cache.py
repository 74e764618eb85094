"""The cache of decoded images: never stale, never a reason to fail, bounded."""

import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.data import image_cache, load, load_pairs, load_tiles
from rawgan.data.files import image_files
from rawgan.data.folders import decoding
from rawgan.data.image_cache import SUFFIX, Decoded, cached, usage
from rawgan.errors import DataError

NOTE = "decoded before, and taken from the cache (rawgan info)"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Folder of a cache that keeps also what was decoded quickly, of files that were changed just now."""
    monkeypatch.setenv("RAWGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAWGAN_CACHE_GIB", "1")
    monkeypatch.setattr(image_cache, "WORTH", 0)
    monkeypatch.setattr(image_cache, "SETTLED", -1e9)
    return tmp_path / "cache" / "images"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(6):
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / f"{n}.png")
    return folder


def was_kept(images) -> bool:
    return NOTE in images.notes


def entries(kept) -> list:
    return sorted(kept.glob("*")) if kept.exists() else []


# --- the same images -------------------------------------------------------------------------------------------------


def facts_of(images) -> tuple:
    notes = tuple(note for note in images.notes if note != NOTE)
    labels = None if images.labels is None else images.labels.tolist()
    white = getattr(images, "targets_white", None)
    return images.digest, images.names.tolist(), labels, images.class_names, images.skipped, notes, images.white, white


@pytest.mark.parametrize("kind", ["plain", "classes", "deep", "pairs", "twins", "tiles", "with a test part"])
def test_what_comes_from_the_cache_is_what_was_decoded(kind, kept, photos, tmp_path):
    if kind == "classes":
        for name in ("cat", "dog"):
            shutil.copytree(photos, tmp_path / "sorted" / name)
    if kind == "with a test part":
        for name in ("train", "test"):
            shutil.copytree(photos, tmp_path / "split" / name)
    if kind in ("deep", "twins"):
        for n in range(6):
            Image.fromarray(np.full((20, 30), 600 + n, np.uint16)).save(photos / f"{n}.png")
    read = {
        "plain": lambda: [load(photos, image_size=8)],
        "classes": lambda: [load(tmp_path / "sorted", image_size=8)],
        "deep": lambda: [load(photos, image_size=8)],
        "pairs": lambda: [load_pairs(photos, image_size=8)],
        "twins": lambda: [load_pairs(photos, photos, image_size=8, targets_white=5000)],
        "tiles": lambda: load_tiles(photos, image_size=8),
        "with a test part": lambda: [load(tmp_path / "split", image_size=8, split=s) for s in ("train", "test")],
    }[kind]
    first, second = read(), read()
    assert not any(map(was_kept, first))
    assert all(map(was_kept, second))
    assert [*map(facts_of, first)] == [*map(facts_of, second)]


def test_nothing_is_decoded_the_second_time(kept, photos, monkeypatch):
    load(photos, image_size=8)

    def never(*arguments):
        raise AssertionError("an image is opened")

    monkeypatch.setattr(decoding, "header_of", never)
    monkeypatch.setattr(decoding, "upright_image", never)
    assert was_kept(load(photos, image_size=8))


@pytest.mark.parametrize(
    "other",
    [{"image_size": 9}, {"fit": "pad"}, {"channels": 1}, {"white": 9.0}, {"skip_broken": True}, {"enlarge": False}],
)
def test_other_options_are_another_entry(kept, photos, other):
    load(photos, image_size=8)
    fresh = load(photos, **{"image_size": 8} | other)
    assert not was_kept(fresh)
    assert was_kept(load(photos, **{"image_size": 8} | other))
    assert was_kept(load(photos, image_size=8))


def test_tiles_are_other_entries_than_whole_images(kept, photos):
    load(photos, image_size=8)
    assert not was_kept(load_tiles(photos, image_size=8)[0])


# --- never stale -----------------------------------------------------------------------------------------------------


def replaced_at_the_same_time(file):
    """Write another image of as many bytes, and give it the time of the first."""
    before = file.stat()
    pixels = np.asarray(Image.open(file)).copy()
    Image.fromarray(pixels[::-1]).save(file)
    data = file.read_bytes()
    file.write_bytes(data.ljust(before.st_size, b"\0")[: max(len(data), before.st_size)])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "a file more": lambda folder: shutil.copy(folder / "1.png", folder / "9.png"),
    "a file less": lambda folder: (folder / "1.png").unlink(),
    "another name": lambda folder: (folder / "1.png").rename(folder / "9.png"),
    "two files that change places": lambda folder: [
        (folder / a).rename(folder / b) for a, b in (("1.png", "x"), ("2.png", "1.png"), ("x", "2.png"))
    ],
    "another image": lambda folder: Image.new("RGB", (20, 30)).save(folder / "1.png"),
    "another image at the same time": lambda folder: replaced_at_the_same_time(folder / "1.png"),
    "a link that leads elsewhere": lambda folder: [
        (folder / "5.png").unlink(), (folder / "5.png").symlink_to(folder / "4.png")
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_has_changed_is_decoded_again(kept, photos, change):
    load(photos, image_size=8)
    time.sleep(0.02)  # more than a tick of the clock of the file system
    CHANGES[change](photos)
    now = load(photos, image_size=8)
    assert not was_kept(now)
    shutil.rmtree(kept)
    assert load(photos, image_size=8).digest == now.digest


def test_test_images_count_where_they_share_white(kept, tmp_path):
    for part, value in (("train", 600), ("test", 700)):
        (tmp_path / "deep" / part).mkdir(parents=True)
        Image.fromarray(np.full((20, 30), value, np.uint16)).save(tmp_path / "deep" / part / "a.png")
    assert load(tmp_path / "deep", image_size=8).white == 1023
    Image.fromarray(np.full((20, 30), 4000, np.uint16)).save(tmp_path / "deep" / "test" / "a.png")
    assert load(tmp_path / "deep", image_size=8).white == 4095


def test_files_that_were_changed_just_now_are_not_kept(kept, photos, monkeypatch):
    """A file system may give two changes one time."""
    monkeypatch.setattr(image_cache, "SETTLED", 2.0)
    load(photos, image_size=8)
    assert not entries(kept)
    later = time.time() + 60
    monkeypatch.setattr(image_cache.time, "time", lambda: later)
    load(photos, image_size=8)
    assert len(entries(kept)) == 1


def test_files_that_change_while_they_are_read_are_not_kept(kept, photos, monkeypatch):
    square = decoding.square

    def changing(*arguments):
        (photos / "0.png").touch()
        return square(*arguments)

    time.sleep(0.02)
    monkeypatch.setattr(decoding, "square", changing)
    load(photos, image_size=8)
    assert not entries(kept)


def test_another_decoder_decodes_again(kept, photos, monkeypatch):
    load(photos, image_size=8)
    monkeypatch.setattr(image_cache, "_readers", lambda: ("another Pillow",))
    assert not was_kept(load(photos, image_size=8))


def test_versions_of_all_that_decodes_are_known(tmp_path, monkeypatch):
    assert Image.__version__ in image_cache._readers()
    assert any(words.startswith("jpg ") and words[4].isdigit() for words in image_cache._readers())
    shutil.copytree(os.path.dirname(image_cache.__file__), tmp_path / "data", ignore=shutil.ignore_patterns("mnist"))
    monkeypatch.setattr(image_cache, "__file__", str(tmp_path / "data" / "image_cache.py"))
    image_cache._readers.cache_clear()
    try:
        before = image_cache._readers()[0]
        with open(tmp_path / "data" / "files" / "survey.py", "a") as file:
            file.write("# changed\n")
        image_cache._readers.cache_clear()
        assert image_cache._readers()[0] != before
    finally:
        image_cache._readers.cache_clear()


@pytest.mark.parametrize("read", [load, lambda *args, **options: load_tiles(*args, **options)[0]])
def test_images_that_were_skipped_are_tried_again(kept, photos, monkeypatch, read):
    """What kept an image from being read may be gone, such as too little memory, though the file is the same."""
    for name in "bc":
        (photos / f"{name}.png").write_bytes(b"broken")
    Image.new("RGB", (31, 20)).save(photos / "d.png")
    tried = []
    first = read(photos, image_size=8, skip_broken=True)
    assert len(first.skipped) == 2
    second = read(photos, image_size=8, skip_broken=True, on_progress=lambda *report: tried.append(report))
    assert was_kept(second)
    assert facts_of(second) == facts_of(first)
    assert tried == []
    limit = image_files._refuse_promises

    def little_memory(width, height, held, bits):
        if width == 31:
            raise DataError("takes more memory than there is")
        return limit(width, height, held, bits)

    with monkeypatch.context() as changed:
        changed.setattr(image_files, "_refuse_promises", little_memory)
        assert len(read(photos, image_size=9, skip_broken=True).skipped) > 2
    again = read(photos, image_size=9, skip_broken=True)
    assert not was_kept(again)
    assert len(again.skipped) == 2
    assert was_kept(read(photos, image_size=9, skip_broken=True))


# --- no reason to fail -----------------------------------------------------------------------------------------------


def test_any_damage_is_noticed_and_mended(kept, photos):
    images = load(photos, image_size=8).images
    (entry,) = entries(kept)
    whole = entry.read_bytes()
    rng = np.random.default_rng(0)
    places = [0, 15, 16, 40, 50, 55, 56, 60, 70, len(whole) - 1, *rng.integers(0, len(whole), 40).tolist()]
    damages = [whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :] for at in places]
    damages += [whole[:at] for at in (0, 10, 16, 48, 56, 100, len(whole) // 2, len(whole) - 1)]
    damages += [whole + b"\0", b"{}", whole[:56] + b"[" * 10**5]
    for damaged in damages:
        entry.write_bytes(damaged)
        found = load(photos, image_size=8)
        assert not was_kept(found)
        np.testing.assert_array_equal(found.images, images)
        assert entry.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_error(kept, photos):
    kept.parent.write_text("a file")
    assert len(load(photos, image_size=8)) == 6
    assert usage().sets == 0


def test_a_full_disk_is_no_error(kept, photos, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_cache, "put_in_place", full)
    assert len(load(photos, image_size=8)) == 6
    assert not entries(kept)


def test_little_room_on_the_disk_is_left(kept, photos, monkeypatch):
    monkeypatch.setattr(image_cache.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    load(photos, image_size=8)
    assert not entries(kept)


def test_without_a_home_nothing_is_kept(kept, photos, monkeypatch):
    monkeypatch.setenv("RAWGAN_CACHE", "~nobody-of-that-name/cache")
    assert len(load(photos, image_size=8)) == 6


# --- bounds ----------------------------------------------------------------------------------------------------------


def made_of(size: int) -> Decoded:
    return Decoded({"images": np.zeros(size, np.uint8)}, {})


def test_the_oldest_entries_go_first(kept, photos, monkeypatch):
    monkeypatch.setenv("RAWGAN_CACHE_GIB", str(3500 / 2**30))
    files = sorted(photos.iterdir())
    for name in "abc":
        cached(files, [name], lambda: made_of(1000))
        time.sleep(0.01)
    assert cached(files, ["a"], lambda: made_of(1000))[1]  # now it was used last
    time.sleep(0.01)
    cached(files, ["d"], lambda: made_of(1000))
    assert usage().size <= 3500
    assert [cached(files, [name], lambda: made_of(10**6))[1] for name in "abcd"] == [True, False, True, True]


def test_what_is_too_large_or_quick_is_not_kept(kept, photos, monkeypatch):
    monkeypatch.setenv("RAWGAN_CACHE_GIB", str(1000 / 2**30))
    files = sorted(photos.iterdir())
    cached(files, ["large"], lambda: made_of(1001))
    assert not entries(kept)
    monkeypatch.setattr(image_cache, "WORTH", 1.0)
    cached(files, ["quick"], lambda: made_of(10))
    assert not entries(kept)


def test_nothing_is_kept_if_it_is_switched_off(kept, photos, monkeypatch):
    load(photos, image_size=8)
    monkeypatch.setenv("RAWGAN_CACHE_GIB", "0")
    assert not was_kept(load(photos, image_size=8))
    load(photos, image_size=9)
    assert len(entries(kept)) == 1


@pytest.mark.parametrize("value", ["much", "-1", "nan", "inf"])
def test_a_bound_that_makes_no_sense_is_an_error(kept, photos, monkeypatch, value):
    monkeypatch.setenv("RAWGAN_CACHE_GIB", value)
    with pytest.raises(DataError, match=rf"RAWGAN_CACHE_GIB is '{value}'; give the most GiB"):
        load(photos, image_size=8)


def test_no_incomplete_file_stays(kept, photos):
    load(photos, image_size=8)
    assert [entry.suffix for entry in entries(kept)] == [SUFFIX]


def test_info_says_where_it_is_and_how_large(kept, photos, capsys):
    load(photos, image_size=8)
    main(["info"])
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "decoded images (1 set), 1 GiB at most" in said
    assert "RAWGAN_CACHE_GIB" in said
