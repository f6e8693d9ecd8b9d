"""Event files and job variables as a runner hands them to a job, derived from the fake GitHub's state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.hub.api_pulls import association, pull_body
from tests.fakes.hub.api_runs import run_body
from tests.fakes.hub.history import ZERO, ancestors, between
from tests.fakes.hub.merging import MergeGroup
from tests.fakes.hub.people import MERGE_QUEUE
from tests.fakes.hub.pulls import Pull, Review
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import Urls
from tests.fakes.hub.runs import Run
from tests.fakes.hub.shapes import Json, account, node_id, repository


@dataclass(frozen=True, kw_only=True)
class Events:
    """Builds the payload of each event for one repository; a sender is a login."""

    repo: Repository
    urls: Urls

    def _with_context(self, sender: str | None, body: Json) -> Json:
        """Add what every payload ends with."""
        body["repository"] = repository(self.repo, self.urls)
        owner = self.repo.world.user(self.repo.owner)
        if owner.type == "Organization":
            url = f"{self.urls.api}/orgs/{owner.login}"
            body["organization"] = {"login": owner.login, "id": owner.id, "node_id": node_id("O", owner.id), "url": url}
        if sender is not None:
            body["sender"] = account(self.repo.world, self.repo.known(sender), self.urls)
        return body

    def _commit(self, sha: str) -> Json:
        commit = self.repo.commits[sha]
        people = {
            role: {"name": who.name, "email": who.email, **({"username": who.login} if who.login else {})}
            for role, who in (("author", commit.author), ("committer", commit.committer))
        }
        return {
            "id": sha,
            "tree_id": commit.tree_sha,
            "distinct": True,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "url": f"{self.urls.html}/{self.repo.full_name}/commit/{sha}",
            **people,
            "added": [],
            "removed": [],
            "modified": [],
        }

    def push(self, ref: str | None = None, *, before: str = ZERO, after: str | None = None, sender: str) -> Json:
        """Return a push of a branch name or a full ref (default: the default branch, to where it is now)."""
        full = ref if ref and ref.startswith("refs/") else f"refs/heads/{ref or self.repo.default_branch}"
        if after is None:
            tag = self.repo.tags.get(full.removeprefix("refs/tags/"))
            after = tag.target if tag else self.repo.branches[full.removeprefix("refs/heads/")]
        commits = [] if after == ZERO else between(self.repo.commits, None if before == ZERO else before, after)
        user = self.repo.world.user(sender)
        forced = ZERO not in (before, after) and before not in ancestors(self.repo.commits, after)
        body: Json = {
            "ref": full,
            "before": before,
            "after": after,
            "pusher": {"name": user.login, "email": user.git_email},
            "created": before == ZERO,
            "deleted": after == ZERO,
            "forced": forced,
            "base_ref": None,
            "compare": f"{self.urls.html}/{self.repo.full_name}/compare/{before[:12]}...{after[:12]}",
            # GitHub lists at most 2048 commits here, and none for a new tag.
            "commits": [] if full.startswith("refs/tags/") else [self._commit(sha) for sha in commits[-2048:]],
            "head_commit": None if after == ZERO else self._commit(after),
        }
        return self._with_context(sender, body)

    def pull_request(self, pull: Pull, action: str = "opened", *, sender: str | None = None) -> Json:
        """Return what `pull_request` and `pull_request_target` carry; the sender is the author unless said."""
        body: Json = {
            "action": action,
            "number": pull.number,
            "pull_request": pull_body(self.repo, pull, self.urls, full=True),
        }
        if action == "synchronize":
            parents = self.repo.commits[pull.head_sha].parents
            body |= {"before": parents[0] if parents else ZERO, "after": pull.head_sha}
        return self._with_context(sender or pull.user, body)

    def pull_request_review(self, pull: Pull, review: Review, *, sender: str | None = None) -> Json:
        """Return a submitted review."""
        page = f"{self.urls.html}/{self.repo.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
        pull_url = f"{self.urls.api}/repos/{self.repo.full_name}/pulls/{pull.number}"
        body: Json = {
            "action": "submitted",
            "review": {
                "id": review.id,
                "node_id": node_id("PullRequestReview", review.id),
                "user": account(self.repo.world, review.user, self.urls),
                "body": review.body,
                "commit_id": review.commit_id,
                "submitted_at": review.submitted_at,
                "state": review.state.lower(),
                "html_url": page,
                "pull_request_url": pull_url,
                "author_association": association(self.repo, review.user, review.association),
                "_links": {"html": {"href": page}, "pull_request": {"href": pull_url}},
            },
            "pull_request": pull_body(self.repo, pull, self.urls, full=False),
        }
        return self._with_context(sender or review.user, body)

    def merge_group(self, group: MergeGroup, *, sender: str = MERGE_QUEUE) -> Json:
        """Return `checks_requested`; it names the group's commits and branches, not its pull requests."""
        body: Json = {
            "action": "checks_requested",
            "merge_group": {
                "head_sha": group.head_sha,
                "head_ref": f"refs/heads/{group.head_ref}",
                "base_sha": group.base_sha,
                "base_ref": f"refs/heads/{group.base_ref}",
                "head_commit": {
                    key: value
                    for key, value in self._commit(group.head_sha).items()
                    if key in ("id", "tree_id", "message", "timestamp", "author", "committer")
                },
            },
        }
        return self._with_context(sender, body)

    def workflow_dispatch(self, *, sender: str, ref: str | None = None, inputs: Json | None = None) -> Json:
        """Return a manual start."""
        full = ref if ref and ref.startswith("refs/") else f"refs/heads/{ref or self.repo.default_branch}"
        return self._with_context(sender, {"inputs": inputs, "ref": full, "workflow": ".github/workflows/ci.yml"})

    def repository_dispatch(self, *, sender: str, kind: str = "deploy", payload: Json | None = None) -> Json:
        """Return a start through the API."""
        body = {"action": kind, "branch": self.repo.default_branch, "client_payload": payload or {}}
        return self._with_context(sender, body)

    def schedule(self, cron: str = "0 3 * * *", *, sender: str | None = None) -> Json:
        """Return a scheduled start; nobody sends it unless said."""
        return self._with_context(sender, {"schedule": cron, "workflow": ".github/workflows/ci.yml"})

    def workflow_run(self, run: Run, *, action: str = "completed", sender: str | None = None) -> Json:
        """Return what follows an upstream run."""
        page = f"{self.urls.html}/{self.repo.full_name}/blob/{self.repo.default_branch}/{run.path}"
        workflow = {
            "id": run.workflow_id,
            "node_id": node_id("Workflow", run.workflow_id),
            "name": run.name,
            "path": run.path,
            "state": "active",
            "html_url": page,
        }
        upstream = run_body(self.repo, run, len(run.attempts), self.urls)
        body: Json = {"action": action, "workflow_run": upstream, "workflow": workflow}
        return self._with_context(sender or run.attempts[-1].triggering_actor, body)

    def release(self, tag: str, *, sender: str, target: str | None = None) -> Json:
        """Return a published release."""
        page = f"{self.urls.html}/{self.repo.full_name}/releases/tag/{tag}"
        number = self.repo.world.next_id()
        url = f"{self.urls.api}/repos/{self.repo.full_name}/releases/{number}"
        release = {
            "id": number,
            "node_id": node_id("Release", number),
            "url": url,
            "html_url": page,
            "tag_name": tag,
            "target_commitish": target or self.repo.default_branch,
            "name": tag,
            "draft": False,
            "prerelease": False,
            "immutable": False,
            "created_at": self.repo.world.now(),
            "published_at": self.repo.world.now(),
            "author": account(self.repo.world, self.repo.known(sender), self.urls),
            "assets": [],
            "body": None,
        }
        return self._with_context(sender, {"action": "published", "release": release})

    def deployment(self, sha: str, *, sender: str, ref: str | None = None, environment: str = "production") -> Json:
        """Return a created deployment."""
        number = self.repo.world.next_id()
        url = f"{self.urls.api}/repos/{self.repo.full_name}/deployments/{number}"
        deployment = {
            "id": number,
            "node_id": node_id("Deployment", number),
            "url": url,
            "sha": sha,
            "ref": ref or self.repo.default_branch,
            "task": "deploy",
            "payload": {},
            "environment": environment,
            "original_environment": environment,
            "description": None,
            "creator": account(self.repo.world, self.repo.known(sender), self.urls),
            "created_at": self.repo.world.now(),
            "updated_at": self.repo.world.now(),
            "statuses_url": f"{url}/statuses",
            "repository_url": f"{self.urls.api}/repos/{self.repo.full_name}",
        }
        return self._with_context(
            sender, {"action": "created", "deployment": deployment, "workflow": None, "workflow_run": None}
        )

    def deployment_status(self, sha: str, *, sender: str, state: str = "success", ref: str | None = None) -> Json:
        """Return a deployment's new status."""
        body = self.deployment(sha, sender=sender, ref=ref)
        status = {
            "id": self.repo.world.next_id(),
            "state": state,
            "creator": body["sender"],
            "environment": "production",
        }
        return {**body, "deployment_status": status, "check_run": None}

    def issue_comment(self, pull: Pull, text: str, *, sender: str) -> Json:
        """Return a comment on a pull request."""
        number = self.repo.world.next_id()
        url = f"{self.urls.api}/repos/{self.repo.full_name}"
        page = f"{self.urls.html}/{self.repo.full_name}/pull/{pull.number}"
        issue = {
            "id": pull.id,
            "number": pull.number,
            "url": f"{url}/issues/{pull.number}",
            "html_url": page,
            "title": pull.title,
            "body": pull.body,
            "state": pull.state,
            "user": account(self.repo.world, pull.user, self.urls),
            "author_association": association(self.repo, pull.user, pull.association),
            "pull_request": {"url": f"{url}/pulls/{pull.number}", "html_url": page, "merged_at": pull.merged_at},
        }
        comment = {
            "id": number,
            "node_id": node_id("IssueComment", number),
            "url": f"{url}/issues/comments/{number}",
            "html_url": f"{page}#issuecomment-{number}",
            "user": account(self.repo.world, self.repo.known(sender), self.urls),
            "body": text,
            "created_at": self.repo.world.now(),
            "updated_at": self.repo.world.now(),
            "author_association": association(self.repo, self.repo.known(sender)),
        }
        return self._with_context(sender, {"action": "created", "issue": issue, "comment": comment})

    def create(self, ref: str, *, sender: str, ref_type: str = "tag") -> Json:
        """Return the making of a tag or a branch."""
        body: Json = {
            "ref": ref,
            "ref_type": ref_type,
            "full_ref": f"refs/{'tags' if ref_type == 'tag' else 'heads'}/{ref}",
            "master_branch": self.repo.default_branch,
            "description": None,
            "pusher_type": "user",
        }
        return self._with_context(sender, body)


