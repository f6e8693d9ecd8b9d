"""What the fake GitLab knows of accounts, tokens, pipelines, merge requests and rules: plain fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOBODY, GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER, ADMIN = 0, 10, 15, 20, 30, 40, 50, 60


@dataclass(kw_only=True)
class User:
    """One account."""

    username: str
    id: int
    name: str = ""
    state: str = "active"
    bot: bool = False

    @property
    def email(self) -> str:
        """Return the address used in commits."""
        return f"{self.username}@example.invalid"

    # The names that `git_import` knows, which was made for the other forge's accounts.

    @property
    def git_email(self) -> str:
        """Return the address used in commits."""
        return self.email

    @property
    def login(self) -> str:
        """Return the username."""
        return self.username


@dataclass(kw_only=True)
class Member:
    """What somebody holds in a project."""

    username: str
    access_level: int
    inherited: bool = False
    """True for a member of a group above: `members/all` shows it, `members` does not."""
    member_role: dict[str, Any] | None = None
    """A custom role: `{"id": 1, "name": "Release captain", "base_access_level": 30}`."""


@dataclass(kw_only=True)
class Token:
    """
    A credential. `kind`: `job` (a job's own, for one job) or `access` (of a person, a project or a group).

    A job's token acts as the job's user, on few endpoints; which ones depends on the server's version.
    """

    name: str
    value: str
    kind: str = "access"
    username: str
    job: int | None = None
    scopes: tuple[str, ...] = ("read_api",)
    active: bool = True
    """False for one that is revoked or expired, and for the token of a job that has ended."""


@dataclass(kw_only=True)
class Pipeline:
    """A pipeline of a project."""

    id: int
    project_id: int
    source: str
    ref: str
    """A branch or tag name, or `refs/merge-requests/7/head`."""
    tag: bool
    sha: str
    before_sha: str
    user: str
    created_at: str
    variables: dict[str, str] = field(default_factory=dict)
    """Those that whoever started it gave."""
    status: str = "running"


@dataclass(kw_only=True)
class Job:
    """A job of a pipeline."""

    id: int
    name: str
    pipeline: Pipeline
    user: str
    """Who started the pipeline, or played or retried the job."""
    created_at: str
    environment: str | None = None
    tags: list[str] = field(default_factory=list)
    """What it asks of a runner."""
    status: str = "running"
    merge_request: MergeRequest | None = None
    """Whose variables the job has, also where the pipeline runs in the fork."""


@dataclass(kw_only=True)
class DeploymentApproval:
    """An answer to a deployment that waits for one."""

    username: str
    status: str
    comment: str | None
    created_at: str


@dataclass(kw_only=True)
class Deployment:
    """What a job deploys to an environment."""

    id: int
    environment: str
    job: Job | None
    """None for one that was made through the API."""
    created_at: str
    updated_at: str
    approvals: list[DeploymentApproval] = field(default_factory=list)


@dataclass(kw_only=True)
class Note:
    """A comment, or what GitLab itself writes below a merge request."""

    id: int
    username: str
    body: str
    created_at: str
    system: bool = True


@dataclass(kw_only=True)
class LabelEvent:
    """A label that was put on a merge request or taken off it."""

    id: int
    username: str
    label: str | None
    """None: the label was deleted since."""
    action: str
    created_at: str


@dataclass(kw_only=True)
class Approval:
    """An approval that stands."""

    username: str
    at: str


@dataclass(kw_only=True)
class MergeRequest:
    """A merge request of the project that it wants to change."""

    iid: int
    id: int
    title: str
    author: str
    source_branch: str
    source_project_id: int
    target_branch: str
    target_project_id: int
    sha: str
    base_sha: str
    start_sha: str
    created_at: str
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    label_events: list[LabelEvent] = field(default_factory=list)
    draft: bool = False
    squash: bool = False
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    merged_at: str | None = None
    merge_user: str | None = None
    notes: list[Note] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    """Oldest first."""
    versions: list[tuple[str, str]] = field(default_factory=list)
    """Every head with the time since when, oldest first."""
    head_pipeline: Pipeline | None = None

    @property
    def updated_at(self) -> str:
        """Return when anything happened to it last."""
        noted = [note.created_at for note in self.notes]
        labelled = [event.created_at for event in self.label_events]
        return max((self.created_at, self.merged_at or "", *noted, *labelled))


@dataclass(kw_only=True)
class AccessLevel:
    """An entry of a rule: a role, or one user, group or deploy key."""

    access_level: int = MAINTAINER
    user_id: int | None = None
    group_id: int | None = None
    deploy_key_id: int | None = None


@dataclass(kw_only=True)
class ProtectedBranch:
    """A rule on branches, by name or with `*`."""

    id: int
    name: str
    push: list[AccessLevel]
    merge: list[AccessLevel]
    unprotect: list[AccessLevel] = field(default_factory=list)
    allow_force_push: bool = False
    code_owner_approval_required: bool = False
    inherited: bool = False
    """True for a rule of the group."""


@dataclass(kw_only=True)
class ProtectedTag:
    """A rule on tags, by name or with `*`."""

    name: str
    create: list[AccessLevel]
