"""Parts of a folder of images: sub-folders to train and to test with, and sub-folders that are classes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.formats import is_called_image
from rawgan.data.files.survey import counted, named
from rawgan.data.folders.listing import Listing, is_folder
from rawgan.errors import DataError

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
"""Names of sub-folders to train and to test with, in lower case. Of several to test with, the first in this list is
taken."""
DOMAINS = ("trainA", "trainB")
"""Names of sub-folders with the two domains of a CycleGAN data set."""


@dataclass(frozen=True)
class Split:
    """Sub-folders to train and to test with."""

    train: Path
    test: Path
    others: tuple[str, ...] = ()
    """Names of folders and files beside them, which belong to neither."""

    def note(self) -> str:
        """Remark on the use of the sub-folders, in a line."""
        left = f"; left out: {', '.join(self.others)}" if self.others else ""
        return f"trained with: {self.train.name}/; kept to test with: {self.test.name}/{left}"


def split_of(folder: Path) -> Split | None:
    """Sub-folders to train and to test with, by their names in any case; None unless both are there.

    Raises: DataError for a folder that cannot be read, for two sub-folders to train with, or for two domains

    >>> split_of(Path("."))
    """
    try:
        with os.scandir(folder) as entries:
            there = [(entry.name, is_folder(entry)) for entry in entries]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    names = sorted(name for name, of_folder in there if of_folder and not name.startswith("."))
    if set(DOMAINS) <= set(names):
        raise DataError(
            f"{folder}: its sub-folders are two domains of images; give them to rawgan cyclegan one by one:\n"
            f"  --data {folder / DOMAINS[0]} --targets {folder / DOMAINS[1]}"
        )
    train = [name for name in names if name.lower() in TRAIN]
    test = sorted((name for name in names if name.lower() in TEST), key=lambda name: TEST.index(name.lower()))
    if not (train and test):
        return None
    if len(train) > 1 or (len(test) > 1 and test[0].lower() == test[1].lower()):
        which = train if len(train) > 1 else test[:2]
        raise DataError(f"{folder}: either {which[0]} or {which[1]} may be meant; rename one of them")
    files = sum(1 for name, of_folder in there if not of_folder and is_called_image(Path(name)))
    others = [f"{name}/" for name in names if name not in (train[0], test[0])] + [counted(files)] * bool(files)
    return Split(folder / train[0], folder / test[0], tuple(others))


@dataclass(frozen=True)
class Classes:
    """Classes of a set, or the reason why there are none."""

    names: tuple[str, ...]
    why_none: str = ""

    def labels_of(self, root: Path, files: Sequence[Path]) -> NDArray[np.int64] | None:
        """Class number of each file; None without classes, or if a class has no file. Shapes: → (N,)"""
        numbers = {name: number for number, name in enumerate(self.names)}
        labels = np.array([numbers[file.parts[len(root.parts)]] for file in files] if numbers else [], np.int64)
        return labels if numbers and len(np.unique(labels)) == len(numbers) else None


def classes_of(root: Path, files: Sequence[Path]) -> Classes:
    """Sub-folders of a root as classes, in the order of their names, if all images lie in several of them.

    >>> classes_of(Path("x"), [Path("x/dog/1.png"), Path("x/cat/old/1.png")]).names
    ('cat', 'dog')
    """
    within = [file.parts[len(root.parts) :] for file in files]
    loose = [file for file, parts in zip(files, within, strict=True) if len(parts) == 1]
    names = sorted({parts[0] for parts in within if len(parts) > 1})
    if not names:
        return Classes((), f"put the images of each class into a sub-folder of {root}, which has none with images")
    if loose:
        lie = "lies" if len(loose) == 1 else "lie"
        return Classes(
            (),
            f"sub-folders are classes, but {counted(len(loose))} {lie} outside of them: {named(loose, root)}\n"
            f"  move {'it' if len(loose) == 1 else 'them'} into one of {', '.join(names[:5])}"
            f"{', …' if len(names) > 5 else ''}",
        )
    if len(names) == 1:
        inside = "; or, if its sub-folders are the classes, give " + str(root / names[0])
        deeper = any(len(parts) > 2 for parts in within)
        return Classes((), f"{root} has one sub-folder with images, {names[0]}; add another class{inside * deeper}")
    return Classes(tuple(names))


def common_classes(split: Split, train: Classes, test: Classes) -> Classes:
    """Classes of both parts of a split, if they have the same."""
    if train.names == test.names or not train.names:
        return train
    only = [sorted(set(one) - set(other)) for one, other in ((train.names, test.names), (test.names, train.names))]
    told = [
        f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''} only in {part.name}/"
        for names, part in zip(only, (split.train, split.test), strict=True)
        if names
    ]
    return Classes((), f"{split.train.name}/ and {split.test.name}/ need the same classes: {'; '.join(told)}")


@dataclass(frozen=True)
class Part:
    """Images of a folder, or of its sub-folder to train or to test with."""

    root: Path
    """The folder or sub-folder."""
    listing: Listing
    classes: Classes
    notes: tuple[str, ...]
    """Remarks to report, a line each."""
    beyond: tuple[Path, ...] = ()
    """Images of the other part."""

    @classmethod
    def of(cls, folder: Path, split: str) -> "Part":
        """Find the images of the "train" or "test" split of a folder.

        Raises: DataError as `Listing.of` and `split_of`, and for "test" in a folder without such a sub-folder
        """
        both = split_of(folder)
        if both is not None:
            roots = {"train": both.train, "test": both.test}
            listings = {name: Listing.of(root, folder) for name, root in roots.items()}
            classes = (classes_of(roots[name], listings[name].images) for name in ("train", "test"))
            return cls(
                roots[split],
                listings[split],
                common_classes(both, *classes),
                (both.note(), *listings[split].notes()),
                listings["test" if split == "train" else "train"].images,
            )
        if split == "test":
            raise DataError(
                f"{folder}: has no sub-folders train/ and test/, and so no 'test' split\n"
                "  move the images to test with into test/ and the others into train/"
            )
        listing = Listing.of(folder)
        return cls(folder, listing, classes_of(folder, listing.images), listing.notes())
