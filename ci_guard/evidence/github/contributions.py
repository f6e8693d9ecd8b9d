"""Who had a share in a pull request, by the server's word and by what its commits claim."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ci_guard.evidence.github import records
from ci_guard.evidence.github.accounts import GHOST, WEB_FLOW_ID, read_noreply
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.records import Commit, Pull, Push, Signature, nullable_person
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.review import Contribution
from ci_guard.model.run import Person

_TRAILER: Final = re.compile(r"^[ \t]*co-authored-by:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ADDRESS: Final = re.compile(r"[^<>]*<([^<>]*)>")

PUSHED: Final = frozenset({"push", "force_push", "branch_creation"})
"""Entries of the activity log that put somebody's own work on a branch; the authors of a merge are in its commits."""


def get_contributions(client: Client, job: Job, pull: Pull) -> Fact[tuple[Contribution, ...]]:
    """
    Return everybody who contributed, each once.

    They are the author of the pull request, the authors, committers and co-authors of all its commits (those of merged
    side branches are listed with the others), and whoever is known to have pushed to the head. The platform's own merge
    account is none. An address that belongs to no account is an unknown contributor, and so is whom a record hides that
    the server would not give.
    """
    commits, pushers = two(
        client, lambda: records.get_commits_of_pull(client, pull.number), lambda: _get_pushers(client, pull)
    )
    if isinstance(commits, Unknown):
        return commits
    shares = [
        Contribution(
            who=Known(value=pull.author or GHOST, source=Source.API, detail=f"GET pulls/{pull.number}"),
            how=f"author of #{pull.number}",
        ),
        *_of_commits(client, job, pull, commits),
        *_of_pushes(pull, commits.value, pushers),
    ]
    distinct: dict[object, Contribution] = {}
    for share in shares:
        key = share.who.value.id if isinstance(share.who, Known) else share.also_login.lower() or share.who
        distinct.setdefault(key, share)
    return Known(value=tuple(distinct.values()), source=commits.source, detail=commits.detail)


def _of_commits(client: Client, job: Job, pull: Pull, fact: Known[tuple[Commit, ...]]) -> Iterator[Contribution]:
    commits = fact.value
    signatures = [signature for commit in commits for signature in (commit.author, commit.committer)]
    linked = {signature.email.lower(): signature.account for signature in signatures if signature.account}
    met = [person for person in (pull.author, *linked.values()) if person is not None]

    def contribution(address: str, account: Person | None, how: str) -> Contribution:
        who: Fact[Person]
        person = account or linked.get(address.lower())
        if person is not None:
            who = Known(value=person, source=fact.source, detail=fact.detail)
        else:
            who = _account_of(client, job, address, met, fact)
        return Contribution(who=who, how=how, also_login=address)

    for commit in commits:
        short = commit.sha[:8]
        yield contribution(commit.author.email, commit.author.account, f"author of {short}")
        if not is_platform(job, commit.committer):
            yield contribution(commit.committer.email, commit.committer.account, f"committer of {short}")
        for credit in _TRAILER.findall(commit.message):
            found = _ADDRESS.fullmatch(credit)
            yield contribution(found[1].strip() if found else credit, None, f"co-author of {short}")


def is_platform(job: Job, committer: Signature) -> bool:
    """Tell whether the browser committed. Who forges its address could as well take a colleague's."""
    if committer.account is not None:
        return committer.account.id == WEB_FLOW_ID
    return committer.email.lower() == f"noreply@{job.mail_domain}"


def _account_of(
    client: Client, job: Job, address: str, met: Sequence[Person], fact: Known[tuple[Commit, ...]]
) -> Fact[Person]:
    """
    Return the account of an e-mail address that the server did not link, where the address itself names one.

    Anybody can write such an address, so the server has to know an account of that number and that login. It need not
    be asked about those whom its answers have named already: a login is one account's at a time.
    """
    noreply = read_noreply(address, f"users.noreply.{job.mail_domain}")
    if noreply is None:
        return unavailable("an e-mail address belongs to no account", detail=fact.detail)
    number, login = noreply
    for person in met:
        if number in (None, person.id) and person.login.lower() == login.lower():
            return Known(value=person, source=fact.source, detail=fact.detail)
    account = records.get_account(client, login) if number is None else records.get_account_by_id(client, number)
    if isinstance(account, Unknown):
        return account
    if account.value is None or account.value.login.lower() != login.lower():
        return unavailable("an e-mail address belongs to no account any more", detail=account.detail)
    return Known(value=account.value, source=account.source, detail=account.detail)


def _get_pushers(client: Client, pull: Pull) -> Fact[tuple[Push, ...]] | Fact[tuple[Person, ...]]:
    """
    Return the record of who pushed to the head: the activity log, or the force pushes of the timeline.

    The log of a fork is not this repository's, so of plain pushes to a fork nobody is known.
    """
    if pull.head_repository_id is not None and pull.head_repository_id == pull.base_repository_id:
        return records.get_pushes(client, pull.head_ref)
    timeline = client.get_all(f"issues/{pull.number}/timeline")
    if isinstance(timeline, Unknown):
        return timeline
    try:
        forced = [entry for entry in timeline.value if entry.get("event") == "head_ref_force_pushed"]
        people = tuple(person for entry in forced if (person := nullable_person(entry, "actor")) is not None)
    except ShapeError as error:
        return unavailable(f"wrongly shaped answer: {error}", detail=timeline.detail)
    return Known(value=people, source=timeline.source, detail=timeline.detail)


def _of_pushes(
    pull: Pull, commits: tuple[Commit, ...], record: Fact[tuple[Push, ...]] | Fact[tuple[Person, ...]]
) -> Iterator[Contribution]:
    how = "pushed to the head"
    if isinstance(record, Unknown):
        yield Contribution(who=record, how=how)
        return
    own = {commit.sha for commit in commits}
    for entry in record.value:
        person = entry if isinstance(entry, Person) else _pusher(pull, own, entry)
        if person is not None:
            yield Contribution(who=Known(value=person, source=record.source, detail=record.detail), how=how)
    oldest = record.value[-1] if len(record.value) >= records.PUSH_LIMIT else None
    if isinstance(oldest, Push) and oldest.at >= pull.created_at:
        hidden = unavailable("the head was pushed to more often than the log was read", detail=record.detail)
        yield Contribution(who=hidden, how=how)


def _pusher(pull: Pull, own: set[str], push: Push) -> Person | None:
    """Return who pushed, where it was for this pull request: the branch may have had others before, and after."""
    if push.kind not in PUSHED:
        return None
    during = pull.created_at <= push.at and (pull.merged_at is None or push.at <= pull.merged_at)
    return push.actor if push.after in own or during else None
