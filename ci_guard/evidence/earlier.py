"""Where the policy stood before whoever started the run could have changed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from ci_guard.evidence.interface import PolicyEvidence
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, apply
from ci_guard.model.run import Event, Platform, Run
from ci_guard.records import dataclass, replace

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A commit whose policy judges, too."""

    commit: str
    ref: str
    """For messages: `before this push`, or the name of the default branch."""


NONE: Final = Known(value=None, source=Source.NONE)
PUSHED: Final = "before this push"
SINCE: Final = "pushed since a run passed"
PASSED: Final = "in force before"
WORDS: Final = {Source.EVENT: "the event file's", Source.ENV: "a variable's"}
"""Sources that an earlier step, or whoever starts the pipeline, can write."""


def get_earlier(run: Run, forge: PolicyEvidence) -> Fact[Earlier | None]:
    """
    Return the commit whose policy has to allow the run beside the judged commit's own; None where there is no other.

    On a push it is where the branch stood before, by the server's activity; of a new branch, the default branch. A tag,
    a schedule, a deployment and the like are of the default branch. In a change the target's policy judges alone.
    """
    if run.platform is Platform.LOCAL or isinstance(run.event, Unknown) or isinstance(run.sha, Unknown):
        return NONE
    sha = run.sha.value
    match run.event.value:
        case Event.CHANGE | Event.TARGET_CHANGE | Event.QUEUE:
            return NONE
        case Event.PUSH:
            before = run.before
            if isinstance(before, Known) and before.value is None:
                before = run.default_head
            return apply(before, lambda commit: _of(commit, sha, PUSHED))
        case _:
            name = run.default_branch.value if isinstance(run.default_branch, Known) else "the default branch"
            return apply(forge.default_tip(), lambda commit: _of(commit, sha, name))


def since_success(run: Run) -> Iterator[Earlier]:
    """Yield the commits back to the last whose run succeeded: what was pushed since has not been let in by any run."""
    commits = run.since_success.value if isinstance(run.since_success, Known) else ()
    for commit in commits[:-1]:
        yield Earlier(commit=commit, ref=SINCE)
    for commit in commits[-1:]:
        yield Earlier(commit=commit, ref=PASSED)


def unseen(run: Run) -> Iterator[Unknown]:
    """Yield why it was not looked back; not that a GitLab job's token never may, which `policy-source` says."""
    found = run.since_success
    if isinstance(found, Unknown) and (run.platform is not Platform.GITLAB or found.cause is Cause.UNAVAILABLE):
        yield found


def unproven(run: Run) -> Iterator[str]:
    """Say where a push began by nobody's word but the job's own: whoever chooses it chooses the policy from before."""
    is_push = isinstance(run.event, Known) and run.event.value is Event.PUSH
    if is_push and isinstance(run.before, Known) and run.before.source in WORDS:
        word = WORDS[run.before.source]
        yield f"Where this push began, and so which policy is the one from before it, is {word} word alone."


def of_default_branch(run: Run) -> bool:
    """Tell whether the policy of the default branch, or of one named instead, judges beside the commit's own."""
    return (
        run.platform is not Platform.LOCAL
        and isinstance(run.event, Known)
        and isinstance(run.sha, Known)
        and run.event.value not in (Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE, Event.PUSH)
    )


def get_named(run: Run, forge: PolicyEvidence, branch: str) -> Fact[Earlier | None]:
    """Return the tip of the branch that an organisation's policy names; None where that is the judged commit."""
    sha = run.sha.value if isinstance(run.sha, Known) else ""
    return needed(apply(forge.branch_tip(branch), lambda commit: _of(commit, sha, branch)), branch)


def needed(fact: Fact[T], branch: str) -> Fact[T]:
    """Return a fact that an organisation asked for by name: where it is unknown it holds an `allow` back."""
    if isinstance(fact, Known):
        return fact
    reason = f"the organisation's policy names the branch {branch}, and {fact.reason}"
    return replace(fact, reason=reason, cause=Cause.UNAVAILABLE)


def _of(commit: str | None, sha: str, ref: str) -> Earlier | None:
    return None if commit in (None, sha) else Earlier(commit=commit or "", ref=ref)
