"""An allowlist of gitleaks' at work: which findings it covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ci_guard.model.scan import SecretFinding, SuppressionKind
from ci_guard.records import dataclass
from ci_guard.secrets import linear
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.suppressions import Suppression

Part = Callable[[SecretFinding, Excerpt | None], bool]


@dataclass(frozen=True, kw_only=True)
class Allowlist:
    """One allowlist: what it names, by kind. Whatever could not be kept is not in it."""

    place: str
    rules: frozenset[str] | None
    """Our rules; None for all."""
    every: bool = False
    """Whether all kinds must hold (`condition = "AND"`); else one is enough."""
    everything: bool = False
    """Whether the rules are switched off altogether."""
    paths: tuple[str, ...] = ()
    commits: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    stopwords: tuple[str, ...] = ()
    reason: str = "allowed in gitleaks' configuration"


def suppression(allowlist: Allowlist) -> Suppression:
    """Return an allowlist at work."""
    parts = list(_parts(allowlist))
    combine = all if allowlist.every else any
    return Suppression(
        kind=SuppressionKind.GITLEAKS_CONFIG,
        place=allowlist.place,
        rules=allowlist.rules,
        covers=lambda finding, excerpt: combine(part(finding, excerpt) for part in parts),
        reason=allowlist.reason,
    )


def _parts(allowlist: Allowlist) -> Iterator[Part]:
    """Yield a test for each kind of thing that an allowlist names."""
    if allowlist.everything:
        yield lambda _finding, _excerpt: True
    if allowlist.paths:
        paths = linear.compiled(allowlist.paths)
        yield lambda finding, _: paths(path_of(finding))
    if allowlist.commits:
        commits = allowlist.commits
        yield lambda finding, _: finding.location.commit in commits
    for patterns, target in (
        (allowlist.secrets, lambda excerpt: excerpt.secret),
        (allowlist.matches, match_of),
        (allowlist.lines, lambda excerpt: excerpt.line),
    ):
        if patterns:
            yield _on(linear.compiled(patterns), target)
    if allowlist.stopwords:
        words = tuple(word.lower().encode() for word in allowlist.stopwords)
        yield lambda _, excerpt: excerpt is not None and any(word in excerpt.secret.lower() for word in words)


def _on(test: linear.Test, target: Callable[[Excerpt], bytes]) -> Part:
    return lambda _, excerpt: excerpt is not None and test(target(excerpt))


def path_of(finding: SecretFinding) -> bytes:
    """Return the path of a finding as git has it."""
    return (finding.location.path or "").encode("utf-8", "surrogateescape")


def match_of(excerpt: Excerpt) -> bytes:
    """Return what stands for gitleaks' match: the line up to the secret's end, with a quote that closes it."""
    stop = excerpt.start + len(excerpt.secret)
    return excerpt.line[: stop + 1] if excerpt.line[stop : stop + 1] in (b'"', b"'", b"`") else excerpt.line[:stop]
