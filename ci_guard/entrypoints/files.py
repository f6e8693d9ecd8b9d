"""Write new files into somebody's repository: whole or not at all, over nothing, and never through a link."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


class Kept(Exception):
    """Something is there already, and stays."""


class Refused(Exception):
    """A file cannot be written; the message says why, as a clause."""


def write_new(root: Path, name: str, text: str) -> None:
    """
    Write a file that does not exist yet, at a path with `/` relative to `root`, with the folders on its way.

    The whole text is there at once or not at all, and a file that appears meanwhile stays.

    Raises: `Kept` where anything has the name, also a link to nowhere; `Refused` for a link or a file where a folder
    should be, and where the system refuses.
    """
    *folders, last = name.split("/")
    folder = root
    try:
        for part in folders:
            folder /= part
            make_folder(folder, "/".join(folder.relative_to(root).parts))
        write_at_once(folder / last, text)
    except FileExistsError:
        raise Kept(f"{name} exists already") from None
    except OSError as error:
        raise Refused(f"{name} could not be written: {error.strerror}") from None


def write_at_once(path: Path, text: str) -> None:
    """Write a file that does not exist, through a neighbour of an unused name that gives it its content at once."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        whole = Path(scratch, path.name)
        create(whole, text)
        try:
            os.link(whole, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: then not whole at once, but still over nothing
            create(path, text)


def check_new(root: Path, name: str) -> None:
    """Raise what `write_new` would raise before it writes anything; nothing is changed."""
    *folders, last = name.split("/")
    folder = root
    for part in folders:
        folder /= part
        if not os.path.lexists(folder):
            return
        refuse_no_folder(folder, "/".join(folder.relative_to(root).parts))
    if os.path.lexists(folder / last):
        raise Kept(f"{name} exists already")


def make_folder(folder: Path, name: str) -> None:
    """Make a folder where nothing is; raise where something else is."""
    try:
        folder.mkdir()
    except FileExistsError:
        refuse_no_folder(folder, name)


def refuse_no_folder(folder: Path, name: str) -> None:
    """Raise where a path is no folder of the repository's own."""
    mode = folder.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise Refused(f"{name} is a symbolic link, which could lead out of the repository")
    if not stat.S_ISDIR(mode):
        raise Refused(f"{name} is no folder")


def create(path: Path, text: str) -> None:
    """Write a file that does not exist, with the permissions that new files have here; nothing stays of a half one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        path.unlink()
        raise
