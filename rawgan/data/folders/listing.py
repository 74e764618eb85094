"""Files below a folder: images, and files that are passed over."""

import os
from dataclasses import dataclass
from pathlib import Path

from rawgan.data.files.formats import BY_CONTENT, is_called_image, is_called_unread
from rawgan.data.files.image_files import looks_like_image
from rawgan.data.files.survey import named, undecoded
from rawgan.errors import DataError


@dataclass(frozen=True)
class Listing:
    """Files below a folder that are not hidden, sorted by path, in the same order on every system.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (8, 8)).save(folder + "/a.png")
    ...     Image.new("L", (8, 8)).save(folder + "/without", "PNG")
    ...     _ = Path(folder, "notes.txt").write_text("hello")
    ...     found = Listing.of(Path(folder))
    >>> [file.name for file in found.images], found.notes()
    (['a.png', 'without'], ('1 file is not an image: notes.txt',))
    """

    folder: Path
    """Folder that paths in messages are relative to."""
    images: tuple[Path, ...]
    unread: tuple[Path, ...] = ()
    """Images of formats that are not read."""
    others: tuple[Path, ...] = ()
    """Files that are not images."""
    repeated_links: tuple[Path, ...] = ()
    """Links to folders that are read anyway, or that contain this one."""

    @classmethod
    def of(cls, root: Path, folder: Path | None = None) -> "Listing":
        """List all files below a root, which is `folder` or lies in it.

        Links to folders are followed, but each folder is read once, so that a circle of links ends. A file is an image
        if it has the suffix of one, or else begins like one. Run folders of rawgan, which hold pictures of samples, are
        passed over.

        Raises: DataError for a folder that cannot be read, or that has no images
        """
        folder = folder or root
        found, repeated = _files_below(root)
        kinds: dict[str, list[Path]] = {"images": [], "unread": [], "others": []}
        for file in sorted(found, key=lambda file: file.parts):
            kinds[_kind_of(file)].append(file)
        listing = cls(
            folder, **{kind: tuple(files) for kind, files in kinds.items()}, repeated_links=tuple(sorted(repeated))
        )
        if not listing.images:
            notes = "".join(f"\n  {note}" for note in listing.notes())
            formats = ", ".join((*BY_CONTENT, "…"))
            raise DataError(f"{root}: no images here or in its sub-folders; looked for {formats}{notes}")
        return listing

    def notes(self) -> tuple[str, ...]:
        """Remarks on the files that are passed over, a line for each kind."""
        found = list[str]()
        if self.others:
            are = "file is not an image" if len(self.others) == 1 else "files are not images"
            found.append(f"{len(self.others):,} {are}: {named(self.others, self.folder)}")
        if self.unread:
            found.append(f"{undecoded(len(self.unread))}: {named(self.unread, self.folder)}; save them as PNG or JPEG")
        if links := self.repeated_links:
            lead = "link leads" if len(links) == 1 else "links lead"
            found.append(f"{len(links):,} {lead} to folders that are read anyway: {named(links, self.folder)}")
        return tuple(found)


def _files_below(root: Path) -> tuple[list[Path], list[Path]]:
    """All files below a folder that are not hidden, and links to folders that were read before or contain it.

    Real folders come before links, so that a file is named by its real path if it has one below the folder.
    """
    files, repeated, links, pending = list[Path](), list[Path](), list[Path](), [root]
    try:
        seen = {_identity(around) for around in root.resolve().parents}
        while pending or links:
            place = pending.pop() if pending else links.pop(0)
            if _identity(place) in seen:
                repeated.append(place)
                continue
            seen.add(_identity(place))
            with os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    path = place / entry.name
                    if not is_folder(entry):
                        files.append(path)
                    elif not _is_run(path):
                        (links if entry.is_symlink() else pending).append(path)
    except OSError as error:
        raise DataError(f"{error.filename or root}: cannot be read ({error.strerror or error})") from None
    return files, repeated


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode, which tell a folder from all others."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """True if an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _is_run(folder: Path) -> bool:
    """True if a folder is a run of rawgan, as far as names tell."""
    return (folder / "config.toml").exists() and (folder / "samples").is_dir()


def _kind_of(file: Path) -> str:
    """Field of `Listing` that a file belongs to."""
    if is_called_unread(file):
        return "unread"
    return "images" if is_called_image(file) or looks_like_image(file) else "others"
