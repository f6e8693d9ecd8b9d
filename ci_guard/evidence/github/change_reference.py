"""Which pull request a run is about, and with which head: what names one is held against what the server says."""

from __future__ import annotations

from ci_guard.evidence.github import payload
from ci_guard.evidence.github.job import pull_of_ref
from ci_guard.evidence.github.records import Pull
from ci_guard.evidence.github.sight import Sight, pull_number
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import ChangeReference, Event
from ci_guard.object_ids import OBJECT_ID


def change_of(sight: Sight) -> Fact[ChangeReference | None]:
    """Return the change that a run is about, None where it is about none; see `Run.change`."""
    if isinstance(sight.event, Unknown):
        return sight.event
    event, pull = sight.event.value, sight.pull
    if event in (Event.CHANGE, Event.TARGET_CHANGE):
        return _built_change(sight)
    if event is Event.QUEUE and pull is None:
        return unavailable(f"{sight.job.ref} does not name the pull request of the merge group", detail="GITHUB_REF")
    if sight.event_name == "issue_comment":
        return _commented_change(sight)
    if event is not Event.QUEUE or pull is None:
        return Known(value=None, source=sight.event.source, detail=sight.event.detail)
    return apply(pull, _present_reference)


def _commented_change(sight: Sight) -> Fact[ChangeReference | None]:
    """Return the pull request below which a comment stands, None for an issue, which event file and server must say."""
    if sight.pull is None:
        return unavailable("the event file does not name what was commented on", detail="event.issue.number")
    if isinstance(sight.pull, Known) and sight.pull.value is None:
        event = sight.job.event.value if isinstance(sight.job.event, Known) else {}
        if payload.dig(event, "issue", "pull_request") is not None:
            return unavailable("the server does not show the pull request of the comment", detail=sight.pull.detail)
    # It is not built, so the server's present word about it is all there is.
    return apply(sight.pull, _present_reference)


def _present_reference(pull: Pull | None) -> ChangeReference | None:
    return None if pull is None else _reference(pull, head=pull.head_sha, target=pull.base_ref)


def _built_change(sight: Sight) -> Fact[ChangeReference | None]:
    """
    Return the change with the head that this run is of, which may have moved on since.

    Who reads the head's reviews compares it with the server's again, so that an old run is not judged by newer reviews.
    Where the target is built, only the event file knows the head of then, so one that has moved on is unknown.
    """
    job, run, pull = sight.job, sight.run, sight.pull
    known = pull.value if isinstance(pull, Known) else None
    event = job.event.value if isinstance(job.event, Known) else {}
    number = known.number if known else pull_number(job)
    target = job.base_ref or (known.base_ref if known else "")
    claimed = payload.text(event, "pull_request", "head", "sha")
    built = isinstance(sight.event, Known) and sight.event.value is Event.CHANGE
    if pull is not None and (not built or pull_of_ref(job.ref) is None):
        # Only the event file gave the number.
        if isinstance(pull, Unknown):
            return pull
        if known is not None and (doubt := _contradiction(sight, known, built=built)):
            return unavailable(f"the event file names #{known.number}, {doubt}", detail=pull.detail)
    if isinstance(run, Known) and built:
        head, source, detail = run.value.head_sha, run.source, run.detail
    elif known is not None and isinstance(pull, Known) and claimed in ("", known.head_sha):
        head, source, detail = known.head_sha, pull.source, pull.detail
    elif OBJECT_ID.fullmatch(claimed):
        head, source, detail = claimed, Source.EVENT, "event.pull_request"
    else:
        return pull if isinstance(pull, Unknown) else unavailable("nothing names the pull request of this run")
    if number is None or not target:
        return unavailable("nothing names the pull request of this run and its target", detail=detail)
    if known is None:
        return Known(value=ChangeReference(number=number, head=head, target=target), source=source, detail=detail)
    return Known(value=_reference(known, head=head, target=target), source=source, detail=detail)


def _contradiction(sight: Sight, pull: Pull, *, built: bool) -> str:
    """
    Return what speaks against a pull request whose number only the event file gave; empty where nothing does.

    Two forks can have a branch of the same name. Which head GitHub writes into a run that builds the target is not
    documented, so both that of the pull request and the commit that is built are taken; any other is another's.
    """
    job = sight.job
    event = job.event.value if isinstance(job.event, Known) else {}
    repository = payload.number(event, "pull_request", "head", "repo", "id")
    author = payload.number(event, "pull_request", "user", "id")
    if job.head_ref not in ("", pull.head_ref):
        return f"which is not of {job.head_ref}"
    if payload.text(event, "pull_request", "head", "sha") not in ("", pull.head_sha):
        return f"with another head than the server, which has {pull.head_sha[:12]}"
    if pull.head_repository_id is not None and repository not in (None, pull.head_repository_id):
        return "with another repository of its head than the server"
    if pull.author is not None and author not in (None, pull.author.id):
        return "with another author than the server"
    if isinstance(sight.run, Known):
        run = sight.run.value
        if run.head_sha != pull.head_sha and (built or run.head_sha != job.sha):
            return f"whose head is {pull.head_sha[:12]}, and the run is of {run.head_sha[:12]}"
        if run.head_repository_id not in (None, run.repository_id, pull.head_repository_id):
            return "which does not come from the repository that the run names"
    return ""


def _reference(pull: Pull, *, head: str, target: str) -> ChangeReference:
    # A pull request that was aimed elsewhere since has another branch's commit as its base.
    target_commit = pull.base_sha if pull.base_ref == target else None
    return ChangeReference(number=pull.number, head=head, target=target, target_commit=target_commit)
