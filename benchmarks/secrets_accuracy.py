"""
Measures how accurate the scanner is on a folder that CredData's script laid out (github.com/Samsung/CredData).

    python benchmarks/secrets_accuracy.py FOLDER [--only ID…] [--wrong]

FOLDER has `meta/ID.csv` and what the labels' paths name, `data/ID/…`. A unit is the lines of a label. It is found
when a finding begins in it; it is a secret when one of its labels says T. A finding on no labelled line counts as false
(strict). Units of the class UUID alone are left out. `--wrong` shows findings and misses without their values.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from ci_guard.secrets import rule
from ci_guard.secrets.matcher import Match, Matcher

_URL: Final = frozenset(
    ("URL Credentials", "Basic Authorization", "Auth:Basic Authorization", "Auth:Bearer Authorization")
)
_GENERIC: Final = frozenset(
    ("Password", "Secret", "Token", "Key", "Auth", "API", "Credential", "Nonce", "Salt", "CMD Password")
)


class Label(NamedTuple):
    """The lines of a unit, and what is known of them."""

    start: int
    end: int
    true: bool
    kind: str
    """`generic`, `pem`, `url`, `provider` or `uuid`."""
    values: tuple[tuple[int, int], ...] = ()
    """Where its secrets stand on the line, in characters; none where the label does not say."""

    def holds(self, line: int) -> bool:
        """Return whether a line is one of the unit's."""
        return self.start <= line <= self.end


@dataclass
class Tally:
    """What came of some files."""

    found: int = 0
    missed: int = 0
    false: int = 0
    """Findings on units that are no secrets."""
    unlabelled: int = 0
    """Findings elsewhere."""

    @property
    def precision(self) -> float:
        """The share of the findings that are secrets."""
        return self.found / max(1, self.found + self.false + self.unlabelled)

    @property
    def recall(self) -> float:
        """The share of the secrets that were found."""
        return self.found / max(1, self.found + self.missed)

    def __str__(self) -> str:
        counts = f"{self.found} | {self.missed} | {self.false} | {self.unlabelled}"
        return f"{counts} | {self.precision:.2f} | {self.recall:.2f}"

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.found + other.found,
            self.missed + other.missed,
            self.false + other.false,
            self.unlabelled + other.unlabelled,
        )


def labels(root: Path, only: Sequence[str]) -> Iterator[tuple[str, Path, list[Label]]]:
    """Yield repository, path and units of every labelled file that is there; of all repositories, or of some."""
    for sheet in sorted((root / "meta").glob("*.csv")):
        if only and sheet.stem not in only:
            continue
        units: dict[str, dict[tuple[int, int], list[_Row]]] = {}
        with sheet.open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                place = (int(row["LineStart"]), int(row["LineEnd"]))
                units.setdefault(row["FilePath"], {}).setdefault(place, []).append(
                    _Row(row["GroundTruth"] == "T", row["Category"], _value(row))
                )
        for path, places in sorted(units.items()):
            if (root / path).is_file():
                yield sheet.stem, root / path, [_label(*place, rows) for place, rows in places.items()]


class _Row(NamedTuple):
    true: bool
    category: str
    value: tuple[int, int] | None


def _value(row: dict[str, str]) -> tuple[int, int] | None:
    start, end = row["ValueStart"], row["ValueEnd"]
    return (int(start), int(end)) if start and end and int(end) > int(start) >= 0 else None


def _label(start: int, end: int, rows: list[_Row]) -> Label:
    true = any(row.true for row in rows)
    classes = {row.category for row in rows if row.true == true}
    kinds = (
        "uuid" if classes == {"UUID"} else "",
        "pem" if any("PEM" in one for one in classes) else "",
        "url" if classes & _URL else "",
        "generic" if any(set(one.split(":")) <= _GENERIC for one in classes) else "",
    )
    values = tuple(row.value for row in rows if row.true and row.value)
    return Label(start, end, true, next(filter(None, kinds), "provider"), values)


def judge(matches: Sequence[Match], known: Sequence[Label]) -> Iterator[tuple[str, str, int]]:
    """Yield what a unit or finding came to (`found`, `missed`, `false`, `unlabelled`), its kind or rule, its line."""
    lines = {match.line: match.rule.id for match in matches}
    for label in known:
        hit = any(label.holds(line) for line in lines)
        if label.kind != "uuid":
            if label.true:
                yield "found" if hit else "missed", label.kind, label.start
            elif hit:
                yield "false", label.kind, label.start
    for line, name in lines.items():
        if not any(label.holds(line) for label in known):
            yield "unlabelled", name, line


def measure(root: Path, only: Sequence[str]) -> Tally:
    """Return what comes of some repositories, with the rules as they are."""
    matcher, tally = Matcher(rule.load()), Tally()
    for _, path, known in labels(root, only):
        for outcome, _, _ in judge(matcher.scan(path.read_bytes()), known):
            setattr(tally, outcome, getattr(tally, outcome) + 1)
    return tally


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--wrong", action="store_true", help="name the places that were judged wrongly")
    options = parser.parse_args()
    matcher = Matcher(rule.load())
    tallies: dict[str, Tally] = {}
    kinds: Counter[tuple[str, str]] = Counter()
    for repository, path, known in labels(options.folder, options.only):
        tally = tallies.setdefault(repository, Tally())
        for outcome, kind, line in judge(matcher.scan(path.read_bytes()), known):
            setattr(tally, outcome, getattr(tally, outcome) + 1)
            kinds[kind, outcome] += 1
            if options.wrong and outcome != "found":
                print(f"{outcome}\t{kind}\t{path.relative_to(options.folder)}:{line}")
    print("| repository | found | missed | false | on unlabelled lines | precision (strict) | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, tally in [*sorted(tallies.items()), ("all", sum(tallies.values(), Tally()))]:
        print(f"| {name} | {tally} |")
    for kind in ("generic", "pem", "provider", "url"):
        print(f"{kind}: {kinds[kind, 'found']} of {kinds[kind, 'found'] + kinds[kind, 'missed']}")


if __name__ == "__main__":
    main()
