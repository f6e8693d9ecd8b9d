"""Turns environment, event file and the server's run into the run that is judged: commit, branch, trust, change."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.github import payload, pushes, records
from ci_guard.evidence.github.accounts import DEPENDABOT_ID
from ci_guard.evidence.github.change_reference import change_of
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import HEADS, TAGS, Job, pull_of_ref, queue_of_ref, run_url
from ci_guard.evidence.github.records import Pull, Repository, WorkflowRun
from ci_guard.evidence.github.sight import BUILDS_HEAD, Sight, pull_number
from ci_guard.evidence.rest.shape import checked
from ci_guard.evidence.rest.together import three
from ci_guard.model import project
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import NOTHING, Event, Pages, Platform, Run
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

EVENTS: Final = {
    "pull_request": Event.CHANGE,
    "pull_request_review": Event.CHANGE,
    "pull_request_review_comment": Event.CHANGE,
    "pull_request_target": Event.TARGET_CHANGE,
    "merge_group": Event.QUEUE,
    "release": Event.RELEASE,
    "deployment": Event.DEPLOYMENT,
    "deployment_status": Event.DEPLOYMENT,
    "schedule": Event.SCHEDULE,
    "workflow_dispatch": Event.MANUAL,
    "repository_dispatch": Event.API,
    "workflow_run": Event.UPSTREAM,
    "issue_comment": Event.COMMENT,
    "issues": Event.COMMENT,
    "discussion": Event.COMMENT,
    "discussion_comment": Event.COMMENT,
    "commit_comment": Event.COMMENT,
}
"""
The vocabulary, besides `push` and `create`, which are about a branch or a tag. The review comment of a pull request
builds the same merge commit under the same restrictions as a review does. A called workflow keeps its caller's event.

