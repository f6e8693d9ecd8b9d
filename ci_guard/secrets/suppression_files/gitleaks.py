"""`.gitleaks.toml`: allowlists and custom rules, as far as their meaning can be kept; the rest is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ci_guard.errors import unrevealing
from ci_guard.records import dataclass, field
from ci_guard.secrets import linear, regexes
from ci_guard.secrets.suppression_files import golang
from ci_guard.secrets.suppression_files.allowlist import Allowlist, suppression
from ci_guard.secrets.suppression_files.context import LONGEST_REASON, Context, shown
from ci_guard.secrets.suppression_files.gitleaks_rules import ours
from ci_guard.secrets.suppression_files.rules import rule_of
from ci_guard.secrets.suppressions import Book, OwnRule

LARGEST: Final = 1 << 20
"""Bytes of the file; the default one of gitleaks is a tenth of it."""
MOST: Final = 2_000
"""Allowlists, rules and patterns that are read."""


@dataclass(kw_only=True)
class Config:
    """What a file says, before any of it is made to work."""

    allowlists: list[Allowlist] = field(default_factory=list)
    rules: list[OwnRule] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    """By id of a rule of theirs: the pattern of the paths to which it is limited."""
    remarks: list[str] = field(default_factory=list)


def read(content: bytes, file: str, book: Book, context: Context) -> None:
    """
    Add the allowlists and the rules of the file to a book; what is left out covers nothing, and is told.

    Source: gitleaks' README, "Configuration".
    """
    config = parse(content, file, context)
    book.remarks += config.remarks
    book.rules += config.rules
    book.suppressions += (suppression(allowlist) for allowlist in config.allowlists)


def parse(content: bytes, file: str, context: Context) -> Config:
    """Return what the file says."""
    config = Config()
    if len(content) > LARGEST:
        config.remarks.append(f"{file} is not read: it has {len(content)} bytes, more than {LARGEST}.")
        return config
    try:
        text = content.decode("utf-8")
        root = _toml(text)
        _Reader(config, text, file, context).read(root)
    except UnicodeDecodeError:
        config.remarks.append(f"{file} is not read: it is not UTF-8.")
    except RecursionError:
        config.remarks.append(f"{file} is not read: it is nested too deeply.")
    except ValueError as error:
        config.remarks.append(f"{file} is not read: {str(error)[:120]}.")
    return config


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    root: dict[str, Any] = tomllib.loads(text)
    return root


class _Reader:
    """Reads one file into a `Config`; every refusal is a remark with the line."""

    def __init__(self, config: Config, text: str, file: str, context: Context) -> None:
        self.config = config
        self.text = text
        self.file = file
        self.known = context.known_rules
        self.left = MOST

    def read(self, root: Mapping[str, Any]) -> None:
        extend = root.get("extend")
        if isinstance(extend, Mapping):
            if "path" in extend or "url" in extend:
                self.remark("path" if "path" in extend else "url", "extends another file, which is not read")
            disabled = self.texts(extend, "disabledRules")
            for name in disabled:
                self.allow_rule(name)
        for key in ("allowlist", "allowlists"):
            for raw in _tables(root.get(key)):
                self.allowlist(raw, None)
        for raw in _tables(root.get("rules")):
            self.rule(raw)

    def allow_rule(self, name: str) -> None:
        rules = ours(name, self.known)
        if not rules:
            self.remark(name, f"disables {shown(name)}, which is none of ci-guard's rules, and covers nothing")
            return
        self.config.allowlists.append(
            Allowlist(
                place=self.place(name), rules=rules, everything=True, reason="disabled in gitleaks' configuration"
            )
        )

    def rule(self, raw: Mapping[str, Any]) -> None:
        """Read one of `rules`: a rule of the user's own, or more words on one of gitleaks'."""
        name = raw.get("id")
        if not isinstance(name, str) or not name:
            self.config.remarks.append(f"{self.file} has a rule without an id, which is not read.")
            return
        rules = ours(name, self.known)
        if isinstance(raw.get("regex"), str):
            own = self.own_rule(name, raw, clash=name in self.known)
            rules = frozenset({own.rule.id}) if own else rules
        elif "path" in raw:
            self.remark(name, f"the rule {shown(name)} is met by a path alone, which is not read")
        for key in ("allowlist", "allowlists"):
            for allowed in _tables(raw.get(key)):
                if rules:
                    self.allowlist(allowed, rules)
                else:
                    self.remark(name, f"{shown(name)} is none of ci-guard's rules; its allowlist covers nothing")

    def own_rule(self, name: str, raw: Mapping[str, Any], *, clash: bool) -> OwnRule | None:
        """Return a rule made of one of theirs, or None with a remark."""
        if clash:
            self.remark(name, f"{shown(name)} is a rule of ci-guard, which stays as it is")
            return None
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
            self.remark(name, "a rule's id is not made of letters, digits, and - _ .")
            return None
        try:
            text = golang.to_python(raw["regex"], _group(raw))
            pattern = regexes.check(text)
            rule = rule_of(
                id=name, title=str(raw.get("description") or name), pattern=pattern, entropy=_number(raw.get("entropy"))
            )
            applies = self.limit(raw, name)
        except ValueError as error:
            self.remark(name, f"the rule {shown(name)} is not read: {error}")
            return None
        if raw.get("required"):
            self.remark(name, f"the rule {shown(name)} is read without what it requires nearby")
        own = OwnRule(rule=rule, place=self.place(name), applies=applies)
        self.config.rules.append(own)
        return own

    def limit(self, raw: Mapping[str, Any], name: str) -> Callable[[str], bool] | None:
        """Return the paths to which a rule is limited."""
        if not isinstance(raw.get("path"), str):
            return None
        test = linear.compiled([raw["path"]])
        self.config.paths[name] = raw["path"]
        return lambda path: test(path.encode("utf-8", "surrogateescape"))

    def allowlist(self, raw: Mapping[str, Any], rules: frozenset[str] | None) -> None:
        """Read an allowlist, of all rules or of some."""
        place = self.place(next((text for key in _KINDS for text in self.texts(raw, key)), ""))
        for name in self.texts(raw, "targetRules"):
            found = ours(name, self.known | {own.rule.id for own in self.config.rules} | self._later())
            rules = (rules or frozenset()) | found
            if not found:
                self.remark(name, f"{shown(name)} is none of ci-guard's rules; its allowlist does not cover it")
        if rules is not None and not rules:
            return
        every = str(raw.get("condition", "OR")).upper() in ("AND", "&&")
        target = str(raw.get("regexTarget", "secret")).lower()
        patterns = self.kept(self.texts(raw, "regexes"), linear.SECRETS)
        kept = Allowlist(
            place=place,
            rules=rules,
            every=every,
            paths=self.kept(self.texts(raw, "paths"), linear.PATHS),
            commits=frozenset(commit.lower() for commit in self.texts(raw, "commits")),
            secrets=patterns if target not in ("match", "line") else (),
            matches=patterns if target == "match" else (),
            lines=patterns if target == "line" else (),
            stopwords=self.kept_words(self.texts(raw, "stopwords")),
            reason=_reason(raw),
        )
        whole = all(len(getattr(kept, name)) == len(self.texts(raw, key)) for name, key in _SIMPLE) and len(
            patterns
        ) == len(self.texts(raw, "regexes"))
        if every and not whole:
            # A condition that is missing would let the others cover more than they were meant to.
            self.config.remarks.append(f"{place}: an allowlist of which every condition must hold is left out whole.")
        elif any((kept.paths, kept.commits, patterns, kept.stopwords)):
            self.config.allowlists.append(kept)

    def _later(self) -> frozenset[str]:
        """Return the ids of the file's own rules, which may stand below an allowlist that names them."""
        found = re.findall(r"""^\s*id\s*=\s*["']{1,3}([A-Za-z0-9_.-]{1,80})["']""", self.text, re.MULTILINE)
        return frozenset(found)

    def kept(self, patterns: Sequence[str], samples: Sequence[bytes]) -> tuple[str, ...]:
        """Return the patterns that can be used; tell the others."""
        return tuple(pattern for pattern in patterns if self.usable(pattern, samples))

    def usable(self, pattern: str, samples: Sequence[bytes]) -> bool:
        """Return whether a pattern can be used; tell one that cannot."""
        try:
            linear.compiled([pattern], samples=samples)
        except ValueError as error:
            self.remark(pattern, f"a pattern is not read: {error}")
            return False
        return True

    def kept_words(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the stop words that leave something to be found."""
        kept = []
        for word in words:
            small = word.lower().encode("utf-8", "replace")
            if not small or linear.too_wide(lambda text, small=small: small in text.lower(), linear.SECRETS):  # type: ignore[misc]
                self.remark(word, "a stop word is not read: it is in almost everything")
            else:
                kept.append(word)
        return tuple(kept)

    def texts(self, raw: Mapping[str, Any], key: str) -> list[str]:
        """Return a list of texts, as many as there is room for."""
        value = raw.get(key)
        found = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if len(found) > MOST:
            self.config.remarks.append(f"{self.file}: of {len(found)} {key} only {MOST} are read.")
        return found[:MOST]

    def place(self, text: str) -> str:
        """Return the file, with the line on which a text stands first."""
        line = self.line(text)
        return f"{self.file}:{line}" if line else self.file

    def line(self, text: str) -> int:
        """Return the first line that holds a text, 1-based, or 0: the parser does not keep it."""
        offset = self.text.find(text) if text else -1
        return self.text.count("\n", 0, offset) + 1 if offset >= 0 else 0

    def remark(self, text: str, what: str) -> None:
        """Tell what became of something, with its line."""
        if len(self.config.remarks) < MOST:
            self.config.remarks.append(f"{self.place(text)}: {what}.")


_KINDS: Final = ("paths", "regexes", "stopwords", "commits")
_SIMPLE: Final = (("paths", "paths"), ("commits", "commits"), ("stopwords", "stopwords"))


def _tables(value: Any) -> list[Mapping[str, Any]]:
    """Return the tables of a key that takes one or several."""
    if isinstance(value, Mapping):
        return [value]
    return [item for item in value[:MOST] if isinstance(item, Mapping)] if isinstance(value, list) else []


def _reason(raw: Mapping[str, Any]) -> str:
    text = raw.get("description")
    return unrevealing(text)[:LONGEST_REASON] if isinstance(text, str) and text.strip() else Allowlist.reason


def _group(raw: Mapping[str, Any]) -> int:
    value = raw.get("secretGroup", 0)
    return value if type(value) is int and 0 <= value < 100 else 0


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) and 0 <= value <= 8 else 0.0
