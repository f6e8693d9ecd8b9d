"""The run that is judged: which commit and ref, which event, and who takes part in it."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.kinds import Level
from ci_guard.records import dataclass, field

NOTHING: Final = Known(value=None, source=Source.NONE)
"""Stands for what a run does not have."""

NOTHING_SINCE: Final[Fact[tuple[str, ...]]] = Known(value=(), source=Source.NONE)
"""Stands for a run whose policy only one commit says."""


class Platform(str, Enum):
    """Where the run happens."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"
    CIRCLECI = "circleci"
    LOCAL = "local"


class Event(str, Enum):
    """What started the run, in one vocabulary for all platforms."""

    PUSH = "push"
    CHANGE = "change"
    TARGET_CHANGE = "target-change"
    QUEUE = "queue"
    TAG = "tag"
    RELEASE = "release"
    DEPLOYMENT = "deployment"
    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    UPSTREAM = "upstream"
    COMMENT = "comment"


class AccountType(str, Enum):
    """What kind of account a login is."""

    USER = "user"
    BOT = "bot"
    OTHER = "other"
    """An organisation, a mannequin, or a kind that the platform added since."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account by numeric id; the login is display text, because logins can be renamed."""

    login: str
    id: int
    type: AccountType


@dataclass(frozen=True, kw_only=True)
class Access:
    """The highest access that an account holds on the repository now."""

    level: Level
    role: str
    """The platform's name of the role, which a custom role has of its own."""
    hidden: Unknown | None = None
    """Why it could not be seen whether the account holds more than this level; None where this is all."""


class Part(str, Enum):
    """The part that a person plays in a run."""

    ACTOR = "actor"
    TRIGGERING_ACTOR = "triggering-actor"
    SENDER = "sender"
    AUTHOR = "author"
    UPSTREAM_ACTOR = "upstream-actor"


@dataclass(frozen=True, kw_only=True)
class Participant:
    """Somebody who takes part in the run, with the access they hold."""

    person: Person
    access: Fact[Access]
    automation_of_platform: bool = False
    """True for an account of the platform's own, recognised by id (the merge queue's)."""


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One part in the run and who fills it."""

    part: Part
    who: Fact[Participant]
    note: str = ""
    """Which change or event names them: `author of #12`."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a variable or the event file says, beside what the server says."""

    name: str
    """Such as `GITHUB_ACTOR` or `event.sender.id`."""
    claimed: str
    truth: Fact[str]


@dataclass(frozen=True, kw_only=True)
class ChangeReference:
    """The pull or merge request that an event is about."""

    number: int
    head: str
    """Commit id of its head."""
    target: str
    """The branch that it wants to change."""
    target_commit: str | None = None
    """Commit id of the target branch, as the event or the server has it."""


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Addresses where somebody changes what a run was refused for; empty where the platform has no such page."""

    access: str = ""
    """Who holds which role on the repository, on this server."""
    branches: str = ""
    """The branches of the repository, on this server."""
    rules: str = ""
    """The rules on its branches, on this server."""
    checkout: str = ""
    """How the job has to check out."""
    token: str = ""
    """Which permission shows which fact."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run as far as the environment, the event file and the server tell it."""

    platform: Platform
    repository: str = ""
    """`owner/name`; empty where there is none."""
    repository_id: str = ""
    server_url: str = ""
    run_url: str = ""
    platform_event: str = ""
    """The platform's own word for the event."""
    event: Fact[Event]
    ref: Fact[str]
    """Full: `refs/heads/main`, `refs/tags/v1`, `refs/pull/7/merge`."""
    sha: Fact[str]
    """The judged commit."""
    branch: Fact[str | None]
    """The branch that is built, without `refs/heads/`; the target in a queue; None where a tag or a change is built."""
    tag: Fact[str | None]
    default_branch: Fact[str]
    before: Fact[str | None]
    """On a push, the commit that the branch pointed at before; None where the push created the branch or is none."""
    default_head: Fact[str | None] = NOTHING
    """Where a push created a branch other than the default one, the commit of that default branch; None elsewhere."""
    since_success: Fact[tuple[str, ...]] = NOTHING_SINCE
    """
    The commits that pushes brought since the last whose run of this pipeline succeeded, newest first, that one last:
    their policies count, too. Of the built branch on a push, of the default branch where no change is built, and where
    no run of the built branch ever succeeded: there without one its tip. Empty where the policy has not changed, and
    where no such run ever succeeded on the default branch.
    """
    change: Fact[ChangeReference | None]
    trusted: Fact[bool]
    """False where the run has not the repository's trust: a change from a fork or by Dependabot."""
    actor: str = ""
    """Login, for display."""
    triggering_actor: str = ""
    environment: str | None = None
    """What the caller names; where that is none, what a verified ID token names, if it was asked for."""
    notes: tuple[str, ...] = field(default=())
    pages: Pages = Pages()


def unknown_run(platform: Platform, reason: str) -> Run:
    """Return a run of which nothing is known but the platform."""
    unknown = unavailable(reason)
    return Run(
        platform=platform,
        event=unknown,
        ref=unknown,
        sha=unknown,
        branch=unknown,
        tag=unknown,
        default_branch=unknown,
        before=unknown,
        change=unknown,
        trusted=unknown,
    )
