"""What a value looks like: words that somebody wrote, or signs that a machine drew."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, Final

from ci_guard import beside, late

_PART: Final = late.pattern(r"[A-Z]?[a-z]+|[A-Z]+")
_WORDING: Final = late.pattern(r"[A-Za-z_. /:-]+[0-9]?")
_WRITTEN: Final = late.pattern(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
"""Letters as words are written, which few of a value that was drawn at random are."""
_JOINED: Final = late.pattern(r"[A-Za-z]{2}[_. -][A-Za-z]{2}")
_CAPITAL: Final = late.pattern(r"[A-Z][a-z]+")
_LETTERS: Final = late.pattern(r"[A-Za-z]+")
_LONGEST: Final = 80
"""Characters of a value that are looked at; more tell nothing new."""
_LONGEST_WORD: Final = 14
"""Letters of the longest word that is looked for."""
_SHORTEST_WORDED: Final = 16
_TELLS_WORDS: Final = 40
"""Characters that are looked at for words, which takes a microsecond for each."""
_TELLING: Final = 4
"""Letters of the shortest word that hardly comes about by chance."""
SCALE: Final = 4
"""Steps of a nat in which the letter statistics are stored."""
UNIFORM: Final = math.log(26)

_CODE: Final = late.pattern(
    r"""^\$[{(A-Za-z_]|\$[{(]|\{\{|\}\}|%[({][a-z]|%l{0,2}[a-z](?![0-9A-Za-z])|%[A-Z_]+%
    |<[A-Za-z_ -]+>|\[[A-Z_ ]+\]|@[A-Z0-9_]+@|\.\.\.|\*\*\*
    |[.](?:com|org|net|io|json|ya?ml|pem|key|crt|txt|py|go|js|ts|html?|md|png)\b
    |^(?:process|os|env|self|this|cfg|config|ctx|req|res|settings|options|opts|args|var|local|data|module|each|test)\.
    |^[a-z]+://|^[(.]|^/(?![0-9A-Za-z+/]{39,}={0,2}$)|^~[a-z]*/|^[A-Za-z]:\\|::|->
    |^[A-Za-z_.]+\(|^[A-Za-z_]+\[|\)$|\\[wdsb]|[|^][a-z]+[|$]""",
    re.VERBOSE,
)
_PLACEHOLDER: Final = late.pattern(
    r"example|sample|place.?holder|redacted|removed|hidden|dummy|change.?(?:me|it)|replace|insert|not.?real|foobar|qwert|asdfg"
    r"|fake[_-]|your[_-]|x{4}|123456|abcdef|deadbeef|cafebabe|password|undefined",
    re.IGNORECASE,
)
_SHORT_PLACEHOLDER: Final = late.pattern(
    r"foo|bar(?![a-z])|asdf|fake|your|mock|test|secret|passw|p[4@][s5$]{2}|pa[s5$3]{2}w?[o0]?r?d|s3cr3t|token|xxx|12345|abc123|aaaa|0000|1111|default|todo"
    r"|invalid|wrong|unknown|admin|^(?:none|null|true|false|yes|no|off|on|nil|enabled|disabled|optional|required|string)$",
    re.IGNORECASE,
)
_SHORT: Final = 24
"""Characters of a value up to which short words count: a longer one that was drawn at random has them by chance."""
_PLAIN: Final = late.pattern(
    r"-?0[xX][0-9A-Fa-f]{1,8}|[v^~=<>]{0,3}[0-9]+(?:[.][0-9A-Za-z-]+)+|-?[0-9.,]+[a-z%]{0,2}|#[0-9A-Fa-f]{3,8}|[A-Z][a-z]+[.:!?]?"
)
_UUID: Final = late.pattern(r"[0-9a-z]{8}-(?:[0-9a-z]{4}-){3}[0-9a-z]{12}", re.IGNORECASE)
_HASH: Final = late.pattern(
    r"\$(?:2[abxy]?|5|6|1|argon2(?:id|i|d)?|pbkdf2[a-z0-9-]*|scrypt|apr1|y|7|P|H)\$|\{(?:S?SHA|CRYPT|MD5)|pbkdf2_|sha(?:1|256|384|512)[-:$]|md5[:$]"
)


@cache
def model() -> dict[str, Any]:
    """Return what `scripts/train_generic.py` learned: letter statistics, common words, weights."""
    loaded: dict[str, Any] = json.loads(beside.read(__file__, "generic.json"))
    loaded["words"] = frozenset(loaded["words"].split())
    return loaded


def is_code(value: str) -> bool:
    """Return whether a value is an expression, a template, a path or an address rather than a literal."""
    return bool(_CODE.search(value))


def is_placeholder(value: str) -> bool:
    """Return whether a value has a word of one that stands in for a secret."""
    return bool(_PLACEHOLDER.search(value) or (len(value) <= _SHORT and _SHORT_PLACEHOLDER.search(value)))


@lru_cache(maxsize=8192)
def is_wording(value: str) -> bool:
    """Return whether a value is nothing but common words, however they are joined."""
    words = model()["words"]
    if value.lower() in words:
        return True
    if not _WORDING.fullmatch(value):
        return False
    return all(len(part) < 3 or part.lower() in words for part in _PART.findall(value))


def is_worded(value: str) -> bool:
    """
    Return whether most of a value is common words, as in an identifier that begins like a token.

    Of 4,000 values of 16 to 64 characters drawn at random from each of six alphabets none has that share of words of
    four letters and more.
    """
    value = value[:_TELLS_WORDS]
    if len(value) < _SHORTEST_WORDED or 5 * sum(map(len, _WRITTEN.findall(value))) < 3 * len(value):
        return False
    return 5 * _worded(value.lower()) >= 3 * len(value)


def is_in_order(value: str) -> bool:
    """Return whether two runs take turns in a value, as in `a1b2c3d4`."""
    value = value[:_LONGEST].lower()
    turns = sum(abs(ord(left) - ord(right)) <= 1 for left, right in zip(value, value[2:]))  # noqa: B905
    return len(value) >= _SHORTEST_WORDED and 3 * turns >= 2 * (len(value) - 2)


def _worded(value: str) -> int:
    """Return how many characters belong to common words of four letters and more, at most."""
    words = model()["words"]
    best = [0] * (len(value) + 1)
    for end in range(1, len(value) + 1):
        most = best[end - 1]
        for begin in range(max(0, end - _LONGEST_WORD), end - _TELLING + 1):
            if best[begin] + end - begin > most and value[begin:end] in words:
                most = best[begin] + end - begin
        best[end] = most
    return best[-1]


def is_plain(value: str) -> bool:
    """Return whether a value is a number, a version, a colour, or one capitalised word such as a label has."""
    return bool(_PLAIN.fullmatch(value))


def is_foreign(value: str) -> bool:
    """Return whether a value, UTF-8 read as Latin-1, has letters beyond ASCII, as text in other languages has."""
    if value.isascii():
        return False
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return True
    return any(not sign.isascii() and sign.isalpha() for sign in value)


def is_uuid(value: str) -> bool:
    """Return whether a value is a UUID or drawn like one, which names things far more often than it protects them."""
    return bool(_UUID.search(value))


def is_hash(value: str) -> bool:
    """Return whether a value is a password's hash, or a checksum that names its algorithm."""
    return bool(_HASH.match(value))


def entropy(value: str) -> float:
    """Return the Shannon entropy in bits a character."""
    counts = Counter(value).values()
    return math.log2(len(value)) - sum(count * math.log2(count) for count in counts) / len(value)


def strangeness(value: str, table: str) -> tuple[float, int]:
    """
    Return by how many nats the letters are likelier drawn at random than written as words, and of how many trigrams.

    `table` has a character for each trigram of `^abc…z`, `^` being the edge of a run of letters.
    """
    total, count = 0, 0
    for run in _LETTERS.findall(value):
        codes = [0, *(ord(letter) - 96 for letter in run.lower()), 0]
        for place in range(len(codes) - 2):
            total += ord(table[(codes[place] * 27 + codes[place + 1]) * 27 + codes[place + 2]]) - 35
        count += len(codes) - 2
    return total / SCALE - count * UNIFORM, count


def covered(value: str, words: frozenset[str]) -> int:
    """Return how many letters of a value belong to common words of three letters and more, at most."""
    total = 0
    for part in _LETTERS.findall(value):
        whole = _cover(part.lower(), words)
        humps = _PART.findall(part)
        total += max(whole, sum(_cover(hump.lower(), words) for hump in humps)) if len(humps) > 1 else whole
    return total


def _cover(run: str, words: frozenset[str]) -> int:
    best = [0] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        most = best[end - 1]
        for begin in range(max(0, end - _LONGEST_WORD), end - 2):
            if best[begin] + end - begin > most and run[begin:end] in words:
                most = best[begin] + end - begin
        best[end] = most
    return best[-1]


def features(value: str) -> dict[str, float]:
    """Return the numbers that the weights are for; each is between about -3 and 3."""
    value = value[:_LONGEST]
    learned = model()
    length = len(value)
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    kinds = [0 if c.islower() else 1 if c.isupper() else 2 if c.isdigit() else 3 for c in value]
    nats, trigrams = strangeness(value, learned["trigrams"])
    words = covered(value, learned["words"])
    steps = sum(abs(ord(left) - ord(right)) <= 1 for left, right in pairwise(value))
    return {
        "log-length": math.log2(length) - 3.5,
        "short": float(length < 6),
        "long": float(length >= 16),
        "entropy": entropy(value) / math.log2(max(length, 2)),
        "digits": digits / length,
        "has-digit": float(digits > 0),
        "only-digits": float(digits == length),
        "symbols": (length - letters - digits) / length,
        "switches": sum(left != right for left, right in pairwise(kinds)) / length,
        "kinds": len(set(kinds)) - 2.0,
        "strange": max(-3.0, min(3.0, nats / 6)),
        "strange-each": max(-3.0, min(3.0, nats / max(trigrams, 1))),
        "words": words / letters if letters else 0.5,
        "all-words": float(letters > 0 and words >= letters - 1),
        "joined": float(bool(_JOINED.search(value))),
        "capital": float(bool(_CAPITAL.fullmatch(value))),
        "upper": float(value.isupper()),
        "steps": steps / length,
        "repeats": float(len(set(value.lower())) <= 2 or value.lower() in (value.lower() * 2)[1:-1]),
    }
