"""
Records as an answer: a table, JSON or CSV.

It is put together on the disk, so that a log of any length fits, and shown once all of it is there: a log with a line
that is no record answers nothing.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import IO, Any, Final

from ci_guard.audit.query import of_each
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import AuditError
from ci_guard.reporters import escape

COLUMNS: Final = ("index", "time", "verdict", "who", "event", "repository", "ref", "sha", "environment", "why")
"""What a row of an answer shows."""

IN_MEMORY: Final = 1 << 22
"""Characters of an answer that need no disk."""
PART: Final = 1 << 16
"""Characters, or lines of a table, that are shown at once."""

ALIKE: Final = 4096
"""Cells that are kept as they are shown: most say the same from run to run."""

_PLAIN: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z:._-]{0,99}")
"""A cell that is shown as it is everywhere, such as a number or a time, of which every record has its own."""

_FORMULA: Final = re.compile(r"(^|[;,\t])(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")

Records = Iterable[dict[str, Any]]


def answer(found: Records, form: str, call: Call) -> Said:
    """
    Return the answer; exit code 1 where there is no record.

    Raises: `AuditError` as the records do, and where there is no room for it.
    """
    kept = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - it is read after this
        IN_MEMORY, "w+", encoding="utf-8", errors="backslashreplace", newline=""
    )
    try:
        count, shown = FORMS[form](found, kept, call)
    except OSError as error:
        kept.close()
        raise AuditError(f"There is no room to put the answer together: {error.strerror}.") from None
    except BaseException:
        kept.close()
        raise

    def rest() -> Iterator[str]:
        with kept:
            yield from shown

    return Said("", 0 if count else 1, rest(), document=form != "table")


def table(found: Records, kept: IO[str], call: Call) -> tuple[int, Iterator[str]]:
    """Return rows in columns as wide as they need, the last one free; every cell on one line and harmless."""
    widths, count = [len(name) for name in COLUMNS], 0
    for row in of_each(found, row_of):
        cells = [cell if _PLAIN.fullmatch(cell) else short(cell) for cell in row]
        widths = [*map(max, widths, map(len, cells))]
        kept.write("\t".join(cells) + "\n")  # no cell has either: both are signs that a screen obeys
        count += 1
    kept.seek(0)

    def lines() -> Iterator[str]:
        yield line(COLUMNS)
        yield from (line(text[:-1].split("\t")) for text in kept)
        yield f"{count:,} record{'' if count == 1 else 's'}."

    def line(row: Iterable[str]) -> str:
        return "  ".join(map(str.ljust, row, widths)).rstrip()

    def shown() -> Iterator[str]:
        every = lines()
        while some := list(islice(every, PART // 100)):
            page = page_for(call.stdout, call.environ)
            for each in some:
                page.write(each)
            yield page.text()

    return count, shown()


def as_json(found: Records, kept: IO[str], _call: Call) -> tuple[int, Iterator[str]]:
    """Return a list of the records, whole."""
    count = 0
    for count, text in enumerate(of_each(found, text_of), 1):
        kept.write(f"{'[' if count == 1 else ','}\n {text}")
    kept.write("\n]\n" if count else "[]\n")
    return count, parts(kept)


def text_of(record: dict[str, Any]) -> str:
    """Return a record as an entry of a list in JSON, which has no infinite numbers."""
    text = json.dumps(record, ensure_ascii=True, indent=1, allow_nan=False)
    return escape.json_text(text).replace("\n", "\n ")


def as_csv(found: Records, kept: IO[str], _call: Call) -> tuple[int, Iterator[str]]:
    """Return rows as CSV (RFC 4180), of which no cell is a formula."""
    count, writer = 0, csv.writer(kept, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in of_each(found, row_of):
        writer.writerow([cell if _PLAIN.fullmatch(cell) else harmless(cell) for cell in row])
        count += 1
    return count, parts(kept)


def parts(kept: IO[str]) -> Iterator[str]:
    """Yield what was written, a part at a time."""
    kept.seek(0)
    while text := kept.read(PART):
        yield text


@lru_cache(ALIKE)
def short(cell: str) -> str:
    """Return a cell of a table: on one line, and no longer than a name."""
    return escape.plain(cell, escape.NAME)


@lru_cache(ALIKE)
def harmless(cell: str) -> str:
    """
    Return a cell of CSV that no spreadsheet takes for a formula: an apostrophe stands before what would begin one.

    That is the first sign of the cell, and one behind what divides cells elsewhere, as `;` where commas are decimal.
    Source: OWASP, "CSV Injection".
    """
    return _FORMULA.sub(r"\1\2'", escape.plain(cell))


def row_of(record: dict[str, Any]) -> tuple[str, ...]:
    """Return a record as a row; why it went as it did is the reason of its verdict."""
    what, who = record["what"], record["who"]
    cells = (
        record["index"],
        record["time"],
        record["verdict"],
        who["triggering_actor"] or who["actor"],
        what["event"] or what["platform_event"],
        what["repository"],
        what["ref"],
        (what["sha"] or "")[:12],
        what["environment"],
        record["reason"],
    )
    return tuple(["" if each is None else str(each) for each in cells])


FORMS: Final[Mapping[str, Callable[[Records, IO[str], Call], tuple[int, Iterator[str]]]]] = {
    "table": table,
    "json": as_json,
    "csv": as_csv,
}
