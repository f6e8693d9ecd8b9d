"""The bodies of answers, as `lib/api/entities` of GitLab has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.fakes.hub.history import Commit
from tests.fakes.lab.project import Project
from tests.fakes.lab.state import (
    AccessLevel,
    Deployment,
    Job,
    Member,
    MergeRequest,
    Note,
    Pipeline,
    ProtectedBranch,
    User,
)
from tests.fakes.lab.world import World

WORDS = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers", 60: "Instance admins"}


def user_basic(user: User, url: str) -> dict[str, Any]:
    """Return a `UserBasic`."""
    return {
        "id": user.id,
        "username": user.username,
        "public_email": "",
        "name": user.name,
        "state": user.state,
        "locked": False,
        "avatar_url": f"{url}/uploads/{user.id}.png",
        "web_url": f"{url}/{user.username}",
    }


def user_full(user: User, url: str) -> dict[str, Any]:
    """Return a `User`, which also says whether it is a bot's."""
    nothing = ("bio", "location", "linkedin", "twitter", "discord", "website_url", "organization", "job_title")
    return {
        **user_basic(user, url),
        **dict.fromkeys(nothing, ""),
        "created_at": "2025-01-01T00:00:00.000Z",
        "pronouns": None,
        "bot": user.bot,
        "work_information": None,
        "followers": 0,
        "following": 0,
        "local_time": None,
    }


def commit(made: Commit, url: str) -> dict[str, Any]:
    """Return a `Commit`."""
    return {
        "id": made.sha,
        "short_id": made.sha[:8],
        "created_at": made.committer.date,
        "parent_ids": list(made.parents),
        "title": made.message.splitlines()[0] if made.message else "",
        "message": made.message,
        "author_name": made.author.name,
        "author_email": made.author.email,
        "authored_date": made.author.date,
        "committer_name": made.committer.name,
        "committer_email": made.committer.email,
        "committed_date": made.committer.date,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{url}/-/commit/{made.sha}",
    }


def pipeline_basic(project: Project, made: Pipeline, url: str) -> dict[str, Any]:
    """Return a `Ci::PipelineBasic`."""
    return {
        "id": made.id,
        "iid": made.id % 1000,
        "project_id": made.project_id,
        "sha": made.sha,
        "ref": made.ref,
        "status": made.status,
        "source": made.source,
        "created_at": made.created_at,
        "updated_at": made.created_at,
        "web_url": f"{url}/{project.path}/-/pipelines/{made.id}",
    }


def pipeline(world: World, project: Project, made: Pipeline, url: str) -> dict[str, Any]:
    """Return a `Ci::Pipeline`."""
    return {
        **pipeline_basic(project, made, url),
        "before_sha": made.before_sha,
        "tag": made.tag,
        "yaml_errors": None,
        "user": user_basic(world.user(made.user), url),
        "coverage": None,
    }


def head_pipeline(world: World, project: Project, made: Pipeline, url: str) -> dict[str, Any]:
    """Return the `Ci::Pipeline` of a merge request's head, which has run by then."""
    page = f"/{project.path}/-/pipelines/{made.id}"
    words = dict.fromkeys(("text", "label", "group", "tooltip"), "passed")
    return {
        **pipeline(world, project, made, url),
        "status": "success",
        "started_at": made.created_at,
        "finished_at": made.created_at,
        "committed_at": made.created_at,
        "duration": 1,
        "queued_duration": 1,
        "detailed_status": {
            **words,
            "icon": "status_success",
            "has_details": True,
            "details_path": page,
            "illustration": None,
            "favicon": "/favicon.png",
        },
    }


def job(world: World, project: Project, made: Job, url: str) -> dict[str, Any]:
    """Return a `Ci::JobBasic` as `GET /job` answers it."""
    built = project.commits.get(made.pipeline.sha)
    return {
        "id": made.id,
        "status": made.status,
        "stage": ".pre",
        "name": made.name,
        "ref": made.pipeline.ref,
        "tag": made.pipeline.tag,
        "coverage": None,
        "allow_failure": False,
        "created_at": made.created_at,
        "started_at": made.created_at,
        "finished_at": None,
        "erased_at": None,
        "duration": 1.0,
        "queued_duration": 0.5,
        "user": user_full(world.user(made.user), url),
        "commit": commit(built, f"{url}/{project.path}") if built else None,
        "pipeline": pipeline_basic(project, made.pipeline, url),
        "web_url": f"{url}/{project.path}/-/jobs/{made.id}",
        "project": {"ci_job_token_scope_enabled": False},
        "artifacts": [],
        "artifacts_expire_at": None,
        "archived": False,
        "tag_list": made.tags,
    }


def deployment(world: World, project: Project, made: Deployment, url: str) -> dict[str, Any]:
    """Return a `Deployment`, of which `DeploymentExtended` has the approvals besides."""
    source = made.job.pipeline if made.job else None
    user = user_basic(world.user(made.job.user if made.job else "olivia"), url)
    return {
        "id": made.id,
        "iid": made.id % 1000,
        "ref": source.ref if source else project.default_branch,
        "sha": source.sha if source else project.branches[project.default_branch],
        "created_at": made.created_at,
        "updated_at": made.updated_at,
        "status": "running",
        "user": user,
        "environment": {"id": 9, "name": made.environment, "external_url": f"{url}/env"},
        "deployable": made.job and job(world, project, made.job, url),
    }


