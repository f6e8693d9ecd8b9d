"""Requirement `policy-unchanged`: which of the changed paths decide what the guard does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ci_guard.controls import role_approval
from ci_guard.controls.judging import LONGEST_REASON, Bench, listing
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement, Location
from ci_guard.model.origin import LayerKind
from ci_guard.model.path_pattern import fits
from ci_guard.model.settings import Settings
from ci_guard.records import replace

POLICY: Final = (".ci-guard.yml",)
PIPELINES: Final = (".github/workflows", ".github/actions", ".gitlab-ci.yml", ".gitlab/security-policies")
"""What always counts; what else the pipelines are made of is a fact."""
SUPPRESSIONS: Final = (
    *(".ci-guard-secrets.yml", ".ci-guard-secrets-baseline.json"),
    *(".gitleaks.toml", ".gitleaksignore", ".secrets.baseline"),
)
OWNERS: Final = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
"""Source: "About code owners" (GitHub); "Code Owners", "Set up Code Owners" (GitLab)."""

ADVICE: Final = "Merge these edits in a change of their own, which their owners review."


def judge_paths(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the one judgement on all changed paths."""
    changed, parts = facts.circumstances.changed_paths, facts.guard.parts
    if isinstance(changed, Unknown):
        yield bench.wonders([changed])
        return
    if changed.value is None:
        yield bench.excuses("this event brings no change")
        return
    names = [*POLICY, *PIPELINES, *SUPPRESSIONS, *OWNERS, *named_policies(settings), *settings.files]
    names += [] if isinstance(parts, Unknown) else parts.value.names
    patterns = frozenset() if isinstance(parts, Unknown) else parts.value.patterns
    edited = sorted({*touched(changed.value, names), *matching(changed.value, patterns)})
    if edited:
        yield replace(judge_edits(edited, changed, facts, settings, bench), location=Location(path=edited[0]))
    elif isinstance(parts, Unknown):
        yield bench.wonders([parts])
    elif parts.value.doubts:
        yield bench.wonders(parts.value.doubts)
    else:
        made = listing(sorted({*parts.value.names, *parts.value.patterns}), LONGEST_REASON)
        of = f", {made} included" if made else ""
        yield bench.passes(
            f"none of {len(changed.value)} changed paths decides what the guard does{of}", [changed, parts]
        )


def judge_edits(
    edited: Sequence[str], changed: Known[frozenset[str] | None], facts: Facts, settings: Settings, bench: Bench
) -> Judgement:
    """Return the judgement on edits, which somebody of a role may approve that the policy names."""
    seen, roles = f"it edits {listing(edited)}", sorted(settings.names("policy-unchanged"))
    if not roles:
        return bench.fails(seen, [changed], remedy=ADVICE)
    found = role_approval.ask(roles, settings, facts)
    if found.answer is True:
        return bench.passes(f"{seen}; {found.said}", [changed, *found.evidence])
    if isinstance(found.answer, Unknown):
        return bench.wonders([found.answer], seen)
    advice = f"Let somebody of {listing(roles)} who had no part in it approve its head, and run the job again."
    return bench.fails(f"{seen}; {found.said}", [changed], remedy=advice)


def named_policies(settings: Settings) -> Iterator[str]:
    """Yield the paths of the policies that were read from the repository, where an input names another than usual."""
    for origin in settings.origins:
        if origin.kind is LayerKind.REPOSITORY:
            yield origin.place.rpartition(" at ")[0] or origin.place


def touched(paths: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """
    Yield the paths that are one of these names, lie below it, or lie above it.

    A path above a name was replaced by a link or a submodule, or is a file where the folder was.
    """
    wanted = tuple(dict.fromkeys(names))
    for path in paths:
        if any(path == name or path.startswith(name + "/") or name.startswith(path + "/") for name in wanted):
            yield path


def matching(paths: Iterable[str], patterns: Iterable[str]) -> Iterator[str]:
    """
    Yield the paths that fit a pattern, or lie above what it may fit.

    Source: GitLab, "Use `include:local` with wildcard file paths"; `search_files_by_wildcard_path`.
    """
    folders = [pattern.partition("*")[0] for pattern in patterns]
    for path in paths:
        above = any(folder.startswith(f"{path}/") for folder in folders)
        if above or any(fits(pattern, path) for pattern in patterns):
            yield path
