"""Files of a user's own that a command takes, and the folder for its results."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from rawgan.data.files.formats import without_suffix
from rawgan.data.folders.listing import Listing
from rawgan.errors import ArgumentError, ConfigError, DataError, FileError
from rawgan.storage.atomic import delete, make_folder
from rawgan.storage.held_folder import holding
from rawgan.storage.locks import NoLocks, locking
from rawgan.storage.lookup import is_folder, is_link, is_there
from rawgan.storage.new_folder import LOCK, refuse_taken


def files_of(given: tuple[Path, ...], faults: list[str]) -> tuple[dict[str, Path], list[str]]:
    """Image files by the name of their result without suffix, and notes on files that are skipped. Files of folders are
    named by their path inside. Folders that cannot be read are added to the faults.

    Raises: ArgumentError if there are no images
    """
    found, notes = dict[str, Path](), list[str]()
    for place in given:
        try:
            listing = Listing.of(place) if is_folder(place) else Listing(place.parent, (place,))
        except (DataError, FileError) as error:
            faults.append(str(error))
            continue
        notes += listing.notes()
        for file in listing.images:
            name = str(without_suffix(file.relative_to(listing.folder)))
            number, free = 2, name
            while free in found or free == "sheet":
                number, free = number + 1, f"{name}-{number}"
            found[free] = file
    if not found:
        raise ArgumentError("\n  ".join(["no images are given; name files, or folders of them", *faults]))
    return found, notes


@contextmanager
def noting(faults: list[str]) -> Iterator[None]:
    """Inside, a file that cannot be written is added to the faults."""
    try:
        yield
    except ConfigError as error:
        faults.append(str(error))


@contextmanager
def new_folder(out: Path | None, run: Path, name: str) -> Iterator[Path]:
    """A new or empty folder, held and locked: `out`, or else one of that name in the run folder, numbered if need be.

    If it is new and stays empty, it is removed.

    Raises: ConfigError for a folder that is not empty, or cannot be made
    """
    folder, made = (out, False) if out is not None else (run / name, True)
    if out is not None:
        refuse_taken(folder)
        made = make_folder(folder)
    else:
        numbers = count(2)
        while not _is_new(folder):
            folder = run / f"{name}-{next(numbers)}"
    with holding(folder) as held:
        try:
            with ExitStack() as stack:
                with suppress(NoLocks):
                    stack.enter_context(locking(held, LOCK, seconds=0))
                    stack.callback(delete, folder / LOCK)
                refuse_taken(folder)
                yield folder
        finally:
            if made:
                with suppress(OSError):  # it is not empty
                    folder.rmdir()


def _is_new(folder: Path) -> bool:
    """Make a folder of that name. False if the name is taken."""
    return not (is_link(folder) or is_there(folder)) and make_folder(folder)
