"""Which changed paths of a merge request have code owners, by the CODEOWNERS of the branch that it goes to."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import codeowners, landing, records
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight, segment
from ci_guard.evidence.gitlab.codeowners import Section
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.gitlab.repository_files import get_file_text
from ci_guard.evidence.gitlab.reviews import REPORTER, get_reviews
from ci_guard.evidence.rest.shape import checked, integer, text
from ci_guard.evidence.rest.together import three
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, invisible, unavailable
from ci_guard.model.review import ChangeState, OwnedPath, Owner, Review, ReviewState
from ci_guard.model.run import Person

MEMBER: Final = f"{STRONGER}, of a member of the group"
ROLES: Final = {30: "developer", 40: "maintainer", 50: "owner"}
"""Roles that can own, as `@@developer` or in the plural. Source: "Syntax of CODEOWNERS file", add a role."""


def get_owned_paths(
    client: Client, change: MergeRequest, checkout: Checkout, seen: datetime | None = None
) -> Fact[tuple[OwnedPath, ...]]:
    """
    Return the changed paths that have owners, once for each section that asks them. Of a renamed file both names count.

    The file is read where the merge request cannot have edited it: at the commit that the merge was put on, or at the
    target branch as long as it is open.
    """
    sections, paths, reviews = three(
        client,
        lambda: _get_sections(client, change),
        lambda: get_paths(client, change, checkout),
        lambda: get_reviews(client, change, seen),
    )
    if isinstance(sections, Unknown):
        return sections
    if isinstance(paths, Unknown):
        return paths
    asked = [(path, one) for path in paths.value for one in codeowners.owners_of(sections.value, path)]
    distinct = list(dict.fromkeys(name for _, one in asked for name in one.owners))
    members = client.gather(*(partial(_get_members, client, name, reviews) for name in distinct))
    owners = {name: Owner(name=name, members=found) for name, found in zip(distinct, members, strict=True)}
    found = tuple(
        OwnedPath(path=path, owners=tuple(owners[name] for name in one.owners), wanted=one.wanted, section=one.section)
        for path, one in asked
    )
    return Known(value=found, source=paths.source, detail=sections.detail)


def _get_sections(client: Client, change: MergeRequest) -> Fact[tuple[Section, ...]]:
    base = landing.get_base(client, change)
    if isinstance(base, Unknown):
        return base
    for place in codeowners.PLACES:
        # Only who may read the commit is told that the file is not there.
        file = get_file_text(client, base.value, place)
        if isinstance(file, Unknown):
            return file
        if file.value is not None:
            if len(file.value) > codeowners.SIZE_LIMIT_BYTES:
                return unavailable(f"{place} is larger than is read", detail=file.detail)
            return Known(value=codeowners.parse(file.value), source=file.source, detail=file.detail)
    return Known(value=(), source=base.source, detail=f"no CODEOWNERS at {base.value[:12]}")


def get_paths(client: Client, change: MergeRequest, checkout: Checkout) -> Fact[tuple[str, ...]]:
    """
    Return what a merge request changes: by git, else by the server, as long as that still speaks of the same head.

    It lists the files of the diff that it has made last. Source: Merge requests API, diffs, `diff_refs`.
    """
    refs = change.diff_refs
    if refs is not None and refs.head == change.head:
        local = checkout.changed(refs.base, refs.head)
        if local is not None:
            detail = f"git diff-tree {refs.base[:12]} {refs.head[:12]}"
            return Known(value=tuple(local), source=Source.GIT, detail=detail)
    listed = checked(
        client.get_all(f"merge_requests/{change.iid}/diffs", sight=Sight.BY_STRONGER, needs=REPORTER),
        lambda items: tuple(dict.fromkeys(text(item, key) for item in items for key in ("old_path", "new_path"))),
    )
    if isinstance(listed, Unknown) or change.state is ChangeState.MERGED:
        return listed
    now = records.get_merge_request_again(client, change.iid, behind="diffs")
    if isinstance(now, Unknown):
        return now
    of_head = now.value.diff_refs is not None and now.value.diff_refs.head == change.head
    if now.value.head != change.head or now.value.target_branch != change.target_branch or not of_head:
        return unavailable(f"!{change.iid} has moved on while its files were listed", detail=listed.detail)
    return listed


def _get_members(client: Client, name: str, reviews: Fact[tuple[Review, ...]]) -> Fact[frozenset[int]]:
    """Return the accounts that an owner stands for, among those who approved; nobody else matters."""
    if isinstance(reviews, Unknown):
        return reviews
    approvers = {one.reviewer for one in reviews.value if one.state is ReviewState.APPROVED}
    if name.startswith("@@"):
        return _of_role(client, name[2:].casefold())
    if not name.startswith("@"):
        return invisible("whose an owner's e-mail address is, is not shown; name the owner as @username")
    called = name[1:]
    same = frozenset(person.id for person in approvers if person.login.casefold() == called.casefold())
    if same or not approvers:
        return Known(value=same, source=reviews.source, detail=reviews.detail)
    if "/" not in called and client.stronger:
        # Users and groups share their names: what is a user's is no group's.
        listed = client.get_all("/users", sight=Sight.BY_STRONGER, needs=STRONGER, params={"username": called})
        users = checked(listed, lambda items: frozenset(integer(item, "id") for item in items))
        if isinstance(users, Unknown) or users.value:
            return users
    return _of_group(client, called, approvers)


def _of_role(client: Client, word: str) -> Fact[frozenset[int]]:
    """Return the direct members of the project who hold the very role."""
    wanted = next((number for number, role in ROLES.items() if word in (role, f"{role}s")), None)
    return checked(
        client.get_all("members", sight=Sight.BY_STRONGER, needs=f"{STRONGER}, of any member"),
        lambda items: frozenset(integer(one, "id") for one in items if integer(one, "access_level") == wanted),
    )


def _of_group(client: Client, path: str, approvers: set[Person]) -> Fact[frozenset[int]]:
    """Return the direct members of a group who may own. Source: "Syntax of CODEOWNERS file", group eligibility."""
    listed = client.get_all(f"/groups/{segment(path)}/members", sight=Sight.BY_STRONGER, needs=MEMBER)
    members = checked(
        listed, lambda items: {integer(one, "id") for one in items if integer(one, "access_level") >= min(ROLES)}
    )
    return apply(members, lambda ids: frozenset(person.id for person in approvers if person.id in ids))
