"""`~` stands for the home folder wherever a path is given.

Where there is no home, that is said, and no folder is called "~".
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import tyro
from PIL import Image

from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import Pix2pixConfig
from rawgan.data import has_test_split, load, load_pairs, load_tiles, may_be_image_folder, name_of
from rawgan.data.user_cache import cache_folder
from rawgan.errors import ArgumentError, DataError, RawganError
from rawgan.files import expanded
from rawgan.storage.run_folder import RunFolder

HOMELESS = "~nobody-of-that-name"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A home with eight photographs and nothing else; nothing must appear in the current folder."""
    (tmp_path / "home" / "photos").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    for number in range(8):
        Image.fromarray(np.full((16, 32), 9 * number, np.uint8)).save(tmp_path / "home" / "photos" / f"{number}.png")
    yield tmp_path / "home"
    assert [*Path().iterdir()] == []


@pytest.fixture
def homeless(monkeypatch, home):
    """As in a container whose user has no name."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


@dataclass(frozen=True)
class Paths:
    """Paths of every kind that commands take."""

    run: Annotated[Path, tyro.conf.Positional]
    """A run."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Images."""
    out: Path
    """A file."""
    config: Path | None = None
    """A file, if any."""
    beside: tuple[Path, ...] = ()
    """Files."""


def test_every_option_that_is_a_path_is_expanded(home):
    arguments = ["~/a", "~/b", "b", "--out=~/c", "--config=~", "--beside", "~/d/~", "e"]
    assert parse(Paths, "walk", arguments) == Paths(
        home / "a", (home / "b", Path("b")), home / "c", home, (home / "d" / "~", Path("e"))
    )


@pytest.mark.parametrize("option", ["--out", "--config", "--beside"])
def test_where_there_is_no_home_an_option_is_refused(homeless, option):
    with pytest.raises(ArgumentError, match=r"^~/x: there is no home folder for ~ to stand for"):
        parse(Paths, "walk", ["a", "b", "--out", "c", option, "~/x"])


def test_a_file_whose_name_begins_like_a_home_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=r"^~draft\.png: there is no home folder for ~draft\.png to stand for"):
        expanded("~draft.png")
    Path("~draft.png").touch()
    assert expanded("~draft.png") == Path("~draft.png")


READERS = [
    lambda place: load(f"{place}/photos", image_size=16),
    lambda place: load_pairs(f"{place}/photos", image_size=16),
    lambda place: load_pairs(f"{place}/photos", f"{place}/photos", image_size=16),
    lambda place: load_tiles(f"{place}/photos", image_size=16),
    lambda place: has_test_split(f"{place}/photos"),
    lambda place: may_be_image_folder(f"{place}/photos"),
    lambda place: name_of(f"{place}/photos"),
    lambda place: RunFolder.create(f"{place}/run", "run"),
    lambda place: RunFolder(f"{place}/run"),
    lambda place: TrainConfig.of(evaluate_every=1, evaluate_features=f"{place}/photos").files,
    lambda place: Pix2pixConfig.of(feature_weight=1.0, features=f"{place}/photos").files,
    lambda place: Pix2pixConfig.of(data=f"{place}/photos").facts,
    lambda place: Pix2pixConfig.of(data=f"{place}/photos", targets=f"{place}/photos").facts,
]


@pytest.mark.parametrize("read", READERS)
def test_data_and_runs_are_found_at_home(home, read):
    read("~")
    with pytest.raises(RawganError, match=f"^{HOMELESS}/(photos|run): there is no home folder for {HOMELESS} to stand"):
        read(HOMELESS)


def test_a_new_run_is_made_at_home(home):
    assert RunFolder.create("~/runs/first", "first").path == home / "runs" / "first"
    assert (home / "runs" / "first").is_dir()


def test_data_that_is_not_there_is_named_by_its_whole_path(home):
    with pytest.raises(DataError, match=f"^{home}/nothing: no such file or folder, nor a known set"):
        load("~/nothing", image_size=16)


def test_downloads_say_where_they_could_be_kept(homeless, monkeypatch):
    monkeypatch.delenv("RAWGAN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for variable in ("", "~/downloads"):
        monkeypatch.setenv("RAWGAN_CACHE", variable)
        with pytest.raises(DataError, match=r"as there is no home folder; set RAWGAN_CACHE to a folder"):
            cache_folder()
