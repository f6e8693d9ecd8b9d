"""Patterns of Go in the words of Python's `re`: what means the same in both, and a refusal of all else."""

from __future__ import annotations

import re
from typing import Final

_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\x\{(?P<code>[0-9A-Fa-f]{1,6})\}|\\(?P<escape>.)|\[:(?P<class>\^?[a-z]+):\]"
    r"|\(\?(?P<flags>[imsU-]+)(?P<scoped>[:)])|\(\?P?<(?P<name>[A-Za-z_]\w*)>|(?P<open>\((?!\?))|(?P<other>.)",
    re.DOTALL,
)
_SAME: Final = frozenset("abfnrtvdDsSwWBbAx0123456789")
"""Letters and digits that a backslash gives the same meaning in both; `\\b` only outside of a class."""


def to_python(pattern: str, secret_group: int = 0) -> str:
    """
    Return the pattern with the group that holds the secret named so: the one of this number, or the first there is.

    Source: github.com/google/re2/wiki/Syntax.
    Raises: `ValueError`, with a clause, for what `re` cannot say.
    """
    translation = _Translation(secret_group or 1)
    for token in _TOKEN.finditer(pattern):
        translation.take(token)
    if translation.groups < secret_group:
        raise ValueError(f"it has no group {secret_group}")
    return translation.text()


class _Translation:
    """A pattern on its way from one language to the other."""

    def __init__(self, wanted: int) -> None:
        self.groups = 0
        self._wanted = wanted
        self._made: list[str] = []
        self._in_class = False
        self._open = [0]
        """For the whole and each open group: how many groups that flags opened end with it."""

    def text(self) -> str:
        return "".join(self._made) + ")" * self._open[0]

    def take(self, token: re.Match[str]) -> None:
        """Translate one token."""
        if token["quoted"] is not None:
            self._made.append(re.escape(token["quoted"]))
        elif token["code"]:
            self._made.append(_code(int(token["code"], 16)))
        elif token["escape"]:
            self._made.append(_escape(token["escape"]))
        elif token["class"]:
            self._made.append(_class(token["class"], within=self._in_class))
        elif self._in_class:
            self._within_class(token[0])
        elif token["flags"]:
            self._flags(token)
        elif token["open"] or token["name"]:
            self._group(token["name"])
        else:
            self._sign(token[0])

    def _within_class(self, text: str) -> None:
        # A bracket that closes, unless it stands first.
        first = self._made[-1] == "[" or (self._made[-1] == "^" and self._made[-2] == "[")
        self._in_class = text != "]" or first
        self._made += ["\\" + sign if sign == "[" else sign for sign in text]

    def _flags(self, token: re.Match[str]) -> None:
        if "U" in token["flags"]:
            raise ValueError("it swaps greedy and lazy with (?U)")
        if token["scoped"] == ":":
            self._made.append(token[0])
            self._open.append(0)
        elif not self._made and "-" not in token["flags"]:
            self._made.append(token[0])
        else:  # in Go they hold from here to the end of the group
            self._made.append(f"(?{token['flags']}:")
            self._open[-1] += 1

    def _group(self, name: str | None) -> None:
        self.groups += 1
        if self.groups == self._wanted:
            name = "secret"
        elif name == "secret":
            name = None
        self._made.append(f"(?P<{name}>" if name else "(")
        self._open.append(0)

    def _sign(self, text: str) -> None:
        if text == "(":  # without a capture, or of a kind that is refused later
            self._open.append(0)
        elif text == ")" and len(self._open) > 1:
            self._made.append(")" * self._open.pop())
        elif text == "|" and self._open[-1]:
            raise ValueError("it sets flags within one of several alternatives")
        self._in_class = text == "["
        self._made.append(text)


def _code(code: int) -> str:
    if code > 0x7F:
        raise ValueError("it names a sign that is not ASCII")
    return f"\\x{code:02x}"


def _escape(sign: str) -> str:
    if sign == "z":
        return r"\Z"
    if sign.isascii() and sign.isalnum() and sign not in _SAME:
        raise ValueError(f"it has \\{sign}, which Python's patterns do not")
    return "\\" + sign


def _class(name: str, *, within: bool) -> str:
    members = _CLASSES.get(name.removeprefix("^"))
    if members is None or name.startswith("^") or not within:
        raise ValueError("it has a class of signs that is not known")
    return members
