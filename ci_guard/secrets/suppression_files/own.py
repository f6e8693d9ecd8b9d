"""`.ci-guard-secrets.yml`: what is allowed, why and until when, and rules of the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ci_guard.errors import PolicyError, unrevealing
from ci_guard.model import refs
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import SecretFinding, SuppressionKind
from ci_guard.object_ids import OBJECT_ID
from ci_guard.policy.document import Node, read_document
from ci_guard.policy.place import Place
from ci_guard.policy.reading import day_of, distinct, fields_of, items_of, text_of, word_of
from ci_guard.policy.wording import perhaps, quoted, refusal, seen
from ci_guard.secrets import linear, regexes
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.suppression_files.allowlist import path_of
from ci_guard.secrets.suppression_files.context import LONGEST_REASON, Context
from ci_guard.secrets.suppression_files.rules import rule_of
from ci_guard.secrets.suppressions import Book, Covers, OwnRule, Suppression

VERSION: Final = 1
KEYS: Final = ("version", "allow", "rules")
NAMES: Final = ("rules", "paths", "path-patterns", "secrets", "lines", "words", "commits")
"""What an entry of `allow` can name; all that it names must hold, and of each list one item is enough."""
ALLOW_KEYS: Final = (*NAMES, "reason", "until")
RULE_KEYS: Final = (
    "id",
    "title",
    "severity",
    "pattern",
    "keywords",
    "ignore-case",
    "entropy",
    "paths",
    "path-pattern",
    "remedy",
    "documentation",
)
RULE_NEEDS: Final = ("id", "title", "severity", "pattern")

_ID: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_ADDRESS: Final = re.compile(r"https://[!-~]{1,500}")


def read(content: bytes, file: str, book: Book, context: Context) -> None:
    """
    Add what the file says to a book.

    Raises: `PolicyError`, with file, line, column and what was perhaps meant, for whatever cannot be accepted.
    """
    advice = {"version": "Write version: 1 on top."}
    fields = fields_of(read_document(content, file), "the file", KEYS, needs=("version",), advice=advice)
    version = fields["version"]
    if type(version.value) is not int or version.value != VERSION:
        raise refusal(version.place, "version was refused", saw=seen(version.value), expected=str(VERSION))
    ids: dict[str, Place] = {}
    for node in items_of(fields["rules"], "rules") if "rules" in fields else ():
        own, place = _rule(node, context)
        if own.rule.id in ids:
            saw = f"it in line {ids[own.rule.id].line} too"
            raise refusal(place, f"the rule {quoted(own.rule.id)} stands here twice", saw=saw)
        ids[own.rule.id] = place
        book.rules.append(own)
    known = context.known_rules | set(ids)
    for node in items_of(fields["allow"], "allow") if "allow" in fields else ():
        book.suppressions.append(_allowed(node, known))


def _allowed(node: Node, known: frozenset[str]) -> Suppression:
    fields = fields_of(node, "an entry of allow", ALLOW_KEYS, needs=("reason",))
    if not any(key in fields for key in NAMES):
        raise refusal(node.place, "an entry of allow names nothing", hint=f"It can name {', '.join(NAMES)}.")
    reason = unrevealing(text_of(fields["reason"], "reason"))
    if not reason.strip():
        raise refusal(fields["reason"].place, "reason was refused", saw=quoted(reason), expected="a reason in words")
    parts = list(_parts(fields))
    return Suppression(
        kind=SuppressionKind.ALLOW_LIST,
        place=node.place.brief,
        rules=_rules(fields["rules"], known) if "rules" in fields else None,
        covers=lambda finding, excerpt: all(part(finding, excerpt) for part in parts),
        reason=reason.strip()[:LONGEST_REASON],
        until=day_of(fields["until"]) if "until" in fields else None,
    )


def _parts(fields: Mapping[str, Node]) -> Iterator[Covers]:
    """Yield a test for each list that an entry names, apart from its rules."""
    if "paths" in fields:
        applies = _globs(fields["paths"])
        yield lambda finding, _: applies(finding.location.path or "")
    if "path-patterns" in fields:
        paths = _patterns(fields["path-patterns"], "path-patterns", linear.PATHS)
        yield lambda finding, _: paths(path_of(finding))
    if "secrets" in fields:
        yield _on(_patterns(fields["secrets"], "secrets", linear.SECRETS), lambda excerpt: excerpt.secret)
    if "lines" in fields:
        yield _on(_patterns(fields["lines"], "lines", linear.SECRETS), lambda excerpt: excerpt.line)
    if "words" in fields:
        yield _on(_words(fields["words"]), lambda excerpt: excerpt.secret)
    if "commits" in fields:
        commits = _commits(fields["commits"])
        yield lambda finding, _: finding.location.commit in commits


def _on(test: linear.Test, target: Callable[[Excerpt], bytes]) -> Covers:
    def covers(_finding: SecretFinding, excerpt: Excerpt | None) -> bool:
        return excerpt is not None and test(target(excerpt))

    return covers


def _rules(node: Node, known: frozenset[str]) -> frozenset[str]:
    names = distinct(node, "rules")
    for name, place in names.items():
        if name not in known:
            raise refusal(
                place, "a rule was refused", saw=quoted(name), expected="a known one", hint=_meant(name, known)
            )
    return frozenset(names)


def _meant(name: str, known: frozenset[str]) -> str:
    """Return the rule that was perhaps meant; there are too many to list."""
    hint = perhaps(name, sorted(known))
    return hint if hint.startswith("Perhaps") else "`ci-guard explain rules` lists them."


def _globs(node: Node) -> Callable[[str], bool]:
    globs = distinct(node, "paths")
    for glob, place in globs.items():
        hint = "* stops at /, ** does not; everything else stands for itself."
        if glob.startswith(("/", "./")) or "***" in glob or "\\" in glob or ".." in glob.split("/"):
            raise refusal(place, "a path was refused", saw=quoted(glob), expected="a path from the root", hint=hint)
        if linear.too_wide(lambda path, glob=glob: refs.fits(glob, path.decode()), linear.PATHS):  # type: ignore[misc]
            raise refusal(place, "a path was refused: it matches almost everything", saw=quoted(glob), hint=hint)
    return lambda path: any(refs.fits(glob, path) for glob in globs)


def _patterns(node: Node, what: str, samples: Sequence[bytes]) -> linear.Test:
    patterns = distinct(node, what)
    for pattern, place in patterns.items():
        _compiled(pattern, place, what, samples)
    return linear.compiled(list(patterns))


def _compiled(pattern: str, place: Place, what: str, samples: Sequence[bytes]) -> linear.Test:
    try:
        return linear.compiled([pattern], samples=samples)
    except ValueError as error:
        raise _bad_pattern(place, f"a pattern of {what}", error) from None


def _bad_pattern(place: Place, what: str, error: ValueError) -> PolicyError:
    """Return the refusal without the pattern, which may be a secret written out."""
    return refusal(place, f"{what} was refused: {error}")


def _words(node: Node) -> linear.Test:
    words = distinct(node, "words")
    small = tuple(word.lower().encode("utf-8", "replace") for word in words)

    def test(text: bytes) -> bool:
        return any(word in text.lower() for word in small)

    for word, place in words.items():
        if linear.too_wide(lambda text, word=word: word.lower().encode() in text.lower(), linear.SECRETS):  # type: ignore[misc]
            raise refusal(place, "a word was refused: it is in almost everything")
    return test


def _commits(node: Node) -> frozenset[str]:
    commits = distinct(node, "commits")
    for commit, place in commits.items():
        if not OBJECT_ID.fullmatch(commit):
            expected = "a full commit id"
            raise refusal(
                place, "a commit was refused", saw=quoted(commit), expected=expected, hint="Put it in quotes."
            )
    return frozenset(commits)


def _rule(node: Node, context: Context) -> tuple[OwnRule, Place]:
    fields = fields_of(node, "a rule", RULE_KEYS, needs=RULE_NEEDS)
    name = text_of(fields["id"], "id")
    place = fields["id"].place
    if not _ID.fullmatch(name):
        expected = "a name such as acme-token"
        raise refusal(place, "id was refused", saw=quoted(name), expected=expected)
    if name in context.known_rules:
        hint = "Give it a name that begins with your own, such as acme-token."
        raise refusal(place, "id was refused", saw=f"{quoted(name)}, a rule of ci-guard", hint=hint)
    text = text_of(fields["pattern"], "pattern")
    severity = word_of(Severity, fields["severity"].value, fields["severity"].place, "severity")
    try:
        pattern = regexes.check(text)
        linear.compiled([text], samples=linear.SECRETS)
        rule = rule_of(
            id=name,
            title=text_of(fields["title"], "title"),
            pattern=pattern,
            severity=severity,
            keywords=_keywords(fields["keywords"]) if "keywords" in fields else (),
            ignore_case="ignore-case" in fields and _flag(fields["ignore-case"]),
            entropy=_entropy(fields["entropy"]) if "entropy" in fields else 0.0,
            remedy=text_of(fields["remedy"], "remedy") if "remedy" in fields else "",
            documentation=_address(fields["documentation"]) if "documentation" in fields else "",
        )
    except ValueError as error:
        raise _bad_pattern(fields["pattern"].place, "pattern", error) from None
    applies = _globs(fields["paths"]) if "paths" in fields else None
    if "path-pattern" in fields:
        if applies:
            raise refusal(
                fields["path-pattern"].place, "a rule has both paths and path-pattern", hint="Name one of them."
            )
        applies = _path_pattern(fields["path-pattern"])
    return OwnRule(rule=rule, place=node.place.brief, applies=applies), place


def _path_pattern(node: Node) -> Callable[[str], bool]:
    try:
        test = linear.compiled([text_of(node, "path-pattern")])
    except ValueError as error:
        raise _bad_pattern(node.place, "path-pattern", error) from None
    return lambda path: test(path.encode("utf-8", "surrogateescape"))


def _keywords(node: Node) -> tuple[str, ...]:
    words = distinct(node, "keywords")
    for word, place in words.items():
        if not word.isascii() or len(word) < regexes.SHORTEST_KEYWORD:
            expected = f"at least {regexes.SHORTEST_KEYWORD} ASCII signs that every match holds"
            raise refusal(place, "a keyword was refused", saw=quoted(word), expected=expected)
    return tuple(words)


def _flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise refusal(node.place, "ignore-case was refused", saw=seen(node.value), expected="true or false")
    return node.value


def _entropy(node: Node) -> float:
    value = node.value
    if type(value) not in (int, float) or not 0 <= value <= 8:  # type: ignore[operator]
        raise refusal(node.place, "entropy was refused", saw=seen(value), expected="0 to 8 bits a byte")
    return float(value)  # type: ignore[arg-type]


def _address(node: Node) -> str:
    text = text_of(node, "documentation")
    if not _ADDRESS.fullmatch(text):
        raise refusal(node.place, "documentation was refused", saw=quoted(text), expected="an https address")
    return text
