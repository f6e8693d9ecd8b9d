"""Which changed paths of a pull request have code owners, by the CODEOWNERS of the branch that it goes to."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from ci_guard.evidence.github import codeowners, landing, records
from ci_guard.evidence.github.accounts import read_noreply
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.codeowners import Rule
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.records import Pull, is_not_found
from ci_guard.evidence.github.reviews import get_reviews
from ci_guard.evidence.rest.shape import ShapeError, checked, optional, text
from ci_guard.evidence.rest.together import three
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.review import ChangeState, OwnedPath, Owner, Review, ReviewState
from ci_guard.model.run import Person

FILE_LIMIT: Final = 3000
"""A pull request lists no more files. Source: REST "List pull requests files"."""


def get_owned_paths(client: Client, job: Job, pull: Pull) -> Fact[tuple[OwnedPath, ...]]:
    """
    Return the changed paths that have owners. Of a renamed file both names count.

    The file is read where the pull request cannot have edited it: at the commit that the merge was put on, or at the
    target branch as long as it is open.
    """
    rules, files, reviews = three(
        client,
        lambda: _get_rules(client, pull),
        lambda: get_paths(client, pull),
        lambda: get_reviews(client, pull),
    )
    if isinstance(rules, Unknown):
        return rules
    if isinstance(files, Unknown):
        return files
    owned = {path: names for path in files.value if (names := codeowners.owners_of(rules.value, path))}
    distinct = list(dict.fromkeys(name for names in owned.values() for name in names))
    members = client.gather(*(lambda name=name: _get_members(client, job, name, reviews) for name in distinct))
    owners = {name: Owner(name=name, members=found) for name, found in zip(distinct, members, strict=True)}
    paths = tuple(OwnedPath(path=path, owners=tuple(owners[name] for name in names)) for path, names in owned.items())
    return Known(value=paths, source=files.source, detail=rules.detail)


def _get_rules(client: Client, pull: Pull) -> Fact[tuple[Rule, ...]]:
    base = _get_base(client, pull)
    if isinstance(base, Unknown):
        return base
    for place in codeowners.PLACES:
        # The commit was just shown to this token, so that a file which is not found is not there.
        fact = client.get(f"contents/{place}", params={"ref": base.value}, absent=is_not_found)
        if isinstance(fact, Unknown):
            return fact
        if fact.value is not None:
            return checked(fact, lambda value: codeowners.parse(_content(value)))
    return Known(value=(), source=base.source, detail=f"no CODEOWNERS at {base.value[:12]}")


def _get_base(client: Client, pull: Pull) -> Fact[str]:
    """Return the commit of the target branch that the pull request was, or would be, put on."""
    if pull.state is not ChangeState.MERGED:
        return records.get_branch_head(client, pull.base_ref)
    line = landing.get_landing(client, pull)
    if isinstance(line, Unknown):
        return line
    oldest = line.value[-1]
    if not oldest.parents:
        return unavailable(f"{oldest.sha[:12]} has no parent", detail=line.detail)
    return Known(value=oldest.parents[0], source=line.source, detail=line.detail)


def _content(value: Any) -> bytes:
    if text(value, "type") != "file" or text(value, "encoding") != "base64":
        # A link out of the repository, a folder, a submodule, or more than the endpoint shows.
        raise ShapeError("CODEOWNERS is no file that the server shows")
    try:
        return base64.b64decode(text(value, "content"), validate=False)
    except binascii.Error:
        raise ShapeError("'content' is not base64") from None


def get_paths(client: Client, pull: Pull) -> Fact[tuple[str, ...]]:
    """
    Return what a pull request changes, of a renamed file both names.

    The server lists the files of whatever is the head when it is asked. So an open pull request is looked at once more
    behind the list: whoever pushes in between, and back again, would have another head's files judged.
    """

    def parse(items: Any) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for item in items:
            names[text(item, "filename")] = None
            former = optional(item, "previous_filename", text)
            if former is not None:
                names[former] = None
        return tuple(names)

    listed = checked(client.get_all(f"pulls/{pull.number}/files", limit=FILE_LIMIT), parse)
    if isinstance(listed, Unknown) or pull.state is ChangeState.MERGED:
        return listed
    now = records.get_pull_again(client, pull.number, behind="files")
    if isinstance(now, Unknown):
        return now
    if (now.value.head_sha, now.value.base_ref) != (pull.head_sha, pull.base_ref):
        return unavailable(f"#{pull.number} has moved on while its files were listed", detail=listed.detail)
    return listed


def _get_members(client: Client, job: Job, name: str, reviews: Fact[tuple[Review, ...]]) -> Fact[frozenset[int]]:
    """Return the accounts that an owner stands for, among those who approved; nobody else matters."""
    if isinstance(reviews, Unknown):
        return reviews
    approvers = {review.reviewer for review in reviews.value if review.state is ReviewState.APPROVED}
    organisation, slash, team = name.removeprefix("@").partition("/")
    if slash:
        return _get_team_members(client, organisation, team, approvers)
    detail = reviews.detail
    if name.startswith("@"):
        same = frozenset(person.id for person in approvers if person.login.lower() == organisation.lower())
        return Known(value=same, source=Source.API, detail=detail)
    noreply = read_noreply(name, f"users.noreply.{job.mail_domain}")
    if noreply is not None and noreply[0] is not None:
        return Known(value=frozenset({noreply[0]}), source=Source.DERIVED, detail=detail)
    return invisible("the account of an owner's e-mail address is not shown; name the owner as @login", detail=detail)


def _get_team_members(client: Client, organisation: str, team: str, approvers: set[Person]) -> Fact[frozenset[int]]:
    """
    Return which of them are in the team.

    Without the right to read members the answer is the same 404 as for somebody outside, so a 404 counts only where
    another answer shows that the token sees the team.
    """
    path = f"/orgs/{segment(organisation)}/teams/{segment(team)}/memberships"
    people = sorted(approvers, key=lambda person: person.id)
    answers = client.gather(
        *(
            lambda person=person: client.get(
                f"{path}/{segment(person.login)}", absent=is_not_found, stronger_first=True
            )
            for person in people
        )
    )
    seen = [fact for fact in answers if isinstance(fact, Known) and fact.value is not None]
    for fact in answers:
        if isinstance(fact, Unknown):
            return fact
    if people and not seen:
        return invisible(
            f"whether an approver is in @{organisation}/{team} is not shown to this token",
            needs="members: read",
            detail=f"GET {path}",
        )
    active = frozenset(
        person.id
        for person, fact in zip(people, answers, strict=True)
        if isinstance(fact, Known) and fact.value is not None and fact.value.get("state") == "active"
    )
    return Known(value=active, source=Source.API, detail=f"GET {path}")
