"""CODEOWNERS as GitLab reads it: sections, optional ones, numbers of approvals, and who owns a path in each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ci_guard.evidence.globbing import fits_all
from ci_guard.records import dataclass, field

PLACES: Final = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitLab looks, in its order; the first that exists counts. Source: "Code Owners", CODEOWNERS file."""

SIZE_LIMIT_BYTES: Final = 1 << 20

MANY: Final = "**"
"""Any number of folders, none included."""
ANY: Final = ("*",)
"""Any number of characters of one name."""

_HEADING: Final = re.compile(
    r"(?P<optional>\^?)\[(?P<name>[^\]]*[^\]\s][^\]]*)\](?:\[(?P<count>[^\]]*)\])?(?P<owners>.*)"
)
_PATTERN: Final = re.compile(r"(?P<pattern>(?:\\.|[^\\\s])+)(?P<owners>.*)")
_OWNER: Final = re.compile(r"@{1,2}[\w.-]+(?:/[\w.-]+)*|[\w.%+-]+@[\w.-]+\.\w+")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: a pattern and who owns what it matches."""

    segments: tuple[str, ...]
    owners: tuple[str, ...]
    """`@user`, `@group/subgroup`, `@@maintainer` or an e-mail address; empty where nobody can be asked."""
    excludes: bool = False
    """Whether what it matches needs no owner in its section, whatever follows."""


@dataclass(kw_only=True)
class Section:
    """Entries that are asked for themselves."""

    name: str
    """Empty for what stands before the first heading."""
    optional: bool
    """Whether its owners need not approve."""
    wanted: int
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """Who has to approve a path for one section."""

    section: str
    owners: tuple[str, ...]
    wanted: int


def parse(content: str) -> tuple[Section, ...]:
    """
    Return the sections in their order, those of one name together.

    One of several headings of a name that is not optional makes it required, and the largest number counts. A heading
    that cannot be read is an entry; owners that are none are left out; a number below one is one.

    Source: "Syntax of CODEOWNERS file"; "Advanced CODEOWNERS configuration", error handling.
    """
    sections: dict[str, Section] = {"": Section(name="", optional=False, wanted=1)}
    current, defaults = sections[""], ()
    for line in content.removeprefix("\ufeff").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        heading = _HEADING.fullmatch(text)
        if heading is not None:
            name, optional = heading["name"].strip(), bool(heading["optional"])
            wanted = _number(heading["count"] or "")
            made = Section(name=name, optional=optional, wanted=wanted)
            current = sections.setdefault(name.casefold(), made)
            current.optional, current.wanted = current.optional and optional, max(current.wanted, wanted)
            defaults = tuple(_OWNER.findall(heading["owners"]))
        elif (found := _PATTERN.fullmatch(text)) is not None:
            excludes = found["pattern"].startswith("!")
            segments = _segments(found["pattern"].removeprefix("!"))
            owners = tuple(_owners(found["owners"])) or defaults
            current.entries.append(Entry(segments=segments, owners=owners, excludes=excludes))
    return tuple(sections.values())


def owners_of(sections: Sequence[Section], path: str) -> tuple[Ownership, ...]:
    """
    Return what has to be approved for a path: in each section by the last line that matches, unless one excludes it.

    Optional sections ask nobody, and a line without owners is approved of itself.
    """
    found = []
    for section in sections:
        fitting = [entry for entry in section.entries if matches(entry, path)]
        if section.optional or not fitting or any(entry.excludes for entry in fitting):
            continue
        if fitting[-1].owners:
            found.append(Ownership(section=section.name, owners=fitting[-1].owners, wanted=section.wanted))
    return tuple(found)


def matches(entry: Entry, path: str) -> bool:
    """Tell whether an entry takes in a path."""
    return fits_all(entry.segments, path.split("/"), MANY, _fits_name)


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else 1


def _owners(text: str) -> list[str]:
    return [word for word in text.split() if _OWNER.fullmatch(word)]


def _segments(pattern: str) -> tuple[str, ...]:
    """
    Return a pattern in parts that each match one part of a path, or `MANY`.

    Without a slash in front it counts at any depth; with one at its end it means all below. `**` is any folders only
    where a slash follows it.
    """
    text = re.sub(r"\\(\s)", r"\1", pattern)
    text = text[1:] if text.startswith("\\#") else text
    if not text.startswith("/"):
        text = f"/**/{text}"
    if text.endswith("/"):
        text = f"{text}**/*"
    parts = [part for part in text.split("/") if part]
    kept: list[str] = []
    for number, part in enumerate(parts):
        whole = part if part != MANY or number < len(parts) - 1 else "*"
        if whole != MANY or kept[-1:] != [MANY]:
            kept.append(whole)
    return tuple(kept)


def _fits_name(pattern: str, name: str) -> bool:
    if not set("*?[\\") & set(pattern):
        return pattern == name
    return fits_all(_glob(pattern), name, ANY, _fits_character)


def _glob(pattern: str) -> list[tuple[str, ...]]:
    """Return the parts of a glob: `ANY`, `?` for one character, a set, or a character itself."""
    parts: list[tuple[str, ...]] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at + 2) if char == "[" else -1
        if char == "*":
            parts += [] if parts[-1:] == [ANY] else [ANY]
        elif char == "?":
            parts.append(("?",))
        elif end > 0:
            parts.append(("[", pattern[at + 1 : end]))
            at = end
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            parts.append(("=", pattern[at]))
        else:
            parts.append(("=", char))
        at += 1
    return parts


def _fits_character(part: tuple[str, ...], char: str) -> bool:
    if part[0] == "?":
        return True
    if part[0] == "=":
        return part[1] == char
    inside = part[1]
    negated = inside[:1] in ("^", "!")
    return _in_set(inside[1:] if negated else inside, char) is not negated


def _in_set(inside: str, char: str) -> bool:
    at = 0
    while at < len(inside):
        if at + 2 < len(inside) and inside[at + 1] == "-":
            if inside[at] <= char <= inside[at + 2]:
                return True
            at += 3
        else:
            if inside[at] == char:
                return True
            at += 1
    return False
