"""Requirement `policy-unchanged`: which of the changed paths decide what the guard does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ci_guard.controls.judging import Bench, listing
from ci_guard.model.fact import Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement, Location
from ci_guard.model.origin import LayerKind
from ci_guard.model.settings import Settings
from ci_guard.records import replace

POLICY: Final = (".ci-guard.yml",)
PIPELINES: Final = (".github/workflows", ".github/actions", ".gitlab-ci.yml", ".gitlab")
SUPPRESSIONS: Final = (
    *(".ci-guard-secrets.yml", ".ci-guard-secrets-baseline.json"),
    *(".gitleaks.toml", ".gitleaksignore", ".secrets.baseline"),
)
OWNERS: Final = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
"""Source: "About code owners" (GitHub); "Code Owners", "Set up Code Owners" (GitLab)."""


def judge_paths(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the one judgement on all changed paths."""
    changed = facts.circumstances.changed_paths
    if isinstance(changed, Unknown):
        yield bench.wonders([changed])
        return
    if changed.value is None:
        yield bench.excuses("this event brings no change")
        return
    names = (*POLICY, *PIPELINES, *SUPPRESSIONS, *OWNERS, *named_policies(settings))
    edited = sorted(touched(changed.value, names))
    if edited:
        advice = "Merge these edits in a change of their own, which their owners review."
        failed = bench.fails(f"it edits {listing(edited)}", [changed], remedy=advice)
        yield replace(failed, location=Location(path=edited[0]))
    else:
        yield bench.passes(f"none of {len(changed.value)} changed paths decides what the guard does", [changed])


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
        if any(
            path == name or path.startswith(name + "/") or name.startswith(path + "/") or own_pipeline(path)
            for name in wanted
        ):
            yield path


def own_pipeline(path: str) -> bool:
    """Tell whether a path is called as pipelines of GitLab are, which another one may include."""
    return path.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml"))
