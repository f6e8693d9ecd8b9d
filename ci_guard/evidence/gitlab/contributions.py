"""Who had a share in a merge request, by the server's word and by what its commits claim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from ci_guard.evidence.checkout import Checkout, Credit
from ci_guard.evidence.gitlab import landing, notes, records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.notes import Named
from ci_guard.evidence.gitlab.people import GHOST
from ci_guard.evidence.gitlab.records import Commit, MergeRequest
from ci_guard.evidence.gitlab.reviews import REPORTER, get_reviewers, get_trail
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible
from ci_guard.model.review import Contribution
from ci_guard.model.run import Person

MOST_ASKED: Final = 3
"""Commits that are asked for one by one, which is all that a job's token can do; the gate has twelve requests."""

_TRAILER: Final = re.compile(r"^[ \t]*co-authored-by:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_CREDIT: Final = re.compile(r"([^<>]*)<([^<>]*)>")


def get_contributions(
    client: Client, change: MergeRequest, checkout: Checkout, judges: Sequence[Named] | None = None
) -> Fact[tuple[Contribution, ...]]:
    """
    Return everybody who contributed, each once.

    The author, and whoever added commits or pressed rebase, are the server's word. Names and addresses in commits are
    claims, and GitLab does not say whose they are: they only add those of the judges, by default the reviewers, whom
    they fit. Where the commits cannot be read, an unknown contributor stands for them.
    """
    trail = get_trail(client, change.iid)
    if isinstance(trail, Unknown):
        return trail
    of_change = f"GET merge_requests/{change.iid}"
    author = Known(value=change.author or GHOST, source=Source.API, detail=of_change)
    shares = [Contribution(who=author, how=f"author of !{change.iid}")]
    for event in notes.pushes(trail.value.events):
        pushed = Known(value=event.by or GHOST, source=Source.DERIVED, detail=trail.detail)
        shares.append(Contribution(who=pushed, how="added commits or rebased"))
    claims = _credits(client, change, checkout)
    if isinstance(claims, Unknown):
        shares.append(Contribution(who=claims, how="author of its commits"))
    else:
        judges = get_reviewers(client, change.iid) if judges is None else judges
        host = urlsplit(client.server_url).hostname or ""
        for person, how, claimed in _of_commits(claims.value, judges, host):
            who = Known(value=person, source=claims.source, detail=claims.detail)
            shares.append(Contribution(who=who, how=how, also_login=claimed))
    distinct: dict[object, Contribution] = {}
    for share in shares:
        distinct.setdefault(share.who.value.id if isinstance(share.who, Known) else share.who, share)
    return Known(value=tuple(distinct.values()), source=trail.source, detail=trail.detail)


def _credits(client: Client, change: MergeRequest, checkout: Checkout) -> Fact[Sequence[Credit]]:
    """Return what the commits claim: by git, by the server's list, or one by one while they are few."""
    refs = change.diff_refs
    if refs is not None and refs.head == change.head:
        local = checkout.authors(refs.base, refs.head)
        if local is not None:
            return Known(value=local, source=Source.GIT, detail=f"git log {refs.base[:12]}..{refs.head[:12]}")
    listed = landing.get_commits(client, change)
    if isinstance(listed, Known):
        return Known(value=[_credit(commit) for commit in listed.value], source=listed.source, detail=listed.detail)
    return _one_by_one(client, change, listed)


def _one_by_one(client: Client, change: MergeRequest, hidden: Unknown) -> Fact[Sequence[Credit]]:
    refs = change.diff_refs
    if refs is None or refs.head != change.head:
        return hidden
    found: list[Credit] = []
    sha = refs.head
    while sha != refs.base:
        if len(found) == MOST_ASKED:
            return invisible("it has more commits than are read one by one", needs=REPORTER, detail=hidden.detail)
        commit = records.get_commit(client, sha)
        if isinstance(commit, Unknown):
            return commit
        found.append(_credit(commit.value))
        if len(commit.value.parents) != 1:
            return invisible("a merge is among its commits", needs=REPORTER, detail=hidden.detail)
        sha = commit.value.parents[0]
    return Known(value=found, source=Source.API, detail="GET repository/commits")


def _credit(commit: Commit) -> Credit:
    return Credit(
        author=commit.author_name,
        author_email=commit.author_email,
        committer=commit.committer_name,
        committer_email=commit.committer_email,
        sha=commit.sha,
        message=commit.message,
    )


def _of_commits(commits: Iterable[Credit], judges: Sequence[Named], host: str) -> Iterator[tuple[Person, str, str]]:
    for one in commits:
        short = one.sha[:8]
        claims = [
            (one.author, one.author_email, f"author of {short}"),
            (one.committer, one.committer_email, f"committer of {short}"),
        ]
        for text in _TRAILER.findall(one.message):
            parts = _CREDIT.fullmatch(text)
            name, email = (parts[1].strip(), parts[2].strip()) if parts else (text, "")
            claims.append((name, email, f"co-author of {short}"))
        for name, email, how in claims:
            yield from ((who.person, how, email or name) for who in judges if fits(who, name, email, host))


def fits(who: Named, name: str, email: str, host: str) -> bool:
    """
    Tell whether a commit's name or address could be this account's, rather too often than too seldom.

    Source: "Profile", use an automatically-generated private commit email: `<id>-<username>@users.noreply.<host>`.
    """
    login = who.person.login.casefold()
    local, _, domain = email.casefold().partition("@")
    if name.strip().casefold() in {login, who.name.strip().casefold()} - {""}:
        return True
    private = domain == f"users.noreply.{host}" and local in (login, f"{who.person.id}-{login}")
    return private or local == login or (bool(email) and email.casefold() == who.email.casefold())