def job_environment(
    events: Events, run: Run, payload: Json, folder: Path, *, graphql_url: str, **changes: str
) -> dict[str, str]:
    """
    Return the variables of a job of `run`, with the payload written to a file in `folder`.

    Ref and sha follow from event and payload as GitHub documents it for each event; `changes` replaces or adds.
    """
    repo, urls = events.repo, events.urls
    ref, sha = _ref_and_sha(repo, run, payload)
    folder.mkdir(parents=True, exist_ok=True)
    event_file = folder / "event.json"
    event_file.write_text(json.dumps(payload), encoding="utf-8")
    pull: Json = payload.get("pull_request") or {}
    branch = ref.removeprefix("refs/heads/")
    protected = ref != branch and bool(repo.protection_of(branch) or repo.rules_of(branch))
    attempt = run.attempts[-1]
    world = repo.world
    values: dict[str, Any] = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": urls.api,
        "GITHUB_SERVER_URL": urls.html,
        "GITHUB_GRAPHQL_URL": graphql_url,
        "GITHUB_REPOSITORY": repo.full_name,
        "GITHUB_REPOSITORY_ID": repo.id,
        "GITHUB_REPOSITORY_OWNER": repo.owner,
        "GITHUB_REPOSITORY_OWNER_ID": world.user(repo.owner).id,
        "GITHUB_EVENT_NAME": run.event,
        "GITHUB_EVENT_PATH": event_file,
        "GITHUB_REF": ref,
        "GITHUB_REF_NAME": ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/pull/"),
        "GITHUB_REF_TYPE": "tag" if ref.startswith("refs/tags/") else "branch",
        "GITHUB_REF_PROTECTED": str(protected).lower(),
        "GITHUB_SHA": sha,
        "GITHUB_HEAD_REF": pull.get("head", {}).get("ref", ""),
        "GITHUB_BASE_REF": pull.get("base", {}).get("ref", ""),
        "GITHUB_ACTOR": run.actor,
        "GITHUB_ACTOR_ID": world.user(run.actor).id,
        "GITHUB_TRIGGERING_ACTOR": attempt.triggering_actor,
        "GITHUB_RUN_ID": run.id,
        "GITHUB_RUN_NUMBER": run.number,
        "GITHUB_RUN_ATTEMPT": len(run.attempts),
        "GITHUB_WORKFLOW": run.name,
        "GITHUB_WORKFLOW_REF": f"{repo.full_name}/{run.path}@{ref}",
        "GITHUB_WORKFLOW_SHA": sha,
        "GITHUB_JOB": "guard",
        "GITHUB_RETENTION_DAYS": "90",
        "GITHUB_STEP_SUMMARY": folder / "summary.md",
        "GITHUB_OUTPUT": folder / "output",
        "GITHUB_ENV": folder / "env",
        "GITHUB_PATH": folder / "path",
        "GITHUB_WORKSPACE": folder,
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": folder,
        **changes,
    }
    return {name: str(value) for name, value in values.items()}


def _ref_and_sha(repo: Repository, run: Run, payload: Json) -> tuple[str, str]:
    """Return what GitHub sets for an event: "Events that trigger workflows"."""
    default = f"refs/heads/{repo.default_branch}"
    if run.event in ("pull_request", "pull_request_review"):
        number = payload["pull_request"]["number"]
        pull = repo.pulls[str(number)]
        # A run of a pull request builds the test merge of head and base.
        return f"refs/pull/{number}/merge", pull.merge_commit_sha or pull.head_sha
    if run.event == "merge_group":
        return payload["merge_group"]["head_ref"], payload["merge_group"]["head_sha"]
    if run.event == "release":
        tag = payload["release"]["tag_name"]
        return f"refs/tags/{tag}", repo.tags[tag].target
    if run.event == "create":
        return payload["full_ref"], run.head_sha
    if run.event in ("deployment", "deployment_status"):
        return f"refs/heads/{payload['deployment']['ref']}", payload["deployment"]["sha"]
    if run.event in ("push", "workflow_dispatch"):
        return payload["ref"], payload.get("after") or run.head_sha
    return default, repo.branches[repo.default_branch]
