"""A repository of the fake GitHub, with builders that keep its parts in agreement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.hub import git_import, merging
from tests.fakes.hub.history import (
    FILE,
    SUBMODULE,
    SYMLINK,
    ZERO,
    Activity,
    Commit,
    FileSpec,
    Signature,
    Submodule,
    Symlink,
    Tag,
    blob_sha,
    commit_sha,
    tree_sha,
)
from tests.fakes.hub.people import ROLES, WEB_FLOW, Grant, User
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.repository_state import RepositoryState
from tests.fakes.hub.rules import Check, Protection, Rule, Ruleset, rule
from tests.fakes.hub.runs import Attempt, ReferencedWorkflow, Run

if TYPE_CHECKING:
    from tests.fakes.hub.world import World


@dataclass(kw_only=True)
class Repository(RepositoryState):
    """A repository that a test describes by what people did to it."""

    def join(self, world: World) -> None:
        """Tie the repository and its parts to a world."""
        self._world = world
        for pull in self.pulls.values():
            pull.repository = self
        for run in self.runs.values():
            run.repository = self

    # People

    def user(self, login: str, *, role: str | None = None, base: str | None = None, **account: Any) -> User:
        """
        Add an account with a role; a custom role names its `base`. `account` goes to `World.user`.

        "none" takes a role away; without a `role` the account stays what it is, at first a stranger (who may still
        read a public repository).
        """
        user = self.world.user(login, **account)
        if role == "none":
            self.grants.pop(user.login.lower(), None)
        elif role is not None:
            if base is None and role not in ROLES:
                raise ValueError(f"the custom role {role!r} needs a base")
            self.grants[user.login.lower()] = Grant(role=role, base=base or role)
        return user

    # History

    def commit(
        self,
        message: str = "Work",
        *,
        author: str | Signature = "olivia",
        committer: str | Signature | None = None,
        parents: list[str] | None = None,
        files: Mapping[str, FileSpec] | None = None,
        co_authors: list[str] | None = None,
        on: str | None = None,
        by: str | None = None,
        sha: str | None = None,
        verified: bool = False,
        tree: dict[str, str] | None = None,
    ) -> str:
        """
        Make a commit and return its sha.

        `author` and `committer` are logins, or a `Signature` for an address that belongs to nobody. `on` names a
        branch that it is pushed to by `by` (default: the author); its head is then the default parent. `files`
        changes the first parent's tree; `co_authors` (logins or `Name <address>`) become trailers.
        """
        if parents is None:
            head = self.branches.get(on or self.default_branch)
            parents = [head] if head else []
        if tree is None:
            tree = self.commits[parents[0]].tree if parents and parents[0] in self.commits else {}
        tree = self._changed(tree, files)
        trailers = [f"Co-authored-by: {self._credit(login)}" for login in co_authors or ()]
        text = message + ("\n\n" + "\n".join(trailers) if trailers else "")
        written = self.signature(author)
        made = Commit(
            sha=sha or commit_sha(self.full_name, str(len(self.commits)), text, *parents),
            tree_sha=tree_sha(tree),
            parents=parents,
            author=written,
            committer=self.signature(committer) if committer else written,
            message=text,
            tree=tree,
            verified=verified or committer == WEB_FLOW,
            reason="valid" if verified or committer == WEB_FLOW else "unsigned",
        )
        self.commits[made.sha] = made
        if on is not None:
            self.push(on, made.sha, by=by or (author if isinstance(author, str) else "olivia"))
        return made.sha

    def signature(self, who: str | Signature) -> Signature:
        """Return what git records for a login, dated now."""
        if isinstance(who, Signature):
            return who
        user = self.world.user(who)
        return Signature(name=user.display_name, email=user.git_email, date=self.world.tick(), login=user.login)

    def _credit(self, who: str) -> str:
        if "<" in who:
            return who
        user = self.world.user(who)
        return f"{user.display_name} <{user.git_email}>"

    def _changed(self, tree: dict[str, str], files: Mapping[str, FileSpec] | None) -> dict[str, str]:
        if not files:
            return tree
        tree = dict(tree)
        for path, content in files.items():
            if content is None:
                tree.pop(path, None)
            elif isinstance(content, Submodule):
                tree[path] = f"{SUBMODULE} {content.sha}"
                self.root.submodules[path] = content.url
            else:
                mode = SYMLINK if isinstance(content, Symlink) else FILE
                text = content.target if isinstance(content, Symlink) else content
                data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
                sha = blob_sha(data)
                self.root.blobs[sha] = data
                tree[path] = f"{mode} {sha}"
        return tree

    def branch(self, name: str, *, at: str | None = None, by: str = "olivia") -> str:
        """Create a branch at a sha (default: the default branch's head) and return that sha."""
        sha = at or self.branches[self.default_branch]
        self.push(name, sha, by=by)
        return sha

    def push(self, branch: str, sha: str, *, by: str, force: bool = False, activity: str | None = None) -> None:
        """Move a branch and write it into the activity log as the work of `by`."""
        before = self.branches.get(branch, ZERO)
        kind = activity or ("force_push" if force else "branch_creation" if before == ZERO else "push")
        self.branches[branch] = sha
        self._log(kind, branch, before, sha, by)

    def delete_branch(self, name: str, *, by: str = "olivia") -> None:
        """Delete a branch."""
        self._log("branch_deletion", name, self.branches.pop(name), ZERO, by)

    def rename_branch(self, old: str, new: str) -> None:
        """Rename a branch; the old name answers 301 from now on."""
        self.branches[new] = self.branches.pop(old)
        self.renamed_branches[old] = new
        if self.default_branch == old:
            self.default_branch = new

    def _log(self, kind: str, branch: str, before: str, after: str, actor: str) -> None:
        self.activities.append(
            Activity(
                id=self.world.next_id(),
                activity_type=kind,
                ref=f"refs/heads/{branch}",
                before=before,
                after=after,
                actor=self.known(actor),
                timestamp=self.world.tick(),
            )
        )

    def tag(self, name: str, *, at: str | None = None, annotated: bool = False, by: str = "olivia") -> Tag:
        """Create a tag at a sha (default: the default branch's head)."""
        target = at or self.branches[self.default_branch]
        tagger = self.signature(by) if annotated else None
        sha = commit_sha("tag", name, target) if annotated else None
        self.tags[name] = Tag(name=name, target=target, sha=sha, message=name if annotated else "", tagger=tagger)
        return self.tags[name]

    def import_git(self, path: Path) -> None:
        """Take over the history of a real git repository; see `git_import`."""
        git_import.import_git(self, path)

    # Rules

    def ruleset(
        self,
        name: str = "default",
        *,
        rules: Iterable[Rule | str] = (),
        level: str = "Repository",
        source: str | None = None,
        **settings: Any,
    ) -> Ruleset:
        """
        Add a ruleset of `level` Repository, Organization or Enterprise; `settings` are fields of `Ruleset`.

        Rules are `rule("pull_request", required_approving_review_count=2)` or just `"deletion"`.
        """
        origin = source or {"Repository": self.full_name, "Organization": self.owner}.get(level, f"{self.owner}-ent")
        now = self.world.tick()
        made = Ruleset(
            id=self.world.next_id(),
            name=name,
            source=origin,
            source_type=level,
            rules=[rule(item) if isinstance(item, str) else item for item in rules],
            **{"created_at": now, "updated_at": now, **settings},
        )
        self.rulesets.append(made)
        return made

    def protect(
        self, pattern: str | None = None, *, checks: Iterable[str | Check] | None = None, **s: Any
    ) -> Protection:
        """Add a classic protection rule (default: for the default branch); `s` are fields of `Protection`."""
        required = None if checks is None else [Check(context=c) if isinstance(c, str) else c for c in checks]
        made = Protection(pattern=pattern or self.default_branch, checks=required, **s)
        self.protections.append(made)
        return made

    # Changes and runs

    def pull(
        self,
        title: str = "A change",
        *,
        author: str = "alice",
        base: str | None = None,
        head: str | None = None,
        fork: str | None = None,
        commits: int = 1,
        files: Mapping[str, FileSpec] | None = None,
        co_authors: list[str] | None = None,
        draft: bool = False,
        body: str | None = None,
        number: int | None = None,
        association: str | None = None,
    ) -> Pull:
        """
        Open a pull request and return it.

        Its head branch (default `change-<number>`) is made with `commits` commits by the author when it does not
        exist yet. `fork` is the full name of the repository it comes from; it is made if need be. `files` is what
        the first commit changes (default: one new file each).
        """
        number = number or 1 + max((int(n) for n in self.pulls), default=0)
        base, head = base or self.default_branch, head or f"change-{number}"
        home = self if fork is None else self.world.repository(fork, fork_of=self.full_name, owner_type="User")
        base_sha = self.branches[base]
        if head not in home.branches:
            home.push(head, base_sha, by=author)
            for index in range(commits):
                change = files if files and index == 0 else {f"change-{number}-{index}.txt": title}
                text = f"{title} ({index + 1})" if commits > 1 else title
                home.commit(text, author=author, files=change, co_authors=co_authors, on=head)
        now = self.world.tick()
        pull = Pull(
            number=number,
            id=self.world.next_id(),
            title=title,
            user=self.known(author),
            base_ref=base,
            base_sha=base_sha,
            head_ref=head,
            head_sha=home.branches[head],
            head_owner=home.owner,
            head_repository=home.full_name,
            created_at=now,
            updated_at=now,
            draft=draft,
            body=body,
            association=association,
            repository=self,
        )
        self.pulls[str(number)] = pull
        pull.merge_commit_sha = merging.trial_merge(self, pull)
        return pull

    def merge(self, pull: Pull, *, by: str = "olivia", method: str = "merge") -> str:
        """Merge a pull request by `merge`, `squash` or `rebase` and return its `merge_commit_sha`."""
        return merging.merge(self, pull, by=by, method=method)

    def enqueue(self, *pulls: Pull, by: str = "olivia", method: str = "merge") -> merging.MergeGroup:
        """Put open pull requests into one merge group; its synthetic branch exists from now on."""
        return merging.enqueue(self, list(pulls), by=by, method=method)

    def land(self, group: merging.MergeGroup) -> str:
        """Let a merge group through: the base branch moves to it, its pull requests are merged."""
        return merging.land(self, group)

    def run(
        self,
        event: str = "push",
        *,
        actor: str = "alice",
        triggering_actor: str | None = None,
        sha: str | None = None,
        branch: str | None = None,
        pull: Pull | None = None,
        head_repository: str | None = None,
        path: str = ".github/workflows/ci.yml",
        referenced: Iterable[tuple[str, str, str | None]] = (),
        id: int | None = None,  # noqa: A002 - the platform's word
    ) -> Run:
        """Add a workflow run; with a `pull` its head is the pull request's. `referenced`: (path, sha, ref)."""
        number = len(self.runs) + 1
        head_branch = branch or (pull.head_ref if pull else self.default_branch)
        head_sha = sha or (pull.head_sha if pull else self.branches[head_branch])
        now = self.world.tick()
        run = Run(
            id=self.world.next_id() if id is None else id,
            number=number,
            event=event,
            actor=self.known(actor),
            head_sha=head_sha,
            head_branch=head_branch,
            head_repository=head_repository or (pull.head_repository if pull else None) or self.full_name,
            path=path,
            workflow_id=int(blob_sha(path.encode())[:6], 16),
            name=path.rsplit("/", 1)[-1].removesuffix(".yml"),
            created_at=now,
            title=pull.title if pull else self.commits[head_sha].message.splitlines()[0],
            pulls=[pull.number] if pull and pull.head_repository == self.full_name else [],
            referenced_workflows=[ReferencedWorkflow(path=p, sha=s, ref=r) for p, s, r in referenced],
            attempts=[Attempt(triggering_actor=self.known(triggering_actor or actor), started_at=now)],
            repository=self,
        )
        self.runs[str(run.id)] = run
        return run
