"""One kind of secret: how it is spotted, confirmed, named and revoked. The kinds are data, in `rules/*.json`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from ci_guard import beside, late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.records import dataclass

_FOLDER: Final = os.path.join(os.path.dirname(__file__), "rules")
VENDORS: Final = "vendors.json"
"""The table of vendors, a row a line."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """
    A token format.

    A content is searched for all keywords of all rules at once. Where one is met, `pattern` is tried there, and what it
    matches has to pass the checks. Every repetition in a pattern is bounded, so that no text makes one slow.
    """

    id: str
    title: str
    severity: Severity
    keywords: tuple[str, ...]
    """Literals of which every match has one. A secret that begins with one shows it in its preview: it is public."""
    pattern: str
    """What a match looks like, as `re` reads it over bytes; the secret is its group `secret`, or else all of it."""
    documentation: str = ""
    """The vendor's page, or the standard; a rule of the user's own may have none."""
    vendor: str = ""
    anchor: str | None = None
    """A pattern of fixed length that is searched for instead of keywords that are too common in ordinary text."""
    anchor_length: int = 0
    before: int = 0
    """How many bytes ahead of the keyword, or of the anchor, a match may begin."""
    reach: int = 512
    """How many bytes from its beginning a match may extend to."""
    ignore_case: bool = False
    boundary: bool = True
    """Whether the secret must not be part of a longer word."""
    check: str = "format"
    """The name of the check in `checks.CHECKS` that judges what the pattern matches."""
    confidence: Confidence = Confidence.HIGH
    """How sure it is that what passes the check is a secret of this kind."""
    entropy: float = 2.8
    """Shannon entropy, in bits a byte, that the secret has at least behind its public part; random hex has some 3.7."""
    documented: frozenset[str] = frozenset()
    """SHA-256 of values that the vendor prints in its documentation."""
    revoke: str = ""
    """Where, or by which command, the vendor lets one revoke it."""
    remedy: str = ""
    """Instead of `revoke`: the whole advice."""
    own: bool = False
    """Whether it is a rule of the user's own, which finds beside the others and never in place of one."""

    @cached_property
    def regex(self) -> re.Pattern[bytes]:
        """The pattern compiled, on first use."""
        return late.compiled(*self.said)

    @property
    def said(self) -> tuple[bytes, int]:
        """The pattern and its flags, as `re.compile` takes them."""
        return self.pattern.encode("ascii"), int(re.IGNORECASE) if self.ignore_case else 0

    @property
    def advice(self) -> str:
        """What to do about a finding."""
        act = self.remedy or f"Revoke it and issue a new one: {self.revoke}."
        return f"{act} Deleting it from the files is not enough: history, forks and caches keep it."

    def public_prefix(self, secret: bytes) -> str:
        """Return the longest keyword that the secret begins with, or nothing."""
        return max((word for word in self.keywords if secret.startswith(word.encode("ascii"))), key=len, default="")


class Shelf:
    """The rules of a folder, read at once and parsed with the first one that is wanted: a clean scan wants none."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Read the files."""
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
        self.texts = [beside.content(folder, name) for name in names]
        """What the files hold, in the order of their names."""

        self._rules: dict[int, Rule] = {}

    def __bool__(self) -> bool:
        """Return whether there are any, without looking."""
        return bool(self.texts)

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, number: int) -> Rule:
        """Return one of the rules, in the order of the files and of their lines, which is made when it is wanted."""
        if number not in self._rules:
            self._rules[number] = _rule(self._raw[number])
        return self._rules[number]

    def __iter__(self) -> Iterator[Rule]:
        """Yield the rules in that order."""
        return (self[number] for number in range(len(self)))

    def triggers(self) -> Iterator[int]:
        """Yield how many triggers each rule has, as `triggers.triggers_of` makes them."""
        return (1 if raw.get("anchor") else len(raw["keywords"]) for raw in self._raw)

    @cached_property
    def _raw(self) -> list[dict[str, Any]]:
        import json

        return [raw for text in self.texts for raw in json.loads(text)]


def load(folder: str | os.PathLike[str] = _FOLDER) -> Shelf:
    """
    Return all rules that are searched for.

    A test holds them to their form (`tests/secrets/rule_form.py`); what users write has another reader
    (`suppression_files/own.py`).
    """
    return Shelf(folder)


def vendor_ids() -> frozenset[str]:
    """Return the ids of the rules that a vendor's name decides on, without reading more of their table."""
    return frozenset(re.findall(r'^  [{]"id": "([a-z0-9-]+)"', beside.read(__file__, VENDORS).decode(), re.MULTILINE))


def known() -> tuple[Rule, ...]:
    """Return all rules that a finding can be of: those that are searched for, and those of vendors by their names."""
    from ci_guard.secrets import vendors

    return (*load(), *vendors.rules())


def _rule(raw: Mapping[str, Any]) -> Rule:
    typed = {
        "severity": Severity(raw["severity"]),
        "confidence": Confidence(raw.get("confidence", Confidence.HIGH)),
        "keywords": tuple(raw["keywords"]),
        "documented": frozenset(raw.get("documented", ())),
    }
    return Rule(**{**raw, **typed})
