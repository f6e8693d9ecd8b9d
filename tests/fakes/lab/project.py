"""A project of the fake GitLab, with builders that keep its parts in agreement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.hub import git_import
from tests.fakes.hub.history import (
    FILE,
    SYMLINK,
    ZERO,
    Commit,
    Signature,
    Symlink,
    Tag,
    ancestors,
    blob_sha,
    commit_sha,
    merge_base,
    tree_sha,
)
from tests.fakes.lab.state import (
    DEVELOPER,
    MAINTAINER,
    OWNER,
    AccessLevel,
    Approval,
    Deployment,
    DeploymentApproval,
    Job,
    LabelEvent,
    Member,
    MergeRequest,
    Note,
    Pipeline,
    ProtectedBranch,
    ProtectedTag,
    User,
)

if TYPE_CHECKING:
    from tests.fakes.lab.world import World

Files = Mapping[str, str | bytes | Symlink | None]


@dataclass(kw_only=True)
class Project:
    """One project. All fields may also be set directly."""

    id: int
    path: str
    """With its group: `acme/shop`."""
    world: World = field(repr=False, compare=False)
    visibility: str = "private"
    default_branch: str = "main"
    tier: str = "free"
    """`free`, `premium` or `ultimate`."""
    group_id: int = 9
    forked_from: int | None = None
    members: dict[str, Member] = field(default_factory=dict)
    job_token_allowlist: set[str] = field(default_factory=set)
    """Paths of other projects whose jobs may read this one with their tokens."""
    objects: dict[str, Commit] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    protected_branches: list[ProtectedBranch] = field(default_factory=list)
    """The project's own and those of its group that take it in."""
    protected_tags: list[ProtectedTag] = field(default_factory=list)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    pipelines: dict[int, Pipeline] = field(default_factory=dict)
    environments: list[dict[str, Any]] = field(default_factory=list)
    protected_environments: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    push_rule: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Further keys of the project's own answer, such as `merge_method`."""
    approval_settings: dict[str, Any] = field(default_factory=dict)
    """Of `GET /projects/:id/approvals`, on Premium and up."""
    approval_rules: list[dict[str, Any]] = field(default_factory=list)
    status_checks: list[dict[str, Any]] = field(default_factory=list)
    """External ones, of Ultimate."""

    # For `git_import`, which was made for the other forge's repositories.

    submodules: dict[str, str] = field(default_factory=dict)
    activities: list[Any] = field(default_factory=list)

    @property
    def premium(self) -> bool:
        """Tell whether the tier is Premium or above."""
        return self.tier != "free"

    @property
    def commits(self) -> dict[str, Commit]:
        """Return all commits of the network."""
        return self.objects if self.forked_from is None else self.world.projects[self.forked_from].commits

    # People

    def user(self, username: str, level: int | None = None, *, inherited: bool = False, **account: Any) -> User:
        """Add an account with a role; level 0 takes it away. `account` goes to `World.user`."""
        made = self.world.user(username, **account)
        if level == 0:
            self.members.pop(username, None)
        elif level is not None:
            self.members[username] = Member(username=username, access_level=level, inherited=inherited)
        return made

    def level_of(self, username: str) -> int:
        """Return the access level that somebody holds, 0 for none."""
        member = self.members.get(username)
        return member.access_level if member else 0

    # History

    def signature(self, who: str | Signature) -> Signature:
        """Return what git records for somebody, dated now."""
        if isinstance(who, Signature):
            return who
        user = self.world.user(who)
        return Signature(name=user.name, email=user.email, date=self.world.tick(), login=user.username)

    def commit(
        self,
        message: str = "Work",
        *,
        author: str | Signature = "olivia",
        committer: str | Signature | None = None,
        parents: list[str] | None = None,
        files: Files | None = None,
        on: str | None = None,
    ) -> str:
        """Make a commit, put it on a branch where `on` names one, and return its sha."""
        if parents is None:
            head = self.branches.get(on or self.default_branch)
            parents = [head] if head else []
        tree = dict(self.commits[parents[0]].tree) if parents else {}
        for path, content in (files or {}).items():
            if content is None:
                tree.pop(path, None)
                continue
            text = content.target if isinstance(content, Symlink) else content
            data = text.encode() if isinstance(text, str) else text
            tree[path] = f"{SYMLINK if isinstance(content, Symlink) else FILE} {blob_sha(data)}"
            self.blobs[blob_sha(data)] = data
        written = self.signature(author)
        made = Commit(
            sha=commit_sha(self.path, str(len(self.commits)), message, *parents),
            tree_sha=tree_sha(tree),
            parents=parents,
            author=written,
            committer=self.signature(committer) if committer else written,
            message=message,
            tree=tree,
        )
        self.commits[made.sha] = made
        if on is not None:
            self.branches[on] = made.sha
        return made.sha

    def tag(self, name: str, *, at: str | None = None) -> Tag:
        """Create a tag at a sha (default: the default branch's head)."""
        self.tags[name] = Tag(name=name, target=at or self.branches[self.default_branch])
        return self.tags[name]

    def import_git(self, path: Path) -> None:
        """Take over the history of a real git repository; see `git_import`."""
        git_import.import_git(self, path)  # type: ignore[arg-type]

    # Rules

    def protect(
        self,
        name: str | None = None,
        *,
        push: int | Iterable[AccessLevel] = MAINTAINER,
        merge: int | Iterable[AccessLevel] = MAINTAINER,
        **settings: Any,
    ) -> ProtectedBranch:
        """Add a rule on branches (default: on the default one); `settings` are fields of `ProtectedBranch`."""
        made = ProtectedBranch(
            id=self.world.next_id(),
            name=name or self.default_branch,
            push=_levels(push),
            merge=_levels(merge),
            **settings,
        )
        self.protected_branches.append(made)
        return made

    def protect_tag(self, name: str, *, create: int | Iterable[AccessLevel] = MAINTAINER) -> ProtectedTag:
        """Add a rule on tags."""
        made = ProtectedTag(name=name, create=_levels(create))
        self.protected_tags.append(made)
        return made

    def rules_of(self, branch: str) -> list[ProtectedBranch]:
        """Return every rule that takes in the branch."""
        return [rule for rule in self.protected_branches if fnmatchcase(branch, rule.name)]

    def allows(self, levels: Iterable[AccessLevel], user: User) -> bool:
        """Tell whether an entry lets somebody in, who has to be a Developer in any case."""
        held = self.level_of(user.username)
        return held >= DEVELOPER and any(
            entry.user_id == user.id
            if entry.user_id is not None
            else entry.group_id is None and entry.deploy_key_id is None and 0 < entry.access_level <= held
            for entry in levels
        )

    def may(self, what: str, branch: str, user: User) -> bool:
        """Tell whether somebody may `push` or `merge`: the most permissive rule wins."""
        rules = self.rules_of(branch)
        if not rules:
            return self.level_of(user.username) >= DEVELOPER
        return any(self.allows(rule.push if what == "push" else rule.merge, user) for rule in rules)

    def developers_may(self, what: str, branch: str) -> bool:
        """Tell what `developers_can_push` and `developers_can_merge` say of a branch."""
        entries = [e for rule in self.rules_of(branch) for e in (rule.push if what == "push" else rule.merge)]
        return any(e.access_level == DEVELOPER and e.user_id is None and e.group_id is None for e in entries)

    # Merge requests

    def merge_request(
        self,
        title: str = "A change",
        *,
        author: str = "alice",
        target: str | None = None,
        source: str | None = None,
        fork: Project | None = None,
        files: Files | None = None,
        commits: int = 1,
    ) -> MergeRequest:
        """Open a merge request; its source branch (default `change-<iid>`) is made where it does not exist yet."""
        iid = 1 + max(self.merge_requests, default=0)
        home, target = fork or self, target or self.default_branch
        source = source or f"change-{iid}"
        start = self.branches[target]
        made: list[str] = []
        if source not in home.branches:
            home.branches[source] = start
            for number in range(commits):
                changed = files if files and not number else {f"change-{iid}-{number}.txt": title}
                made.append(home.commit(title, author=author, files=changed, on=source))
        head = home.branches[source]
        mr = MergeRequest(
            iid=iid,
            id=self.world.next_id(),
            title=title,
            author=self.world.user(author).username,
            source_branch=source,
            source_project_id=home.id,
            target_branch=target,
            target_project_id=self.id,
            sha=head,
            base_sha=merge_base(self.commits, start, head) or start,
            start_sha=start,
            created_at=self.world.tick(),
            commits=made or [head],
        )
        mr.versions.append((head, mr.created_at))
        self.merge_requests[iid] = mr
        return mr

    def note(self, mr: MergeRequest, username: str, body: str, *, system: bool = True, at: str | None = None) -> Note:
        """Write a note below a merge request: by GitLab itself, or as a comment."""
        made = Note(
            id=self.world.next_id(),
            username=self.world.user(username).username,
            body=body,
            system=system,
            created_at=at or self.world.tick(),
        )
        mr.notes.append(made)
        return made

    def label(self, mr: MergeRequest, name: str, *, by: str, off: bool = False, at: str | None = None) -> LabelEvent:
        """Put a label on a merge request, or take it off."""
        made = LabelEvent(
            id=self.world.next_id(),
            username=self.world.user(by).username,
            label=name,
            action="remove" if off else "add",
            created_at=at or self.world.tick(),
        )
        mr.labels = [each for each in mr.labels if each != name] + ([] if off else [name])
        mr.label_events.append(made)
        return made

    def approve(self, mr: MergeRequest, username: str) -> None:
        """Approve, as the button does: an approval and a note."""
        note = self.note(mr, username, "approved this merge request")
        mr.approvals = [one for one in mr.approvals if one.username != username]
        mr.approvals.append(Approval(username=username, at=note.created_at))

    def unapprove(self, mr: MergeRequest, username: str) -> None:
        """Take an approval back."""
        self.note(mr, username, "unapproved this merge request")
        mr.approvals = [one for one in mr.approvals if one.username != username]

    def add_commit(
        self, mr: MergeRequest, author: str, *, by: str | None = None, files: Files | None = None, reset: bool = False
    ) -> str:
        """Push a commit to the source branch, with the note that GitLab writes; `reset` removes the approvals."""
        home = self.world.projects[mr.source_project_id]
        changed = files or {f"more-{len(mr.commits)}.txt": "more"}
        sha = home.commit("More", author=author, files=changed, on=mr.source_branch)
        mr.sha = sha
        mr.commits.append(sha)
        mr.versions.append((sha, self.world.tick()))
        listed = f"<ul><li>{sha[:8]} - More</li></ul>"
        self.note(mr, by or author, f"added 1 commit\n\n{listed}\n\n[Compare with previous version](/diffs)")
        if reset:
            self.note(mr, by or author, "reset approvals from @everybody by pushing to the branch")
            mr.approvals.clear()
        return sha

    def drop_commit(self, mr: MergeRequest) -> str:
        """Push the source branch without its last commit, of which GitLab writes no note; return the head then."""
        mr.commits.pop()
        mr.sha = mr.commits[-1]
        self.world.projects[mr.source_project_id].branches[mr.source_branch] = mr.sha
        mr.versions.append((mr.sha, self.world.tick()))
        return mr.sha

    def push_merge(self, mr: MergeRequest, by: str, *, files: Files | None = None) -> str:
        """Merge on the command line and push that: GitLab marks the merge request as merged by it."""
        tip = self.branches[mr.target_branch]
        landing = self.commit("Merge it", author=by, parents=[tip, mr.sha], files=files)
        self.branches[mr.target_branch] = mr.merge_commit_sha = landing
        mr.state, mr.merge_user, mr.merged_at = "merged", self.world.user(by).username, self.world.tick()
        return landing

    def merge(self, mr: MergeRequest, *, by: str = "olivia", method: str = "merge") -> str:
        """Merge by `merge`, `squash` (with a merge commit), `squash-ff` or `ff`; return what the target is at then."""
        tip = self.branches[mr.target_branch]
        if "squash" in method:
            source = self.commits[mr.sha].tree
            mr.squash_commit_sha = self._plain(mr.title, mr.author, [tip], source)
            mr.squash = True
        landing = mr.squash_commit_sha or mr.sha
        if method in ("merge", "squash"):
            names = f"'{mr.source_branch}' into '{mr.target_branch}'"
            text = f"Merge branch {names}\n\n{mr.title}\n\nSee merge request !{mr.iid}"
            landing = mr.merge_commit_sha = self._plain(text, by, [tip, landing], self.commits[mr.sha].tree)
        self.branches[mr.target_branch] = landing
        mr.state, mr.merge_user, mr.merged_at = "merged", self.world.user(by).username, self.world.tick()
        return landing

    def result_of(self, mr: MergeRequest, *, onto: str | None = None) -> str:
        """Make the commit that a merged results pipeline or a train builds, on the target or on what is before it."""
        tip = onto or self.branches[mr.target_branch]
        return self._plain(f"Merge branch '{mr.source_branch}'", mr.author, [tip, mr.sha], self.commits[mr.sha].tree)

    def _plain(self, message: str, author: str, parents: list[str], tree: dict[str, str]) -> str:
        sha = self.commit(message, author=author, parents=parents)
        self.commits[sha].tree = dict(tree)
        return sha

    def of_commit(self, sha: str) -> list[MergeRequest]:
        """Return the merge requests that `GET commits/:sha/merge_requests` lists: those that a commit is in."""
        found = []
        for mr in self.merge_requests.values():
            brought = ancestors(self.commits, mr.sha) - ancestors(self.commits, mr.start_sha)
            if sha in brought or sha in (mr.merge_commit_sha, mr.squash_commit_sha):
                found.append(mr)
        return found

    # Deployments

    def deploy(self, job: Job | None, environment: str, *, at: str | None = None) -> Deployment:
        """Let a job deploy, or somebody through the API."""
        now = at or self.world.tick()
        made = Deployment(id=self.world.next_id(), environment=environment, job=job, created_at=now, updated_at=now)
        self.deployments.append(made)
        return made

    def answer(
        self,
        deployment: Deployment,
        username: str,
        comment: str | None = None,
        *,
        status: str = "approved",
        at: str = "",
    ) -> None:
        """Approve or reject a deployment, of Premium."""
        self.world.user(username)
        made = DeploymentApproval(username=username, status=status, comment=comment, created_at=at or self.world.tick())
        deployment.approvals.append(made)
        deployment.updated_at = made.created_at

    # Runs

    def run(
        self,
        source: str = "push",
        *,
        user: str = "olivia",
        ref: str | None = None,
        tag: str | None = None,
        sha: str | None = None,
        before: str = ZERO,
        mr: MergeRequest | None = None,
        kind: str = "head",
        by: str | None = None,
    ) -> Job:
        """
        Start a pipeline and return its job; `by` is whoever retried that later.

        With a merge request of this project the pipeline is of its ref (`kind`: head, merge or train); with one of a
        parent it runs in this fork, on the source branch.
        """
        name = tag or ref or self.default_branch
        commit = sha or (self.tags[tag].target if tag else self.branches.get(name, ZERO))
        if mr is not None and mr.target_project_id == self.id:
            name = f"refs/merge-requests/{mr.iid}/{kind}"
            commit = sha or (mr.sha if kind == "head" else self.result_of(mr))
        elif mr is not None:
            name, commit = mr.source_branch, mr.sha
        now = self.world.tick()
        pipeline = Pipeline(
            id=self.world.next_id(),
            project_id=self.id,
            source="merge_request_event" if mr is not None and source == "push" else source,
            ref=name,
            tag=tag is not None,
            sha=commit,
            before_sha=before,
            user=self.world.user(user).username,
            created_at=now,
        )
        self.pipelines[pipeline.id] = pipeline
        if mr is not None and commit == mr.sha:
            mr.head_pipeline = pipeline
        job = Job(
            id=self.world.next_id(),
            name="ci-guard",
            pipeline=pipeline,
            user=self.world.user(by or user).username,
            created_at=self.world.tick() if by else now,
            merge_request=mr,
        )
        self.jobs[job.id] = job
        return job


def _levels(given: int | Iterable[AccessLevel]) -> list[AccessLevel]:
    return [AccessLevel(access_level=given)] if isinstance(given, int) else list(given)


__all__ = ["DEVELOPER", "MAINTAINER", "OWNER", "Project"]