Source: "Events that trigger workflows".
"""


def identify(client: Client, job: Job) -> Run:
    """
    Return the run. What the server says wins over the environment, and the environment over the event file.

    At most three calls at the same time: the repository, the run, and the pull request where there is one. A push asks
    the activity log then, and one that created a branch for the head of the default branch.
    """
    number = pull_number(job)
    repository, server_run, pull = three(
        client,
        lambda: records.get_repository(client),
        lambda: records.get_run(client, job.run_id),
        lambda: None if number is None else _get_pull(client, job, number),
    )
    if isinstance(repository, Unknown) and isinstance(pull, Known) and pull.value is None:
        # Who may not see the repository may not see its pull requests either.
        pull = repository
    sight = Sight(job=job, run=server_run, pull=pull, event=_event(job, server_run))
    ref = _ref(sight)
    sha, branch = _sha(sight), _branch(sight, ref)
    before = _before(client, sight, branch, sha)
    known = server_run.value if isinstance(server_run, Known) else None
    return Run(
        platform=Platform.GITHUB,
        repository=job.repository,
        repository_id=str(repository.value.id) if isinstance(repository, Known) else job.repository_id,
        server_url=job.server_url,
        run_url=run_url(job),
        platform_event=sight.event_name,
        event=sight.event,
        ref=ref,
        sha=sha,
        branch=branch,
        tag=apply(ref, lambda name: name.removeprefix(TAGS) if name.startswith(TAGS) else None),
        default_branch=apply(repository, lambda found: found.default_branch),
        before=before,
        default_head=_default_head(client, sight, repository, branch, before),
        change=change_of(sight),
        trusted=_trusted(sight),
        actor=known.actor.login if known and known.actor else job.actor,
        triggering_actor=(
            known.triggering_actor.login if known and known.triggering_actor else job.triggering_actor or job.actor
        ),
        pages=_pages(job),
    )


def _pages(job: Job) -> Pages:
    """Return where things are set on this server, and read about."""
    repository = f"{job.server_url}/{job.repository}"
    return Pages(
        access=f"{repository}/settings/access",
        branches=f"{repository}/branches",
        rules=f"{repository}/settings/rules",
        checkout=project.page("docs/github.md", "checkout"),
        token=project.page("docs/github.md", "permissions"),
    )


def ask_ahead(client: Client, job: Job) -> None:
    """
    Ask, while the run is being read, what will be asked next if the job's variables are true.

    Of a push that is the activity log of its branch, of a change the tip of its target, at which the policy is read.
    Nothing is concluded from it: the client keeps the answer for whoever asks that very question. A variable that lies
    costs one request.
    """
    event = EVENTS.get(job.event_name)
    if job.event_name == "push" and job.ref.startswith(HEADS):
        records.get_pushes(client, job.ref.removeprefix(HEADS))
    elif event in (Event.CHANGE, Event.TARGET_CHANGE) and job.base_ref:
        records.get_branch_head(client, job.base_ref)


def _get_pull(client: Client, job: Job, number: int) -> Fact[Pull | None]:
    if job.event_name != "issue_comment":
        return apply(records.get_pull(client, number), lambda found: found)
    # Issues and pull requests share their numbers, so that a number without a pull request is an issue's.
    return checked(
        client.get(f"pulls/{number}", absent=records.is_not_found),
        lambda body: None if body is None else records.parse_pull(body),
    )


def _event(job: Job, run: Fact[WorkflowRun]) -> Fact[Event]:
    name = run.value.event if isinstance(run, Known) else job.event_name
    source, detail = (run.source, run.detail) if isinstance(run, Known) else (Source.ENV, "GITHUB_EVENT_NAME")
    event = EVENTS.get(name)
    if name in ("push", "create"):
        # A new branch is pushed; what `create` tells of a tag is what a push of it tells.
        event = Event.TAG if job.ref.startswith(TAGS) else Event.PUSH if job.ref.startswith(HEADS) else None
    if event is not None:
        return Known(value=event, source=source, detail=detail)
    if not name:
        return unavailable("GITHUB_EVENT_NAME is not set", detail=detail)
    return unavailable(
        f"the event {name} of {job.ref or 'no ref'} has no place in ci-guard's vocabulary", detail=detail
    )


def _ref(sight: Sight) -> Fact[str]:
    ref, detail = sight.job.ref, "GITHUB_REF"
    if not ref and isinstance(sight.event, Known) and sight.event.value is Event.DEPLOYMENT:
        # Of a bare commit, which has neither branch nor tag, and is judged all the same.
        return Known(value="", source=Source.ENV, detail=detail)
    if not ref.startswith("refs/"):
        return unavailable("GITHUB_REF is not set" if not ref else "GITHUB_REF is no full ref", detail=detail)
    run = sight.run
    if isinstance(run, Known) and isinstance(sight.event, Known) and sight.event.value in BUILDS_HEAD:
        if ref not in (f"{HEADS}{run.value.head_branch}", f"{TAGS}{run.value.head_branch}"):
            said = run.value.head_branch or "no branch"
            return unavailable(f"GITHUB_REF is {ref}, but the run is of {said}", detail=run.detail)
        return Known(value=ref, source=run.source, detail=run.detail)
    return Known(value=ref, source=Source.ENV, detail=detail)


def _sha(sight: Sight) -> Fact[str]:
    """Return the commit that is built: of a change the trial merge, not its head."""
    run = sight.run
    if isinstance(run, Known) and isinstance(sight.event, Known) and sight.event.value in BUILDS_HEAD:
        return Known(value=run.value.head_sha, source=run.source, detail=run.detail)
    if not OBJECT_ID.fullmatch(sight.job.sha):
        reason = "GITHUB_SHA is no commit id" if sight.job.sha else "GITHUB_SHA is not set"
        return unavailable(reason, detail="GITHUB_SHA")
    return Known(value=sight.job.sha, source=Source.ENV, detail="GITHUB_SHA")


def _branch(sight: Sight, ref: Fact[str]) -> Fact[str | None]:
    if isinstance(ref, Unknown):
        return ref
    if isinstance(sight.event, Known) and sight.event.value is Event.QUEUE:
        queue = queue_of_ref(ref.value)
        if queue is None:
            return unavailable(f"{ref.value} is not named as the merge queue names its branches", detail=ref.detail)
        return Known(value=queue.target, source=ref.source, detail=ref.detail)
    return apply(ref, lambda name: name.removeprefix(HEADS) if name.startswith(HEADS) else None)


def _before(client: Client, sight: Sight, branch: Fact[str | None], sha: Fact[str]) -> Fact[str | None]:
    """
    Return where the branch stood before a push: the event file's word, which the activity log must confirm.

    Where the log does not show the push, the word stands with the event file as its source. A branch that was moved to
    the commit more than once has more than one start, and any of them is true of one of its pushes.
    """
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.event.value is not Event.PUSH or sight.event_name == "create":
        return Known(value=None, source=sight.event.source, detail=sight.event.detail)
    if isinstance(sight.job.event, Unknown):
        return sight.job.event
    before, after = (payload.text(sight.job.event.value, key) for key in ("before", "after"))
    detail = "event.before"
    if not OBJECT_ID.fullmatch(before) or not OBJECT_ID.fullmatch(after):
        return unavailable("the event file does not say where the push started", detail=detail)
    if not after.strip("0"):
        # The run is then of the default branch, to which nothing was pushed.
        return unavailable("the push deleted a branch", detail=detail)
    if isinstance(branch, Unknown) or isinstance(sha, Unknown):
        return next(fact for fact in (branch, sha) if isinstance(fact, Unknown))
    if after != sha.value:
        return unavailable(f"the event file is about {after[:12]}, the run about {sha.value[:12]}", detail=detail)
    if branch.value is None:
        return unavailable("no branch was pushed", detail=branch.detail)
    starts = pushes.get_starts(client, branch.value, sha.value)
    if isinstance(starts, Unknown):
        return starts
    start = before if before.strip("0") else None
    if not starts.value:
        return Known(value=start, source=Source.EVENT, detail=detail)
    if before not in starts.value:
        said = f"the push started at {before[:12]} by the event file, and at {starts.value[0][:12]} by the activity log"
        return unavailable(said, detail=starts.detail)
    return Known(value=start, source=starts.source, detail=starts.detail)


def _default_head(
    client: Client, sight: Sight, repository: Fact[Repository], branch: Fact[str | None], before: Fact[str | None]
) -> Fact[str | None]:
    """Return what the default branch points at by the server's word, where a new branch is measured against it."""
    created = isinstance(before, Known) and before.value is None
    if not created or isinstance(sight.event, Unknown) or sight.event.value is not Event.PUSH:
        return NOTHING
    if isinstance(branch, Unknown) or isinstance(repository, Unknown):
        return next(fact for fact in (branch, repository) if isinstance(fact, Unknown))
    if branch.value == repository.value.default_branch:
        return NOTHING
    return apply(records.get_branch_head(client, repository.value.default_branch), lambda head: head)


