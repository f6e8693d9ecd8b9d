"""Records that a sink did not take, one file each, until a later run sends them."""

from __future__ import annotations

import hashlib
import hmac
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
    taken once by its id. What is sent from here is signed like a run's own record, so each file is sealed by the key
    that signs there, where there is one: whoever can write the folder and has not the key can put nothing in.
    """

    def __init__(self, folder: Path, address: str, key: str = "") -> None:
        """Use a folder below `folder`, by the sink's whole address: no record may go to another one of its host."""
        self._address = address.encode("utf-8", "surrogateescape")
        self._folder = folder / hashlib.sha256(self._address).hexdigest()[:16]
        self._key = key.encode("utf-8", "surrogateescape")

    def put(self, record: Mapping[str, Any]) -> Path:
        """
        Keep a record, whole and on the disk, and return its file.

        Raises: `OSError`, also for a folder that others may write: they could remove it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check()
        moment = re.sub(r"[-:.]", "", record["time"])
        file = self._folder / f"{moment}-{record['id']}.json"
        body = canonical(record)
        replace(file, f"{body.decode()}\n{self._seal(body)}\n")
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)  # else the name of the file could be lost, and with it the record
        finally:
            os.close(handle)
        return file

    def waiting(self, notes: list[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """
        Yield what waits, the oldest first, at most `MOST`; a file that is no record of ours is left and noted.

        Raises: `OSError` as `put`.
        """
        if not os.path.lexists(self._folder):
            return
        self._check()
        count, left = 0, []
        for name in sorted(name for name in os.listdir(self._folder) if NAME.fullmatch(name)):
            file = self._folder / name
            record = self._read(file)
            if record is not None:
                yield file, record
                count += 1
                if count == MOST:
                    break
            elif os.path.lexists(file):  # another run may have sent it meanwhile
                left.append(name)
        if left:
            more = f" and {len(left) - 1:,} more" if left[1:] else ""
            notes.append(f"{left[0]}{more} in the spool is no record that the key of now sealed, and was left")

    def _check(self) -> None:
        """Raise `OSError` for a folder that is none, or is another's, or that others may write."""
        status = os.lstat(self._folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise OSError(0, f"{str(self._folder)!r} is no folder that its owner alone may write")

    def _seal(self, body: bytes) -> str:
        """Return what nobody without the key can make of a record for this sink."""
        return hmac.new(self._key, b"\0".join((b"ci-guard spool", self._address, body)), hashlib.sha256).hexdigest()

    def _read(self, file: Path) -> dict[str, Any] | None:
        """Return the record in a file; None for anything else, links and pipes included."""
        try:
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as opened:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    return None
                body, _, seal = opened.read(LONGEST + 100).removesuffix(b"\n").rpartition(b"\n")
            if not hmac.compare_digest(seal, self._seal(body).encode()):
                return None
            record = json.loads(body)
            if canonical(record) != body:
                return None
        except (OSError, ValueError, RecursionError):
            return None
        match = NAME.fullmatch(file.name)
        ours = isinstance(record, dict) and record.get("schema") == SCHEMA and isinstance(record.get("time"), str)
        return record if ours and match is not None and record.get("id") == match[1] else None

    def remove(self, file: Path) -> None:
        """Forget a record that was taken."""
        file.unlink(missing_ok=True)

    def refuse(self, file: Path) -> str:
        """Put a record aside that the sink will never take, and return its new name."""
        aside = file.with_name(f"{file.name}.refused")
        if file.exists():
            os.replace(file, aside)
        return aside.name
