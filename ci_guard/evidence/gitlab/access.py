"""What accounts may do in the project: by the members, the ID token, or what the server lets the job's user do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ci_guard.evidence.gitlab import levels, records
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.identity import Identity, Outcome
from ci_guard.evidence.gitlab.records import Account, Job
from ci_guard.evidence.rest.shape import checked, integer, optional, record, text
from ci_guard.model.fact import Fact, Known, Source, Unknown
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, Person, Run

NO_MEMBER: Final = Access(level=Level.NONE, role="no member")
INACTIVE: Final = Access(level=Level.NONE, role="a blocked account")

NEEDS: Final = f"{STRONGER}, of any member"
"""What shows the members of a project. Source: "Members API"."""


def get_members(client: Client, people: Sequence[Person]) -> Mapping[int, Fact[Access]]:
    """
    Return by id what these accounts hold now, by membership of the project, of a group above, or of an invited one.

    One request for all: who is not in the list is no member. Of several memberships the list has the highest.

    Source: Members API, "List all members of a project including inherited and invited members", `user_ids`.
    """
    ids = sorted({person.id for person in people})
    if not ids:
        return {}
    listed = checked(
        client.get_all("members/all", sight=Sight.BY_MEMBER, needs=NEEDS, params={"user_ids[]": ids}),
        lambda items: {integer(item, "id"): _access(item) for item in items},
    )
    if isinstance(listed, Unknown):
        return dict.fromkeys(ids, listed)
    return {
        number: Known(value=listed.value.get(number, NO_MEMBER), source=listed.source, detail=listed.detail)
        for number in ids
    }


def _access(value: Any) -> Access:
    """
    Read a `Member`. Blocked accounts and memberships that wait for somebody hold nothing.

    A custom role counts as its base, whose number the membership has.
    """
    if text(value, "state") != "active" or (optional(value, "membership_state", text) or "active") != "active":
        return INACTIVE
    role = levels.role_of(integer(value, "access_level"))
    custom = optional(value, "member_role", record)
    name = optional(custom, "name", text) if custom else None
    return Access(level=role.level, role=name or role.name)


def of_job_user(client: Client, job: Known[Job], run: Run, identity: Outcome) -> Fact[Access]:
    """
    Return what the job's own user holds, with whatever token there is.

    (1) The verified ID token says it, where it speaks of this project; (2) a stronger token shows the members;
    (3) the job's token acts as its user, so that what the server lets it do is what that user may do at least.
    """
    account = job.value.user
    if account is not None and not account.active:
        return Known(value=INACTIVE, source=job.source, detail=job.detail)
    if isinstance(identity, Known) and (said := _signed(identity.value)) is not None:
        return Known(value=said, source=identity.source, detail=identity.detail)
    known = _of_members(client, account)
    return known if isinstance(known, Known) else _at_least(client, run, known)


def with_job_user(client: Client, held: Mapping[int, Fact[Access]], iid: int) -> Mapping[int, Fact[Access]]:
    """
    Return the same with what the job's own user holds at least, where they are among these and no member's token is.

    That is whoever merged, who often is one of the reviewers. `iid` is the merge request that they may merge.
    """
    job = records.get_job(client)
    if isinstance(job, Unknown) or job.value.user is None:
        return held
    number, hidden = job.value.user.person.id, held.get(job.value.user.person.id)
    if not isinstance(hidden, Unknown):
        return held
    if not job.value.user.active:
        return {**held, number: Known(value=INACTIVE, source=job.source, detail=job.detail)}
    detail = _may_merge(client, iid) or _can_push_any(client)
    return {**held, number: _developer(detail, hidden)} if detail else held


def _of_members(client: Client, account: Account | None) -> Fact[Access]:
    if account is None:
        return Known(value=Access(level=Level.NONE, role="no such account"), source=Source.API)
    return get_members(client, [account.person])[account.person.id]


def _signed(identity: Identity) -> Access | None:
    """Return what the ID token says, None where it says nothing or speaks of a fork, which its author owns."""
    word = identity.text("user_access_level")
    number = levels.WORDS.get(word.lower()) if word and identity.own else None
    if number is None:
        return None
    role = levels.role_of(number)
    return Access(level=role.level, role=role.name)


def _at_least(client: Client, run: Run, hidden: Unknown) -> Fact[Access]:
    """
    Conclude from what the server lets the job's user do: only Developers and above may push or merge anywhere.

    What is known anyway is looked at first, the list of branches last. Only the job's own token is asked: to another
    one the same answers speak of somebody else.

    Source: Branches API, `can_push`; Merge requests API, `user.can_merge`; "Roles and permissions". Both say true only
    for somebody with the Developer role, also where a rule names them.
    """
    for see in (_can_push_built, _can_merge, _can_push_source, lambda asked, _: _can_push_any(asked)):
        if detail := see(client, run):
            return _developer(detail, hidden)
    return hidden


def _developer(detail: str, hidden: Unknown) -> Fact[Access]:
    role = levels.ROLES[30]
    value = Access(level=role.level, role=f"{role.name} or higher", hidden=hidden)
    return Known(value=value, source=Source.DERIVED, detail=detail)


def _can_push_built(client: Client, run: Run) -> str:
    """Return where it was read that the user may push to the default or the built branch; empty where it was not."""
    names = [fact.value for fact in (run.branch, run.default_branch) if isinstance(fact, Known) and fact.value]
    return next((detail for name in dict.fromkeys(names) if (detail := _can_push(client, name))), "")


def _can_merge(client: Client, run: Run) -> str:
    """Return the same of merging the merge request that is built, or the one that the pushed commit came by."""
    number = run.change.value.number if isinstance(run.change, Known) and run.change.value else None
    if number is None and isinstance(run.sha, Known) and isinstance(run.branch, Known) and run.branch.value:
        listed = records.get_merge_requests_of_commit(client, run.sha.value)
        number = listed.value[0].iid if isinstance(listed, Known) and listed.value else None
    return "" if number is None else _may_merge(client, number)


def _may_merge(client: Client, iid: int) -> str:
    change = records.get_merge_request(client, iid, sight=Sight.OF_JOB)
    return f"{change.detail}: can_merge" if isinstance(change, Known) and change.value.can_merge else ""


def _can_push_source(client: Client, run: Run) -> str:
    """Return the same of pushing to the source branch of the merge request that is built, unless that is a fork's."""
    if not isinstance(run.change, Known) or run.change.value is None:
        return ""
    change = records.get_merge_request(client, run.change.value.number)
    if isinstance(change, Unknown) or change.value.source_project_id != change.value.target_project_id:
        return ""
    return _can_push(client, change.value.source_branch)


def _can_push_any(client: Client) -> str:
    """Return the same of any branch; the list ends with the first page that has one."""

    def enough(items: list[Any]) -> bool:
        return any(item.get("can_push") is True for item in items)

    listed = client.get_all("repository/branches", sight=Sight.OF_JOB, until=enough)
    return f"{listed.detail}: can_push" if isinstance(listed, Known) and enough(list(listed.value)) else ""


def _can_push(client: Client, name: str) -> str:
    branch = records.get_branch(client, name, sight=Sight.OF_JOB)
    shown = isinstance(branch, Known) and branch.value is not None and branch.value.can_push
    return f"{branch.detail}: can_push" if shown else ""
