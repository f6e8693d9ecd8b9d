"""Questions to a log: who triggered what, when, where to, and why it was let through."""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, TypeVar

from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import LONGEST
from ci_guard.errors import AuditError, UsageError
from ci_guard.records import dataclass

_TIME: Final = re.compile(rb'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"')
"""Unescaped quotes are JSON's own, so no text of a stranger's can look like it."""

_AGO: Final = re.compile(r"(\d{1,4})(m|h|d|w)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which records are wanted; all that is said must hold."""

    since: str = ""
    """RFC 3339 in UTC to the millisecond, as in records; inclusive."""
    until: str = ""
    """Exclusive."""
    actor: str = ""
    """Login of the actor or of whoever triggered the run, in any letter case, like the next two."""
    environment: str = ""
    repository: str = ""
    ref: str = ""
    sha: str = ""
    """A commit id or its beginning."""
    event: str = ""
    artifact: str = ""
    """SHA-256 in hex of a file that was handed on."""
    verdict: str = ""
    outcome: str = ""
    """`control/requirement=outcome`: a judgement that the record must have."""

    def needles(self) -> list[bytes]:
        """Return bytes that a wanted line holds, so that most lines need not be parsed."""
        parts = (self.ref, self.sha, self.artifact)
        return [canonical(each) for each in (self.event, self.verdict) if each] + [
            canonical(each)[1:-1] for each in parts if each
        ]

    def names(self) -> list[bytes]:
        """Return bytes that a wanted line holds once its ASCII is in lower case: forges tell no names apart by case."""
        asked = (self.actor, self.environment, self.repository)
        return [canonical(each).lower() for each in asked if each and each.isascii()]

    def wants(self, record: dict[str, Any]) -> bool:
        """Tell whether a record is wanted."""
        what, who = record["what"], record["who"]
        return (
            (not self.actor or any(same_name(self.actor, who[part]) for part in ("actor", "triggering_actor")))
            and (not self.environment or same_name(self.environment, what["environment"]))
            and (not self.repository or same_name(self.repository, what["repository"]))
            and (not self.ref or self.ref in (what["ref"], str(what["ref"]).partition("/")[2].partition("/")[2]))
            and (not self.sha or str(what["sha"]).startswith(self.sha))
            and (not self.event or self.event in (what["event"], what["platform_event"]))
            and (not self.artifact or any(each["sha256"] == self.artifact for each in what.get("artifacts", ())))
            and (not self.verdict or record["verdict"] == self.verdict)
            and (not self.outcome or self.outcome in outcomes(record))
        )


def holds_all(line: bytes, needles: Iterable[bytes]) -> bool:
    """Tell whether a line may be wanted."""
    return all(needle in line for needle in needles)


def same_name(said: str, found: object) -> bool:
    """Tell whether both name the same login, environment or repository."""
    return isinstance(found, str) and found.casefold() == said.casefold()


def outcomes(record: dict[str, Any]) -> set[str]:
    """Return `control/requirement=outcome` of each judgement."""
    return {f"{each['control']}/{each['requirement']}={each['outcome']}" for each in record["judgements"]}


def records(path: Path, question: Question | None = None, *, judged: bool = True) -> Iterator[dict[str, Any]]:
    """
    Yield the wanted records in the log's order, with `index`; one line is held at a time.

    Without `judged` a record may have no judgements, which are most of a line and take as long to read.
    Raises: `AuditError` where the log cannot be read, or a line is no record: a log that is not intact answers nothing.
    """
    asked = question or Question()
    needles, names = asked.needles(), asked.names()
    since, until = asked.since.encode(), asked.until.encode()
    judged = judged or bool(asked.outcome)
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if not line.endswith(b"\n"):
                    raise AuditError(f"Line {number} of {path.name} is torn.", hint=_VERIFY.format(path))
                if not holds_all(line, needles):
                    continue
                if names and not holds_all(line.lower(), names):
                    continue
                time = _TIME.search(line) if since or until else None
                if time and ((since and time[1] < since) or (until and time[1] >= until)):
                    continue
                record = parsed(line if judged else unjudged(line), number, path)
                try:
                    wanted = asked.wants(record)
                except MISSHAPEN:
                    raise no_record(number, path) from None
                if wanted:
                    yield record
    except OSError as error:
        raise AuditError(f"The audit log {os.fspath(path)!r} could not be read: {error.strerror}.") from None


_VERIFY: Final = "`ci-guard audit verify {}` says more."

MISSHAPEN: Final = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What comes of reading a record that says something else than records do, where a text or a list belongs."""

T = TypeVar("T")


def of_each(found: Iterable[dict[str, Any]], read: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    """
    Yield what is read from each record.

    Raises: `AuditError` where one is not shaped as records are: a log may have been in anybody's hands.
    """
    for record in found:
        try:
            made = read(record)
        except MISSHAPEN:
            raise AuditError(f"Record {str(record['index'])[:20]} of the log is not as records are.") from None
        yield made


def unjudged(line: bytes) -> bytes:
    """
    Return a line without its judgements, or as it is where they are not where canonical JSON has them.

    Both marks have quotes of JSON's own, so neither is part of a text; where the second one ends something else, what
    is left has brackets without a partner and is no JSON.
    """
    begin = line.find(b'"judgements":[')
    end = line.find(b'],"outcomes":', begin)
    return line[: begin + len(b'"judgements":[')] + line[end:] if 0 <= begin < end else line


def no_record(number: int, path: Path) -> AuditError:
    """Return the error for a line that holds no record."""
    return AuditError(f"Line {number} of {path.name} is no record.", hint=_VERIFY.format(path))


def parsed(line: bytes, number: int, path: Path) -> dict[str, Any]:
    """Return the record of a line with its index."""
    try:
        whole = json.loads(line.decode("utf-8"))
        record: dict[str, Any] = {**whole["record"], "index": operator.index(whole["chain"]["index"])}
        for key in ("what", "who"):
            record[key].keys()
        record["judgements"].__iter__()
    except MISSHAPEN:
        raise no_record(number, path) from None
    return record


def moment(text: str, now: datetime) -> str:
    """
    Return a moment that somebody said, as records have it: `yesterday`, `today`, `24h`, `7d`, a date, a time.

    Days begin in UTC, as the log's times are. Raises: `UsageError` for anything else.
    """
    today = now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    ago = _AGO.fullmatch(text)
    try:
        if text in ("today", "yesterday"):
            found = today - timedelta(days=text == "yesterday")
        elif ago:
            found = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            found = datetime.fromisoformat(text.replace("Z", "+00:00"))
            found = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise UsageError(
            f"The moment {text[:60]!r} was refused.",
            hint="For example yesterday, 24h, 7d, 2026-11-21 or 2026-11-21T20:00:00Z.",
        ) from None
    return found.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
