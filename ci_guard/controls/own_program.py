"""Requirements `version` and `clean-environment`: which ci-guard judges, and what it was started with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.controls.judging import Bench, clip, listing
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.guard import Wiring
from ci_guard.model.judgement import Judgement
from ci_guard.model.settings import Settings
from ci_guard.object_ids import OBJECT_ID

OWN_WORD: Final = "by the program's own word"
ALLOWED: Final = "the commit of an allowed release, or let the policy allow this one"


def judge_version(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """
    Yield the one judgement: an allowed commit or release, which neither a checkout nor the pipeline's file contradicts.

    What the pipeline's file pins is the server's word, or git's, about what was fetched. All else is the program's own.
    """
    found, wiring = facts.guard.program, facts.guard.wiring
    if isinstance(found, Unknown) or isinstance(wiring, Unknown):
        yield bench.wonders([fact for fact in (found, wiring) if isinstance(fact, Unknown)])
        return
    program, allowed = found.value, {name.lower() for name in settings.names("version")}
    own = program.commit.value if isinstance(program.commit, Known) else ""
    by_release = {program.version.lower(), f"v{program.version.lower()}"} & allowed
    pins = pinned_commits(wiring.value)
    path = clip(wiring.value.path)
    if program.altered:
        said = f"the files of ci-guard are not those of its commit {own[:12]}"
        yield bench.fails(said, [found], remedy=f"Start it from a clean checkout of {ALLOWED}.")
    elif pins and own and own not in pins and wiring.value.doubts:
        yield bench.wonders(wiring.value.doubts)
    elif pins and own and own not in pins:
        shown = listing(sorted(commit[:12] for commit in pins))
        said = f"ci-guard says that it is commit {own[:12]}, and {path} pins {shown}"
        yield bench.fails(said, [found, wiring], remedy=f"Let the pipeline start what it pins: {ALLOWED}.")
    elif own in allowed and own in pins:
        yield bench.passes(f"ci-guard is commit {own[:12]}, which is allowed, as {path} pins it", [wiring])
    elif isinstance(program.commit, Known) and own in allowed:
        yield bench.passes(f"ci-guard is commit {own[:12]}, which is allowed, {OWN_WORD}", [found, program.commit])
    elif by_release and program.released:
        yield bench.passes(f"ci-guard is {clip(program.version)}, which is allowed, {OWN_WORD}", [found])
    elif by_release:
        commit = own[:12] or "another commit"
        said = f"ci-guard is {commit} and not the release {clip(program.version)}"
        yield bench.fails(said, [found], remedy=f"Pin {ALLOWED}.")
    elif isinstance(program.commit, Unknown) and any(len(name) == 40 for name in allowed):
        yield bench.wonders([program.commit])
    else:
        yield bench.fails(f"ci-guard is {clip(program.version)}", [found], remedy=f"Pin {ALLOWED}.")


def pinned_commits(wiring: Wiring) -> frozenset[str]:
    """Return the commits that the pipeline's file pins ci-guard to; none where it names a branch, tag or digest too."""
    pins = [*wiring.includes, *(job.pin for job in wiring.jobs)]
    pins += [step.pin for job in wiring.jobs for step in job.steps]
    refs = frozenset(pin.ref for pin in pins if pin is not None)
    return refs if all(OBJECT_ID.fullmatch(ref) for ref in refs) else frozenset()


def judge_environment(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all
    """Yield the one judgement on what was set before ci-guard started."""
    found = facts.guard.variables
    if isinstance(found, Unknown):
        yield bench.wonders([found])
    elif found.value:
        said = f"set before ci-guard started: {listing(sorted(map(named, found.value)))}"
        advice = "Run the guard in a job of its own, before any step that sets them; it hears none of them."
        yield bench.fails(said, [found], remedy=advice)
    else:
        yield bench.passes("nothing that reached ci-guard steers programs, connections or trust", [found])


def named(variable: str) -> str:
    """Return a variable's name; of `PATH`, which is always set, what is wrong with it."""
    return "PATH (a folder of the job's before the system's)" if variable == "PATH" else variable