def _trusted(sight: Sight) -> Fact[bool]:
    """
    Tell whether the run has the repository's trust.

    Only the server may say that it has not: the permissions of people do not matter then, so a step that rewrites the
    event file into one of a fork would open the gate. That a change is the repository's own may come from the event
    file, as it only makes the judgement stricter.
    """
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.event.value is not Event.CHANGE:
        return Known(value=True, source=sight.event.source, detail=sight.event.detail)
    if isinstance(sight.run, Known):
        run = sight.run.value
        own = run.head_repository_id == run.repository_id
        by_dependabot = run.actor is not None and run.actor.id == DEPENDABOT_ID
        return Known(value=own and not by_dependabot, source=sight.run.source, detail=sight.run.detail)
    if sight.job.actor_id == str(DEPENDABOT_ID):
        return _unconfirmed(sight.run, "the environment says that Dependabot started the run")
    pull = sight.pull.value if isinstance(sight.pull, Known) else None
    if isinstance(sight.pull, Known) and pull is not None and pull_of_ref(sight.job.ref) is not None:
        own = pull.head_repository_id is not None and pull.head_repository_id == pull.base_repository_id
        return Known(value=own, source=sight.pull.source, detail=sight.pull.detail)
    if isinstance(sight.job.event, Unknown):
        return _unconfirmed(sight.run, sight.job.event.reason)
    event = sight.job.event.value
    head, base = (payload.number(event, "pull_request", side, "repo", "id") for side in ("head", "base"))
    if head is not None and head == base:
        return Known(value=True, source=Source.EVENT, detail="event.pull_request.head.repo.id")
    return _unconfirmed(sight.run, "the event file says that the change comes from a fork")


def _unconfirmed(run: Unknown, said: str) -> Unknown:
    return replace(run, reason=f"{said}, which only the server may say: {run.reason}")
