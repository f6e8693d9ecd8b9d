"""
Measures how accurate the scanner is on a folder that CredData's script laid out (github.com/Samsung/CredData).

    python benchmarks/secrets_accuracy.py FOLDER [--only ID…] [--wrong]
    python benchmarks/secrets_accuracy.py --held-out FOLDER… [--kingfisher PROGRAM] [--detect-secrets PROGRAM]

FOLDER has `meta/ID.csv` and what the labels' paths name, `data/ID/…`. A unit is the lines of a label. It is found
when a finding begins in it; it is a secret when one of its labels says T. A finding on no labelled line counts as false
(strict). Units of the class UUID alone are left out. `--wrong` shows findings and misses without their values.

`--held-out` is for what nobody may tune on: it prints sums and names no repository, file, line or label. The other
tools are run on the same folders, and what they find is counted the same way.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import secrets_peers

sys.path.insert(0, str(Path(__file__).parents[1]))
from ci_guard.model.judgement import Severity
from ci_guard.secrets import rule
from ci_guard.secrets.decode import Decoding
from ci_guard.secrets.matcher import Match, Matcher

_URL: Final = frozenset(
    ("URL Credentials", "Basic Authorization", "Auth:Basic Authorization", "Auth:Bearer Authorization")
)
_GENERIC: Final = frozenset(
    ("Password", "Secret", "Token", "Key", "Auth", "API", "Credential", "Nonce", "Salt", "CMD Password")
)
_OUTCOMES: Final = ("found", "missed", "false", "unlabelled")
_HEAD: Final = "| found | missed | false | on unlabelled lines | precision (strict) | recall"
_HIGH: Final = (Severity.CRITICAL, Severity.HIGH)
_KINDS: Final = ("generic", "pem", "provider", "url")

Finder: TypeAlias = Callable[[Path], Mapping[int, str]]
"""Returns the lines of a file on which something is found, each with the name of its rule."""


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
        return Tally(*(getattr(self, name) + getattr(other, name) for name in _OUTCOMES))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) - getattr(other, name) for name in _OUTCOMES))

    def count(self, outcome: str) -> None:
        """Count one more."""
        setattr(self, outcome, getattr(self, outcome) + 1)


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


def scan(matcher: Matcher, data: bytes) -> list[Match]:
    """Return what a scan finds in a content, encoded secrets included."""
    decoding = Decoding(matcher)
    decoding.whole(data)
    return decoding.added_to(matcher.scan(data))


def judge(lines: Mapping[int, str], known: Sequence[Label]) -> Iterator[tuple[str, str, int]]:
    """Yield what a unit or finding came to (`found`, `missed`, `false`, `unlabelled`), its kind or rule, its line."""
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
    find, tally = ours(Matcher(rule.load())), Tally()
    for _, path, known in labels(root, only):
        for outcome, _, _ in judge(find(path), known):
            tally.count(outcome)
    return tally


def ours(matcher: Matcher, severities: Collection[Severity] = tuple(Severity)) -> Finder:
    """Return what finds as this scanner does."""
    return lambda path: {
        match.line: match.rule.id for match in scan(matcher, path.read_bytes()) if match.severity in severities
    }


def theirs(found: Mapping[Path, Mapping[int, str]]) -> Finder:
    """Return what finds as another tool did."""
    return lambda path: found.get(path.resolve(), {})


def held_out(folders: Sequence[Path], finders: Mapping[str, Finder]) -> None:
    """Print the sums of each tool over some folders."""
    files = [(name, path, known) for folder in folders for name, path, known in labels(folder, ())]
    units = [label for _, _, known in files for label in known if label.kind != "uuid"]
    true = Counter(label.kind for label in units if label.true)
    print(f"{len({name for name, _, _ in files})} repositories, {len(files)} files, {true.total()} secrets,", end=" ")
    print(f"{len(units) - true.total()} units that are none", end="\n\n")
    print(
        f"| tool {_HEAD} | without any one repository | {' | '.join(f'{kind}, of {true[kind]}' for kind in _KINDS)} |"
    )
    print("| ---" * (8 + len(_KINDS)) + " |")
    for tool, find in finders.items():
        tallies: dict[str, Tally] = {}
        kinds: Counter[str] = Counter()
        for name, path, known in files:
            for outcome, kind, _ in judge(find(path), known):
                tallies.setdefault(name, Tally()).count(outcome)
                kinds[kind] += outcome == "found"
        every = sum(tallies.values(), Tally())
        others = [every - tally for tally in tallies.values()]
        spread = "; ".join(
            f"{min(shares):.2f}–{max(shares):.2f}"
            for shares in ([each.precision for each in others], [each.recall for each in others])
        )
        print(f"| {tool} | {every} | {spread} | {' | '.join(str(kinds[kind]) for kind in _KINDS)} |")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--wrong", action="store_true", help="name the places that were judged wrongly")
    parser.add_argument("--held-out", nargs="+", type=Path, metavar="FOLDER", help="print sums alone")
    for name in secrets_peers.PEERS:
        parser.add_argument(f"--{name}", metavar="PROGRAM", help="with --held-out: measure this one, too")
    options = parser.parse_args()
    matcher = Matcher(rule.load())
    if options.held_out:
        if options.folder or options.only or options.wrong:
            parser.error("--held-out tells nothing of single repositories or places")
        finders = {"ci-guard": ours(matcher), "ci-guard, high severity": ours(matcher, _HIGH)}
        for name, run in secrets_peers.PEERS.items():
            program = getattr(options, name.replace("-", "_"))
            if program:
                finders[name] = theirs(
                    {
                        path: lines
                        for folder in options.held_out
                        for path, lines in run(program, folder / "data").items()
                    }
                )
        held_out(options.held_out, finders)
    elif options.folder:
        tuned_on(options.folder, options.only, ours(matcher), wrong=options.wrong)
    else:
        parser.error("which folder?")


def tuned_on(folder: Path, only: Sequence[str], find: Finder, *, wrong: bool) -> None:
    """Print what came of each repository."""
    tallies: dict[str, Tally] = {}
    kinds: Counter[tuple[str, str]] = Counter()
    for repository, path, known in labels(folder, only):
        tally = tallies.setdefault(repository, Tally())
        for outcome, kind, line in judge(find(path), known):
            tally.count(outcome)
            kinds[kind, outcome] += 1
            if wrong and outcome != "found":
                print(f"{outcome}\t{kind}\t{path.relative_to(folder)}:{line}")
    print(f"| repository {_HEAD} |")
    print("| ---" * 7 + " |")
    for name, tally in [*sorted(tallies.items()), ("all", sum(tallies.values(), Tally()))]:
        print(f"| {name} | {tally} |")
    for kind in _KINDS:
        print(f"{kind}: {kinds[kind, 'found']} of {kinds[kind, 'found'] + kinds[kind, 'missed']}")


if __name__ == "__main__":
    main()
