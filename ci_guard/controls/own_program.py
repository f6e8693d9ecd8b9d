"""Requirements `version` and `clean-environment`: which ci-guard judges, and what it was started with."""

from __future__ import annotations

from collections.abc import Iterator

from ci_guard.controls.judging import Bench, clip, listing
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement
from ci_guard.model.settings import Settings


def judge_version(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the one judgement: an allowed commit, or an allowed release that no checkout contradicts."""
    found = facts.guard.program
    if isinstance(found, Unknown):
        yield bench.wonders([found])
        return
    program, allowed = found.value, {name.lower() for name in settings.names("version")}
    advice = "Use an allowed version, or let the policy allow this one."
    by_release = {program.version.lower(), f"v{program.version.lower()}"} & allowed
    if isinstance(program.commit, Known) and program.commit.value in allowed:
        yield bench.passes(f"ci-guard is commit {program.commit.value[:12]}, which is allowed", [found, program.commit])
    elif by_release and program.released:
        yield bench.passes(f"ci-guard is {clip(program.version)}, which is allowed", [found])
    elif by_release:
        commit = program.commit.value[:12] if isinstance(program.commit, Known) else "another commit"
        yield bench.fails(f"ci-guard is {commit} and not the release {clip(program.version)}", [found], remedy=advice)
    elif isinstance(program.commit, Unknown) and any(len(name) == 40 for name in allowed):
        yield bench.wonders([program.commit])
    else:
        yield bench.fails(f"ci-guard is {clip(program.version)}", [found], remedy=advice)


def judge_environment(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all
    """Yield the one judgement on what was set before ci-guard started."""
    found = facts.guard.variables
    if isinstance(found, Unknown):
        yield bench.wonders([found])
    elif found.value:
        said = f"set before ci-guard started: {listing(sorted(found.value))}"
        advice = "Run the guard in a job of its own, before any step that sets them; it hears none of them."
        yield bench.fails(said, [found], remedy=advice)
    else:
        yield bench.passes("nothing that reached ci-guard steers programs, connections or trust", [found])
