"""
Reads an assignment backward from its value: which name it has, and by which sign the two are joined.

Bytes are read as Latin-1, so that an offset in the text is one in the bytes. Every repetition is bounded.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

from ci_guard import beside, late
from ci_guard.rows import NamedTuple

BACK: Final = 120
"""Bytes ahead of a value that are looked at for its name."""

# Text reversed, so that one match from the beginning reads it, whatever precedes the name.
_JOIN: Final = late.pattern(
    r"""(?P<quote>["'`]\\{0,3})?
    (?P<wrap>\(etyb\]\[|b?\((?:edo(?:cne|ced))46b(?:[.]46esab)?|(?<=["'])(?:[bBruf]{1,2}(?![0-9A-Za-z_])|@)
      |(?<=["'])(?:\{gnirts\]\[|\((?:morf::|wen::)?(?:(?:rtS)?terceS|(?:gni)?rt[Ss]|emoS)(?:[ ]wen)?|[ ]?[\[({]|""|''))?
    [ \t]{0,24}
    (?P<join>=:{1,3}|=\?{1,2}|=?\|\||\?\?|=[+.&~|]|>[=-]|-<|={0,2}[=!]|[:,(>])
    [ \t]{0,24}
    (?:(?:(?:enoN|llun|denifednu)[ ]?\|[ ]?)?(?:rts(?:[ ]citats')?&?|\]rts\[lanoitpO|gnirt[Ss]|setyb|rtSterceS)[ ]?:[ ]?
      |(?:gnirts|rts)[ ]\??(?=[^ ]))?
    (?:\][0-9]{0,4}\[)?[*]{0,2}(?P<closed>[\])]?\\?["'`]?\\{0,3})
    (?P<name>[0-9A-Za-z_.$@-]{0,63}[0-9A-Za-z_$@-])(?P<ahead>.{0,2})""",
    re.VERBOSE,
)
_FLAG: Final = late.pattern(r"(?<!\S)--?(?P<name>[A-Za-z][0-9A-Za-z-]{0,40})(?:[ =]|[ =]?['\"])\Z")
_PAIR: Final = late.pattern(
    r"""(?P<name>[A-Za-z][0-9A-Za-z_.-]{0,63})["']?,?\s{1,40}["']?value["']?[ ]{0,4}[:=][ ]{0,4}["']?\Z""",
    re.IGNORECASE,
)
_VARIABLE: Final = late.pattern(
    r"(?:ENV|setenv|#[ ]?define)[ \t]{1,4}(?P<name>[A-Za-z_][0-9A-Za-z_]{0,63})[ \t]{1,4}['\"]?\Z"
)
_DEFINED: Final = late.pattern(
    r"(?:\bset|[(](?:def[a-z]{0,10}|setq))[ \t]{1,4}[*+]?(?P<name>[A-Za-z_][0-9A-Za-z_-]{0,63})[*+]?[ \t]{1,4}['\"]\Z"
)
_DEFAULT: Final = late.pattern(
    r"""(?P<name>[0-9A-Za-z_$-]{1,64})["'\]]{0,2}[ ]?[:=][ ]?[^\s,;]{1,60}[ ](?:\|\||\?\?|or)[ ]["'`]\Z"""
)
_LISTED: Final = late.pattern(
    r"""(?P<name>[0-9A-Za-z_.-]{1,64})(?:["']?>|</key>)\s{1,24}<(?:string|value)>\Z""", re.IGNORECASE
)
_BLOCK: Final = late.pattern(r"(:[ \t]*)[|>][+-]?[ \t]*\r?\n[ \t]*\Z")
_FEED: Final = late.pattern(r"[ \t]*\\?\r?\n[ \t]*([\"'`]?)\Z")
_LOGIN: Final = late.pattern(r"""(?:^|[\s"'])(?:-u|--user)(?:[ =]|[ =]?["'])[^\s/:@"'`]{1,40}:\Z""")
_OPTIONS: Final = (
    ("-", _FLAG),
    ("env", _VARIABLE),
    ("ENV", _VARIABLE),
    ("define", _VARIABLE),
    ("set", _DEFINED),
    ("(def", _DEFINED),
    (" ||", _DEFAULT),
    (" ??", _DEFAULT),
    (" or ", _DEFAULT),
    ("<string>", _LISTED),
    ("<value>", _LISTED),
)
"""Each with a text that it needs."""
AFTER_VALUE: Final = 16
"""Bytes from the word `value` to the value's beginning, in `_PAIR`."""
_GRANT: Final = late.pattern(r"(?:IDENTIFIED BY|PASSWORD) ['\"]\Z", re.IGNORECASE)
_GRANTS: Final = (" '", ' "')
_HUMP: Final = late.pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS: Final = json.loads(beside.read(__file__, "names.json"))
_SUFFIXES, _QUALIFIERS, _LOCATORS, _HANDLES = (
    frozenset(_WORDS[group].split()) for group in ("suffixes", "qualifiers", "locators", "handles")
)
_PUBLIC: Final = frozenset(("pub", "public", "publishable"))
_TOPICS: Final = {word: topic for topic, words in _WORDS["topics"].items() for word in words.split()}
_ENDINGS: Final = tuple((word, topic) for topic, words in _WORDS["endings"].items() for word in words.split())
_UNQUOTED_NEVER: Final = frozenset(
    (",", "(", "==", "===", "!=", "!==", "<-", "->", "||", "||=", "??", ".=", "&=", "~=", "|=")
)
_UNQUOTED_UPPER: Final = frozenset((":=", "+=", "??="))
"""Signs that make assign, too, whose variables have names in capitals."""


class Assignment(NamedTuple):
    """What stands ahead of a value."""

    name: str
    topic: str
    """`password`, `secret`, `token`, `key`, `plain-key`, `authorization` or `salt`."""
    join: str
    """`=`, `:`, `(` and so on; `--` in a command or a statement."""
    wrap: str
    """What converts the value, such as `b64encode(`."""


@lru_cache(maxsize=4096)
def topic(name: str) -> str | None:
    """Return what a name says of its value: the last words decide, so `token` does and `token_type` does not."""
    words = [word.lower() for word in _HUMP.findall(name)]
    while words and (words[-1] in _SUFFIXES or words[-1].isdigit()):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if before.isdigit() and len(words) > 2:
        before = words[-3] + before  # `s3_key`
    if last in ("key", "keys") and not _PUBLIC.isdisjoint(words):
        return None
    if last in ("key", "keys"):
        if before in _QUALIFIERS:
            return "key"
        return None if before in _LOCATORS else "plain-key"
    if last in ("pass", "pat", "seed", "pw") and before in (
        "by",
        "first",
        "second",
        "single",
        "render",
        "random",
        "rand",
    ):
        return None
    if before in _HANDLES or "hashed" in words:
        return None
    last = last.removesuffix("s") if last.endswith(("ds", "ts", "ns", "ys")) else last
    return _TOPICS.get(last) or next((found for ending, found in _ENDINGS if last.endswith(ending)), None)


def assignment(text: str) -> Assignment | None:
    """Return the assignment whose value would begin at the end of a text, if its name is one of a secret."""
    line = _on_one_line(text)
    match = _JOIN.match(line[line.rfind("\n") + 1 :][::-1])
    name = match["name"][::-1].rstrip(".").rpartition(".")[2] if match else ""
    named = topic(name)
    if match is None or named is None:
        return _option(text)
    join, quote = match["join"][::-1], match["quote"]
    ahead = match["ahead"]
    if ahead == "::" or (join == ">" and ahead[:1] not in ("<", ":") and match["closed"] not in ('"', "'")):
        return None  # the name of a type; a comparison
    if not quote and (join in _UNQUOTED_NEVER or (join in _UNQUOTED_UPPER and not name.isupper())):
        return None  # an expression
    if join == "," and not match["closed"].strip("\\])"):
        return None
    return Assignment(name, named, join, (match["wrap"] or "")[::-1])


def _on_one_line(text: str) -> str:
    """Return a text whose last line is the beginning of a value alone together with the line that the value is of."""
    feed = text.rfind("\n")
    if feed < 0 or text[feed + 1 :].strip(" \t\"'`"):
        return text
    return _FEED.sub(r"\1", _BLOCK.sub(r"\1", text))


def _option(text: str) -> Assignment | None:
    """Return what a command or a statement gives a value to: an option, a variable, a user, one of `name`, `value`."""
    for hint, pattern in _OPTIONS:
        # A search for a plain text first: most values have none of these before them.
        match = pattern.search(text) if hint in text else None
        named = topic(match["name"]) if match else None
        if match and named:
            return Assignment(match["name"], named, "--", "")
    pair = _PAIR.search(text) if "value" in text[-AFTER_VALUE:].lower() else None
    named = topic(pair["name"]) if pair else None
    if pair and named:
        return Assignment(pair["name"], named, "--", "")
    login = _LOGIN.search(text) if text.endswith(":") else _GRANT.search(text) if text.endswith(_GRANTS) else None
    return Assignment("", "password", "--", "") if login else None
