"""
Trains what judges generic assignments, and writes `ci_guard/secrets/generic.json`.

    python scripts/train_generic.py --words FOLDER… --labelled FOLDER --clean FOLDER… [--only ID…]

`--words`: checkouts whose text the letter statistics and common words are of. `--labelled`: a folder laid out by
CredData's script, with `meta/*.csv` and `data/`. `--clean`: checkouts without secrets; what looks like one in them
counts against. The same input gives the same file: pure Python, no random numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from secrets_accuracy import labels, measure

from ci_guard.secrets import generic, looks, rule

_OUT: Final = Path(__file__).parents[1] / "ci_guard/secrets/generic.json"
_LETTERS: Final = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
_SUFFIXES: Final = (".py", ".js", ".go", ".md", ".rst", ".txt", ".yml", ".yaml", ".c", ".h", ".tf", ".html")
_WORDS: Final = 4000
_RIDGE: Final = 2.0
_CLEAN_WEIGHT: Final = 0.5

Sample = tuple[dict[str, float], float, float]
"""Features, 1 for a secret, weight."""


def texts(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield the tracked files of checkouts, in order."""
    for folder in folders:
        listed = subprocess.run(["git", "-C", folder, "ls-files", "-z"], check=True, capture_output=True).stdout
        for name in sorted(listed.decode("utf-8", "surrogateescape").split("\0")):
            path = folder / name
            if name and path.is_file() and not path.is_symlink() and path.stat().st_size < 2_000_000:
                yield path, path.read_bytes()


def letter_statistics(folders: Iterable[Path]) -> dict[str, Any]:
    """Return the trigram table and the common words of some checkouts."""
    seen: Counter[str] = Counter()
    spread: dict[str, set[Path]] = {}
    for folder in folders:
        for path, data in texts([folder]):
            if path.suffix in _SUFFIXES:
                found = Counter(word.lower() for word in _LETTERS.findall(data.decode("latin-1")) if len(word) <= 14)
                for word in found:
                    seen[word] += 1
                    spread.setdefault(word, set()).add(folder)
    words = [word for word, files in seen.items() if files >= 5 and len(spread[word]) >= 2]
    counts: defaultdict[str, float] = defaultdict(float)
    pairs: defaultdict[str, float] = defaultdict(float)
    singles: defaultdict[str, float] = defaultdict(float)
    for word in words:
        edged = f"`{word}`"
        for place in range(len(edged) - 2):
            counts[edged[place : place + 3]] += math.log1p(seen[word])
            pairs[edged[place : place + 2]] += math.log1p(seen[word])
    alphabet = "`abcdefghijklmnopqrstuvwxyz"
    total = sum(counts.values())
    for trigram, count in counts.items():
        singles[trigram[2]] += count
    table = []
    for first in alphabet:
        for second in alphabet:
            pair = pairs[first + second]
            for third in alphabet:
                chance = (counts[first + second + third] + 20 * singles[third] / total) / (pair + 20)
                table.append(chr(35 + min(56, round(-math.log(max(chance, 1e-9)) * looks.SCALE))))
    common = sorted(sorted(words, key=lambda word: (-seen[word], word))[:_WORDS])
    return {"trigrams": "".join(table), "words": " ".join(word for word in common if len(word) > 2)}


def candidates(data: bytes) -> Iterator[generic.Candidate]:
    """Yield the candidates of a content, as the matcher would meet them."""
    for entry in rule.load():
        judge = generic.FINDERS.get(entry.check or "")
        if judge and entry.anchor:
            for match in re.finditer(entry.anchor.encode(), data, re.IGNORECASE):
                found = judge(data, match.end() - entry.anchor_length)
                if found:
                    yield found


def labelled(root: Path, only: list[str]) -> Iterator[tuple[str, generic.Candidate, float]]:
    """Yield repository, candidate and 1 for a secret, of files that were labelled."""
    for repository, path, known in labels(root, only):
        data = path.read_bytes()
        for candidate in candidates(data):
            line = data.count(b"\n", 0, candidate.start) + 1
            begin = data.rfind(b"\n", 0, candidate.start) + 1
            column = len(data[begin : candidate.start].decode("utf-8", "replace"))
            secrets = [label for label in known if label.true and label.holds(line)]
            hit = any(start <= column + 1 and column < end for label in secrets for start, end in label.values)
            if hit or not secrets:  # another literal beside a secret tells nothing
                yield repository, candidate, float(hit)


def fit(samples: list[Sample]) -> dict[str, float]:
    """Return the weights of a logistic regression, by Newton's method with a ridge."""
    names = sorted({name for numbers, _, _ in samples for name in numbers})
    rows = [[numbers.get(name, 0.0) for name in names] for numbers, _, _ in samples]
    weights = [0.0] * len(names)
    for _ in range(12):
        gradient = [_RIDGE * weight for weight in weights]
        hessian = [[_RIDGE if i == j else 0.0 for j in range(len(names))] for i in range(len(names))]
        for row, (_, truth, share) in zip(rows, samples, strict=True):
            total = sum(weight * number for weight, number in zip(weights, row, strict=True))
            chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
            slope = share * chance * (1 - chance)
            present = [(place, number) for place, number in enumerate(row) if number]
            for i, left in present:
                gradient[i] += share * (chance - truth) * left
                scaled, line = slope * left, hessian[i]
                for j, right in present:
                    line[j] += scaled * right
        weights = [weight - step for weight, step in zip(weights, solve(hessian, gradient), strict=True)]
    return {name: round(weight, 3) for name, weight in zip(names, weights, strict=True)}


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Return the solution of a system of linear equations, by elimination with pivots."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for step in range(size):
        pivot = max(range(step, size), key=lambda place: abs(rows[place][step]))
        rows[step], rows[pivot] = rows[pivot], rows[step]
        for place in range(size):
            if place != step and rows[place][step]:
                factor = rows[place][step] / rows[step][step]
                rows[place] = [a - factor * b for a, b in zip(rows[place], rows[step], strict=True)]
    return [rows[place][size] / rows[place][place] for place in range(size)]


def main() -> None:
    """Train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", nargs="+", type=Path, required=True)
    parser.add_argument("--labelled", type=Path, required=True)
    parser.add_argument("--clean", nargs="+", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument(
        "--cross-validate", action="store_true", help="measure each repository with the others' weights"
    )
    options = parser.parse_args()
    learned = letter_statistics(options.words)
    write({**learned, "weights": {}})
    samples: dict[str, list[Sample]] = {}
    for repository, found, truth in labelled(options.labelled, options.only):
        samples.setdefault(repository, []).append((generic.features(found), truth, 1.0))
    for _, data in texts(options.clean):
        samples.setdefault("", []).extend((generic.features(found), 0.0, _CLEAN_WEIGHT) for found in candidates(data))
    if options.cross_validate:
        for left_out in sorted(filter(None, samples)):
            others = [sample for name, group in samples.items() if name != left_out for sample in group]
            looks.model()["weights"] = fit(others)
            print(left_out, measure(options.labelled, [left_out]))
    write({**learned, "weights": fit([sample for group in samples.values() for sample in group])})


def write(learned: dict[str, Any]) -> None:
    """Write the file, and have it read anew."""
    _OUT.write_text(json.dumps(learned, indent=1) + "\n", "ascii")
    looks.model.cache_clear()


if __name__ == "__main__":
    main()
