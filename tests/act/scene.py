"""A repository whose workflow runs the guard, and the jobs of its pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.act.runner import Ran
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes.github import FakeGitHub

Act = Callable[..., Ran]
"""The fixture `act`: a repository, its job's environment and the event; returns what the run left behind."""


def pushed(github: FakeGitHub, shop: Consumer, folder: Path, *, token: str | None = "job") -> dict[str, str]:
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, folder)
    return environ | ({"GITHUB_TOKEN": github.token(token).value} if token else {})


def shop_with(
    github: FakeGitHub, path: Path, workflow: str, *, files: Mapping[str, str] | None = None, **settings: object
) -> Consumer:
    base = {".github/workflows/ci.yml": workflow, **(files or {})}
    return consumer.make(github, path, base_files=base, **settings)  # type: ignore[arg-type]
