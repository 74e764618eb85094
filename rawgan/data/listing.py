"""What lies below a folder: images, what is passed over, parts to train and to test with, classes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.opening import BY_CONTENT, is_called_image, is_called_unread, looks_like_image
from rawgan.data.survey import counted, named, undecoded
from rawgan.errors import DataError

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
"""Sub-folders that are the parts of a set, in small letters. Of several to test with, the first of these is."""
KINDS = ("trainA", "trainB")
"""Sub-folders of two kinds of images, as CycleGAN's sets have them."""


@dataclass(frozen=True)
class Listing:
    """The files below a folder that are not hidden, each kind sorted by path, the same on every system.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (8, 8)).save(folder + "/a.png")
    ...     Image.new("L", (8, 8)).save(folder + "/without", "PNG")
    ...     _ = Path(folder, "notes.txt").write_text("hello")
    ...     found = Listing.of(Path(folder))
    >>> [file.name for file in found.images], found.notes()
    (['a.png', 'without'], ('1 file is no image: notes.txt',))
    """

    folder: Path
    """What paths are shown below."""
    images: tuple[Path, ...]
    unread: tuple[Path, ...] = ()
    """Images of formats that are not read."""
    others: tuple[Path, ...] = ()
    """Files that are no images."""
    again: tuple[Path, ...] = ()
    """Links to folders that are read anyway, or are around this one."""

    @classmethod
    def of(cls, root: Path, folder: Path | None = None) -> "Listing":
        """All that lies below a root, which is `folder` or lies in there.

        Links to folders are followed, but each folder is read once: so links in a circle end. A file is an image if it
        has the suffix of one or, whatever it is called, begins like one. Run folders of rawgan, whose pictures are
        about images, are passed over.

        Raises: DataError for a folder that cannot be read, or that has no images
        """
        folder = folder or root
        found, again = _files_below(root)
        kinds: dict[str, list[Path]] = {"images": [], "unread": [], "others": []}
        for file in sorted(found, key=lambda file: file.relative_to(root).parts):
            kinds[_kind_of(file)].append(file)
        listing = cls(folder, **{kind: tuple(files) for kind, files in kinds.items()}, again=tuple(sorted(again)))
        if not listing.images:
            notes = "".join(f"\n  {note}" for note in listing.notes())
            formats = ", ".join((*BY_CONTENT, "…"))
            raise DataError(f"{root}: no images here or in its sub-folders; looked for {formats}{notes}")
        return listing

    def notes(self) -> tuple[str, ...]:
        """What is passed over, a line for each kind of it."""
        found = list[str]()
        if self.others:
            are = "file is no image" if len(self.others) == 1 else "files are no images"
            found.append(f"{len(self.others):,} {are}: {named(self.others, self.folder)}")
        if self.unread:
            found.append(f"{undecoded(len(self.unread))}: {named(self.unread, self.folder)}; save them as PNG or JPEG")
        if self.again:
            lead = "link leads" if len(self.again) == 1 else "links lead"
            found.append(f"{len(self.again):,} {lead} to folders read anyway: {named(self.again, self.folder)}")
        return tuple(found)


def _files_below(root: Path) -> tuple[list[Path], list[Path]]:
    """All files below a folder that are not hidden, and links to folders that were read before or are around it.

    Folders that are really there come first, so that what links lead to is not called by the name of a link.
    """
    files, again, links, pending = list[Path](), list[Path](), list[Path](), [root]
    try:
        seen = {_identity(around) for around in root.resolve().parents}
        while pending or links:
            place = pending.pop() if pending else links.pop(0)
            if _identity(place) in seen:
                again.append(place)
                continue
            seen.add(_identity(place))
            with os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    path = place / entry.name
                    if not _is_folder(entry):
                        files.append(path)
                    elif not _is_run(path):
                        (links if entry.is_symlink() else pending).append(path)
    except OSError as error:
        raise DataError(f"{error.filename or root}: cannot be read ({error.strerror or error})") from None
    return files, again


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _is_run(folder: Path) -> bool:
    """Whether a folder is that of a run of rawgan, as far as names tell."""
    return (folder / "config.toml").exists() and (folder / "samples").is_dir()


def _kind_of(file: Path) -> str:
    if is_called_unread(file):
        return "unread"
    return "images" if is_called_image(file) or looks_like_image(file) else "others"


# --- parts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Sub-folders to train and to test with."""

    train: Path
    test: Path
    others: tuple[str, ...] = ()
    """What lies beside them, and belongs to neither."""

    def note(self) -> str:
        """What is done with them, in a line."""
        left = f"; left out: {', '.join(self.others)}" if self.others else ""
        return f"trained with: {self.train.name}/; kept to test with: {self.test.name}/{left}"


