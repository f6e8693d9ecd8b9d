"""An organisation's policy on GitLab judges a project whatever its change does to `extends`; it is never left out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ci_guard.evidence.rest import exchange
from tests.e2e import gitlab_shop
from tests.e2e.test_check import Guard, Told, guard
from tests.e2e.test_gitlab import run
from tests.fakes import faults
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.history import blob_sha
from tests.fakes.hub.router import Answer

__all__ = ["guard"]

ASKS = "version: 1\ncontrols: {{actor-permissions: {{require: {{actor: {}}}}}}}\n"
STRICT, LAX = ASKS.format("write"), ASKS.format("read")
SILENT = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
LAYER = "GET /projects/acme%2Fsecurity/*"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BACKOFF_SECONDS", exchange.BACKOFF_SECONDS / 100)


def published(gitlab: FakeGitLab, content: str = STRICT, path: str = "ci-guard.yml") -> str:
    """Commit a policy to the organisation's project, which everybody may read, and return its reference."""
    project = gitlab.project("acme/security", visibility="public")
    return f"gitlab:acme/security//{path}@{project.commit('Policy', files={path: content}, on='main')}"


def extending(reference: str) -> str:
    return f"version: 1\nextends: {reference}\n"


def judged(gitlab: FakeGitLab, guard: Guard, folder: Path, policy: str | None, *more: str) -> Told:
    """Return what is told of a pipeline that a Reporter started in a project with this policy."""
    shop = gitlab_shop.make(gitlab, folder / "shop", base_files={".ci-guard.yml": policy} if policy else None)
    job = shop.project.run("trigger", user="rita", sha=shop.merge)
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    return run(guard, gitlab, shop.path, environ, *more)


def test_a_project_extends_its_organisation_by_commit(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    told = judged(gitlab, guard, tmp_path, extending(published(gitlab)))
    assert (told.report["verdict"], told.exit_code, told.of("actor")["outcome"]) == ("deny", 1, "fail"), told.stdout


@pytest.mark.parametrize("floor", [False, True], ids=["no floor", "floor"])
@pytest.mark.parametrize(
    "moved",
    [(None, ""), (SILENT, "other.yml"), (SILENT, "ci-guard.yml")],
    ids=["dropped", "other file", "other commit"],
)
def test_the_floor_alone_judges_who_dropped_or_redirected_extends(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, moved: tuple[str | None, str], floor: bool
) -> None:
    named = published(gitlab)
    policy = SILENT if moved[0] is None else extending(published(gitlab, moved[0], moved[1]))
    told = judged(gitlab, guard, tmp_path, policy, *(("--floor", named) if floor else ()))
    if floor:
        assert (told.report["verdict"], told.exit_code, told.of("actor")["outcome"]) == ("deny", 1, "fail"), told.stdout
        assert named in told.report["policy"]["layers"]
    else:
        assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout


def test_the_floor_refuses_a_layer_that_asks_for_less_and_names_both_places(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    named, lax = published(gitlab), published(gitlab, LAX)
    told = judged(gitlab, guard, tmp_path, extending(lax), "--floor", named)
    assert (told.report["verdict"], told.exit_code) == ("error", 2)
    shown = " ".join(told.stdout.split())
    assert f"{lax}:2:" in shown
    assert f"asks for less than {named}:2; saw read or more, expected write or more, or stricter" in shown


@pytest.mark.parametrize("by", ["floor", "extends"])
@pytest.mark.parametrize(
    "wrong",
    [
        (faults.forbidden("403 Forbidden"), "403"),
        (faults.status(404, "404 Project Not Found"), "404"),
        (faults.server_error(), "502"),
        (faults.raw(SILENT.encode(), "text/plain"), "X-Gitlab-Blob-Id"),
    ],
    ids=["403", "404", "502", "changed"],
)
def test_a_layer_that_cannot_be_read_or_was_changed_on_the_way_is_never_left_out(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, wrong: tuple[faults.Fault, str], by: str
) -> None:
    named = published(gitlab)
    gitlab.fault(LAYER, wrong[0])
    given = (SILENT, "--floor", named) if by == "floor" else (extending(named),)
    told = judged(gitlab, guard, tmp_path, *given)
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    shown = " ".join(told.stdout.split())
    assert f"the policy {named} could not be read, so nothing was judged" in shown
    assert wrong[1] in shown, shown


def test_another_text_than_the_digest_says_is_refused(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    named = published(gitlab, LAX)
    digest = hashlib.sha256(STRICT.encode()).hexdigest()
    told = judged(gitlab, guard, tmp_path, f"version: 1\nextends: {{policy: '{named}', sha256: {digest}}}\n")
    assert (told.report["verdict"], told.exit_code) == ("error", 2)
    shown = " ".join(told.stdout.split())
    assert f"saw {hashlib.sha256(LAX.encode()).hexdigest()}, expected {digest}" in shown


def test_a_circle_which_only_a_server_that_lies_about_its_commits_can_make_is_refused(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    named = published(gitlab)
    data = extending(named).encode()
    headers = {"X-Gitlab-Blob-Id": blob_sha(data), "X-Gitlab-Commit-Id": named.rpartition("@")[2]}
    gitlab.fault(LAYER, faults.Fault(name="circle", change=lambda _: Answer(body=data, headers=headers)))
    told = judged(gitlab, guard, tmp_path, SILENT, "--floor", named)
    assert (told.report["verdict"], told.exit_code) == ("error", 2)
    shown = " ".join(told.stdout.split())
    assert f"{named}:2:10: extends leads in a circle; saw" in shown, shown
