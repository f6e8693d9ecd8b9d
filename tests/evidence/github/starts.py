"""How each event starts a job, and how an earlier step of that job can rewrite its event file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ci_guard.model.run import Event
from tests.evidence.github.scene import Scene
from tests.fakes.hub.people import MERGE_QUEUE

Start = Callable[[Scene], Scene]


def push(scene: Scene) -> Scene:
    before = scene.repo.branches["main"]
    return scene.push(scene.repo.commit("Work", author="alice", on="main"), before=before, actor="alice")


def tag(scene: Scene, name: str = "push") -> Scene:
    scene.repo.tag("v1")
    run = scene.repo.run(name, actor="alice", branch="v1", sha=scene.repo.branches["main"])
    payload = (
        scene.events.push("refs/tags/v1", sender="alice")
        if name == "push"
        else scene.events.create("v1", sender="alice")
    )
    return scene.start(run, payload)


def create_branch(scene: Scene) -> Scene:
    scene.repo.branch("topic", by="alice")
    run = scene.repo.run("create", actor="alice", branch="topic")
    return scene.start(run, scene.events.create("topic", ref_type="branch", sender="alice"))


def change(scene: Scene, name: str = "pull_request") -> Scene:
    pull = scene.repo.pull(author="alice")
    return scene.start(scene.repo.run(name, actor="alice", pull=pull), scene.events.pull_request(pull))


def review(scene: Scene) -> Scene:
    pull = scene.repo.pull(author="alice")
    given_review = pull.review("bob")
    run = scene.repo.run("pull_request_review", actor="bob", pull=pull)
    return scene.start(run, scene.events.pull_request_review(pull, given_review))


def queue(scene: Scene) -> Scene:
    group = scene.repo.enqueue(scene.repo.pull(author="alice"), by="carol")
    run = scene.repo.run("merge_group", actor=MERGE_QUEUE, sha=group.head_sha, branch=group.head_ref)
    return scene.start(run, scene.events.merge_group(group))


def release(scene: Scene) -> Scene:
    scene.repo.tag("v1")
    run = scene.repo.run("release", actor="alice", branch="v1", sha=scene.repo.branches["main"])
    return scene.start(run, scene.events.release("v1", sender="alice"))


def deployment(scene: Scene, name: str = "deployment") -> Scene:
    sha = scene.repo.branches["main"]
    build = scene.events.deployment if name == "deployment" else scene.events.deployment_status
    return scene.start(scene.repo.run(name, actor="alice"), build(sha, sender="alice"))


def schedule(scene: Scene) -> Scene:
    return scene.start(scene.repo.run("schedule", actor="alice"), scene.events.schedule())


def manual(scene: Scene) -> Scene:
    return scene.start(
        scene.repo.run("workflow_dispatch", actor="alice"), scene.events.workflow_dispatch(sender="alice")
    )


def api(scene: Scene) -> Scene:
    return scene.start(
        scene.repo.run("repository_dispatch", actor="alice"), scene.events.repository_dispatch(sender="alice")
    )


def upstream(scene: Scene) -> Scene:
    first = scene.repo.run("push", actor="alice")
    return scene.start(scene.repo.run("workflow_run", actor="alice"), scene.events.workflow_run(first))


def comment(scene: Scene) -> Scene:
    pull = scene.repo.pull(author="alice")
    return scene.start(
        scene.repo.run("issue_comment", actor="bob"), scene.events.issue_comment(pull, "/deploy", sender="bob")
    )


STARTS: dict[str, tuple[Start, Event, str | None, str | None, bool]] = {
    "push": (push, Event.PUSH, "main", None, False),
    "push of a tag": (tag, Event.TAG, None, "v1", False),
    "create of a tag": (lambda scene: tag(scene, "create"), Event.TAG, None, "v1", False),
    "create of a branch": (create_branch, Event.PUSH, "topic", None, False),
    "pull_request": (change, Event.CHANGE, None, None, True),
    "pull_request_review": (review, Event.CHANGE, None, None, True),
    "pull_request_target": (
        lambda scene: change(scene, "pull_request_target"),
        Event.TARGET_CHANGE,
        "main",
        None,
        True,
    ),
    "merge_group": (queue, Event.QUEUE, "main", None, True),
    "release": (release, Event.RELEASE, None, "v1", False),
    "deployment": (deployment, Event.DEPLOYMENT, "main", None, False),
    "deployment_status": (lambda scene: deployment(scene, "deployment_status"), Event.DEPLOYMENT, "main", None, False),
    "schedule": (schedule, Event.SCHEDULE, "main", None, False),
    "workflow_dispatch": (manual, Event.MANUAL, "main", None, False),
    "repository_dispatch": (api, Event.API, "main", None, False),
    "workflow_run": (upstream, Event.UPSTREAM, "main", None, False),
    "issue_comment": (comment, Event.COMMENT, "main", None, True),
}
"""By name: how it starts, and the event, branch, tag and whether there is a change."""


def rewrite(scene: Scene, changes: dict[str, Any]) -> None:
    """Rewrite the event file as an earlier step of the job could; a key may be a path."""
    path = Path(scene.environment["GITHUB_EVENT_PATH"])
    content = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *way, last = key.split("/")
        target = content
        for part in way:
            target = target[part]
        target[last] = value
    path.write_text(json.dumps(content), encoding="utf-8")
