"""
Measures how much the scanner finds of the examples that other scanners' rules come with.

    python benchmarks/secrets_examples.py [--rules] TOOL=SOURCE…

SOURCE is a folder of rule files, YAML (`rules` with `examples` and `negative_examples`, as Nosey Parker and Kingfisher
keep them) or Go (`tps` and `fps`, as gitleaks does; what its Go code makes from literals is not in the text and left
out), or a file of JSON lines, each an example: `{"rule": …, "positive": true, "text": …}`. An example is found when the
scanner finds anything in it, as a content of its own.

Nobody may tune on these: sums are printed, and with `--rules` the names of the rules of which none was found.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from secrets_accuracy import scan

sys.path.insert(0, str(Path(__file__).parents[1]))
from ci_guard.secrets import rule
from ci_guard.secrets.matcher import Matcher

_TOKEN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|`(?P<raw>[^`]*)`|(?P<quoted>"(?:[^"\\\n]|\\.)*")|'(?:[^'\\\n]|\\.)*'|(?P<word>\w+)|(?P<sign>:=|\S)|(?P<feed>\n)""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))")
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_LISTS: Final = {"tps": True, "fps": False}


class Example(NamedTuple):
    """A text in which a rule has to find something, or nothing."""

    rule: str
    positive: bool
    text: str


def examples(source: Path) -> Iterator[Example]:
    """Yield the examples of a folder of rules, or of a file of JSON lines."""
    if source.is_file():
        for entry in map(json.loads, source.read_text("utf-8").splitlines()):
            yield Example(entry["rule"], entry["positive"], entry["text"])
        return
    for path in sorted(source.rglob("*.y*ml")):
        for entry in yaml.load(path.read_bytes(), yaml.CSafeLoader)["rules"]:
            for field, positive in (("examples", True), ("negative_examples", False)):
                for text in entry.get(field) or ():
                    yield Example(entry["id"], positive, text)
    for path in sorted(source.rglob("*.go")):
        yield from in_go(path.stem, path.read_text("utf-8"))


def in_go(name: str, code: str) -> Iterator[Example]:
    """
    Yield the examples of a Go file: the string literals that `tps` and `fps` list.

    Literals joined by `+` are one. What a function is called with is no example, and neither is what is joined to a
    call. Source: the Go Programming Language Specification, "String literals" and "Composite literals".
    """
    tokens = [found for found in _TOKEN.finditer(code) if found.lastgroup]
    for place, token in enumerate(tokens[:-1]):
        positive = _LISTS.get(token.group())
        if positive is not None and tokens[place + 1].group() in (":=", "="):
            for text in _listed(tokens[place + 2 :]):
                yield Example(name, positive, text)


def _listed(tokens: list[re.Match[str]]) -> Iterator[str]:
    """Yield the elements that are literals, up to the end of the statement."""
    within: list[str] = []
    parts: list[str] | None = []
    for place, token in enumerate(tokens):
        sign = token["sign"] or ""
        listing = bool(within) and within[-1] in "{+" and "(" not in within
        if token["feed"] is not None and not within:
            return
        if sign in (",", "}", ")", ":"):
            if listing and parts and sign != ":":
                yield "".join(parts)
            parts = []
        if sign and sign in "({[":
            # `append(tps, …)` and `slices.Concat(…)` list; any other call makes something of its arguments.
            lists = sign == "(" and place and tokens[place - 1].group() in ("append", "Concat")
            within.append("+" if lists else sign)
        elif sign and sign in ")}]":
            within = within[:-1]
        elif listing and (token["raw"] is not None or token["quoted"]):
            if parts is not None:
                parts.append(token["raw"] if token["raw"] is not None else _unquoted(token["quoted"]))
        elif listing and token["word"]:
            parts = None


def _unquoted(literal: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = next(filter(None, found.group(1, 2, 3)), None)
        if code:
            return chr(int(code, 16))
        return chr(int(found[4], 8)) if found[4] else _ESCAPED.get(found[5], found[5])

    return _ESCAPE.sub(plain, literal[1:-1])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="+", metavar="TOOL=SOURCE")
    parser.add_argument("--rules", action="store_true", help="name the rules of which no positive was found")
    options = parser.parse_args()
    matcher = Matcher(rule.load())
    print("| examples of | rules | positives | found | recall | negatives | flagged | share |")
    print("| ---" * 8 + " |")
    for tool, _, source in (each.partition("=") for each in options.source):
        every = {(each.positive, each.text): each for each in examples(Path(source))}.values()
        known = [(each, bool(scan(matcher, each.text.encode("utf-8", "surrogatepass")))) for each in every]
        rules = Counter(each.rule for each, _ in known if each.positive)
        good = [found for each, found in known if each.positive]
        bad = [found for each, found in known if not each.positive]
        shares = [sum(found) / max(1, len(found)) for found in (good, bad)]
        counts = f"{len(good)} | {sum(good)} | {shares[0]:.2f} | {len(bad)} | {sum(bad)} | {shares[1]:.1%}"
        print(f"| {tool} | {len(rules)} | {counts} |")
        if options.rules:
            found_rules = {each.rule for each, found in known if each.positive and found}
            print("".join(f"{name}\n" for name in sorted(set(rules) - found_rules)))


if __name__ == "__main__":
    main()