def split_of(folder: Path) -> Split | None:
    """The sub-folders of a folder that are a split, by their names, whatever their case; None if there are none: to
    train with as well as to test with.

    Raises: DataError for a folder that cannot be read; for two sub-folders to train with, or of two kinds of images

    >>> split_of(Path("."))
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        files = sum(1 for path in folder.iterdir() if not path.is_dir() and is_called_image(path))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    if set(KINDS) <= set(names):
        raise DataError(
            f"{folder}: images of two kinds, in sub-folders that say so; give them to rawgan cyclegan as two:\n"
            f"  --data {folder / KINDS[0]} --targets {folder / KINDS[1]}"
        )
    train = [name for name in names if name.lower() in TRAIN]
    test = sorted((name for name in names if name.lower() in TEST), key=lambda name: TEST.index(name.lower()))
    if not (train and test):
        return None
    if len(train) > 1 or (len(test) > 1 and test[0].lower() == test[1].lower()):
        which = train if len(train) > 1 else test[:2]
        raise DataError(f"{folder}: {which[0]} and {which[1]} may both be meant; rename one of them")
    others = [f"{name}/" for name in names if name not in (train[0], test[0])] + [counted(files)] * bool(files)
    return Split(folder / train[0], folder / test[0], tuple(others))


# --- classes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Classes:
    """The classes of a set, or why there are none."""

    names: tuple[str, ...]
    why_none: str = ""

    def labels_of(self, root: Path, files: Sequence[Path]) -> NDArray[np.int64] | None:
        """The number of each file's class; None if there are none, or one of them has no file. Shapes: → (N,)"""
        numbers = {name: number for number, name in enumerate(self.names)}
        labels = np.array([numbers[file.relative_to(root).parts[0]] for file in files] if numbers else [], np.int64)
        return labels if numbers and len(np.unique(labels)) == len(numbers) else None


def classes_of(root: Path, files: Sequence[Path]) -> Classes:
    """The sub-folders of a root, in the order of their names, if all images lie in one of several.

    >>> classes_of(Path("x"), [Path("x/dog/1.png"), Path("x/cat/old/1.png")]).names
    ('cat', 'dog')
    """
    loose = [file for file in files if len(file.relative_to(root).parts) == 1]
    names = sorted({parts[0] for file in files if len(parts := file.relative_to(root).parts) > 1})
    if not names:
        return Classes((), f"put the images of each class into a sub-folder of {root}, which has none with images")
    if loose:
        lie = "lies" if len(loose) == 1 else "lie"
        return Classes(
            (),
            f"sub-folders are classes, but {counted(len(loose))} {lie} beside them, in none: {named(loose, root)}\n"
            f"  move {'it' if len(loose) == 1 else 'them'} into one of {', '.join(names[:5])}"
            f"{', …' if len(names) > 5 else ''}",
        )
    if len(names) == 1:
        inside = "; or, if those in there are the classes, give " + str(root / names[0])
        deeper = any(len(file.relative_to(root).parts) > 2 for file in files)
        return Classes((), f"{root} has one sub-folder with images, {names[0]}; add another class{inside * deeper}")
    return Classes(tuple(names))


def common_classes(split: Split, train: Classes, test: Classes) -> Classes:
    """The classes of both parts of a split, which have to be the same."""
    if train.names == test.names or not train.names:
        return train
    only = [sorted(set(one) - set(other)) for one, other in ((train.names, test.names), (test.names, train.names))]
    told = [
        f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''} only in {part.name}/"
        for names, part in zip(only, (split.train, split.test), strict=True)
        if names
    ]
    return Classes((), f"{split.train.name}/ and {split.test.name}/ need the same classes: {'; '.join(told)}")


# --- both ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """The images of a folder, or those of its part to train or to test with."""

    root: Path
    """The folder, or its sub-folder."""
    listing: Listing
    classes: Classes
    notes: tuple[str, ...]
    """What there is to say, a line for each thing."""
    beyond: tuple[Path, ...] = ()
    """The images of the other part."""

    @classmethod
    def of(cls, folder: Path, split: str) -> "Part":
        """What "train" or "test" means in a folder.

        Raises: DataError as `Listing.of` and `split_of`; for "test" in a folder without a part for that
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
                f"{folder}: has no sub-folders train/ and test/, so it has no 'test' split\n"
                "  move those to test with into test/ and the others into train/"
            )
        listing = Listing.of(folder)
        return cls(folder, listing, classes_of(folder, listing.images), listing.notes())
