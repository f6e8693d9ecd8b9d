"""Records that a sink did not take, one file each, until a later run sends them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import LONGEST, replace
from ci_guard.audit.record import SCHEMA

MOST: Final = 200
"""Records that one run sends besides its own: it has something else to do."""

NAME: Final = re.compile(r"\d{8}T\d{9}Z-([0-9a-f]{32})\.json")
"""Time and id, so that the oldest comes first by name."""


class Spool:
    """
    The folder of one sink's records.

    Writers need no lock: each record has a file of its own, which appears whole, and a record that two runs send is
    taken once by its id.
    """

    def __init__(self, folder: Path, address: str) -> None:
        """Use a folder below `folder`, by the sink's whole address: no record may go to another one of its host."""
        self._folder = folder / hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def put(self, record: Mapping[str, Any]) -> Path:
        """
        Keep a record, whole and on the disk, and return its file.

        Raises: `OSError`.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = re.sub(r"[-:.]", "", record["time"])
        file = self._folder / f"{moment}-{record['id']}.json"
        replace(file, canonical(record).decode())
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)  # else the name of the file could be lost, and with it the record
        finally:
            os.close(handle)
        return file

    def waiting(self, notes: list[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield what waits, the oldest first, at most `MOST`; a file that is no record of ours is left and noted."""
        if not self._folder.is_dir():
            return
        names = sorted(name for name in os.listdir(self._folder) if NAME.fullmatch(name))
        for name in names[:MOST]:
            file = self._folder / name
            record = read(file)
            if record is not None:
                yield file, record
            elif file.exists():  # another run may have sent it meanwhile
                notes.append(f"{name} in the spool is no record and was left")

    def remove(self, file: Path) -> None:
        """Forget a record that was taken."""
        file.unlink(missing_ok=True)

    def refuse(self, file: Path) -> str:
        """Put a record aside that the sink will never take, and return its new name."""
        aside = file.with_name(f"{file.name}.refused")
        if file.exists():
            os.replace(file, aside)
        return aside.name


def read(file: Path) -> dict[str, Any] | None:
    """Return the record in a file of a spool; None for anything else, links and pipes included."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            record = json.loads(opened.read(LONGEST + 1))
    except (OSError, ValueError, RecursionError):
        return None
    match = NAME.fullmatch(file.name)
    ours = isinstance(record, dict) and record.get("schema") == SCHEMA and isinstance(record.get("time"), str)
    return record if ours and match is not None and record.get("id") == match[1] else None