def branch(project: Project, name: str, viewer: User | None, url: str) -> dict[str, Any]:
    """Return a `Branch`; `can_push` is about whoever asks."""
    return {
        "name": name,
        "commit": commit(project.commits[project.branches[name]], f"{url}/{project.path}"),
        "merged": False,
        "protected": bool(project.rules_of(name)),
        "developers_can_push": project.developers_may("push", name),
        "developers_can_merge": project.developers_may("merge", name),
        "can_push": viewer is not None and project.may("push", name, viewer),
        "default": name == project.default_branch,
        "web_url": f"{url}/{project.path}/-/tree/{name}",
    }


def merge_request(world: World, project: Project, made: MergeRequest, url: str) -> dict[str, Any]:
    """Return a `MergeRequestBasic`, as lists have it."""
    merged_by = user_basic(world.user(made.merge_user), url) if made.merge_user else None
    return {
        "id": made.id,
        "iid": made.iid,
        "project_id": project.id,
        "title": made.title,
        "description": "",
        "state": made.state,
        "created_at": made.created_at,
        "updated_at": made.updated_at,
        "merged_by": merged_by,
        "merge_user": merged_by,
        "merged_at": made.merged_at,
        "closed_by": None,
        "closed_at": None,
        "target_branch": made.target_branch,
        "source_branch": made.source_branch,
        "user_notes_count": sum(not note.system for note in made.notes),
        "upvotes": 0,
        "downvotes": 0,
        "author": user_basic(world.user(made.author), url),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": made.source_project_id,
        "target_project_id": made.target_project_id,
        "labels": made.labels,
        "draft": made.draft,
        "work_in_progress": made.draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged",
        "detailed_merge_status": "mergeable" if made.state == "opened" else "not_open",
        "sha": made.sha,
        "merge_commit_sha": made.merge_commit_sha,
        "squash_commit_sha": made.squash_commit_sha,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": False,
        "prepared_at": made.created_at,
        "reference": f"!{made.iid}",
        "references": {"short": f"!{made.iid}", "relative": f"!{made.iid}", "full": f"{project.path}!{made.iid}"},
        "web_url": f"{url}/{project.path}/-/merge_requests/{made.iid}",
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "squash": made.squash,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": False,
        "blocking_discussions_resolved": True,
        "approvals_before_merge": None,
    }


def merge_request_full(
    world: World, project: Project, made: MergeRequest, viewer: User | None, url: str
) -> dict[str, Any]:
    """Return a `MergeRequest`, as a single one is answered; `user.can_merge` is about whoever asks."""
    return {
        **merge_request(world, project, made, url),
        "subscribed": False,
        "changes_count": str(len(made.commits)),
        "latest_build_started_at": None,
        "latest_build_finished_at": None,
        "first_deployed_to_production_at": None,
        "pipeline": None,
        "head_pipeline": head_pipeline(world, project, made.head_pipeline, url) if made.head_pipeline else None,
        "diff_refs": {"base_sha": made.base_sha, "head_sha": made.sha, "start_sha": made.start_sha},
        "merge_error": None,
        "first_contribution": False,
        "user": {"can_merge": viewer is not None and project.may("merge", made.target_branch, viewer)},
    }


def note(world: World, made: MergeRequest, said: Note, url: str) -> dict[str, Any]:
    """Return a `Note`."""
    return {
        "id": said.id,
        "type": None,
        "body": said.body,
        "author": user_basic(world.user(said.username), url),
        "created_at": said.created_at,
        "updated_at": said.created_at,
        "system": said.system,
        "noteable_id": made.id,
        "noteable_type": "MergeRequest",
        "project_id": made.target_project_id,
        "resolvable": False,
        "confidential": False,
        "internal": False,
        "imported": False,
        "noteable_iid": made.iid,
        "commands_changes": {},
    }


def member(world: World, held: Member, url: str, *, premium: bool) -> dict[str, Any]:
    """Return a `Member`."""
    body = {
        **user_basic(world.user(held.username), url),
        "access_level": held.access_level,
        "created_at": "2025-01-01T00:00:00.000Z",
        "expires_at": None,
        "membership_state": "active",
    }
    return {**body, "member_role": held.member_role} if premium else body


def level(entry: AccessLevel, number: int, *, premium: bool) -> dict[str, Any]:
    """Return a `ProtectedRefAccess`; users, groups and keys are of Premium, but for keys."""
    body: dict[str, Any] = {
        "id": number,
        "access_level": entry.access_level,
        "access_level_description": WORDS.get(entry.access_level, "somebody"),
        "deploy_key_id": entry.deploy_key_id,
    }
    return {**body, "user_id": entry.user_id, "group_id": entry.group_id} if premium else body


def levels(entries: Iterable[AccessLevel], *, premium: bool) -> list[dict[str, Any]]:
    """Return the entries of a rule."""
    return [level(entry, number, premium=premium) for number, entry in enumerate(entries, 1)]


def protected_branch(rule: ProtectedBranch, *, premium: bool) -> dict[str, Any]:
    """Return a `ProtectedBranch`; Premium adds who may unprotect, code owners and where the rule comes from."""
    body: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name,
        "push_access_levels": levels(rule.push, premium=premium),
        "merge_access_levels": levels(rule.merge, premium=premium),
        "allow_force_push": rule.allow_force_push,
    }
    if not premium:
        return body
    return {
        **body,
        "unprotect_access_levels": levels(rule.unprotect, premium=premium),
        "code_owner_approval_required": rule.code_owner_approval_required,
        "inherited": rule.inherited,
    }
