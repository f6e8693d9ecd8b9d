"""What makes sure of the guard on GitLab: the job's stage, the ID token, the project's settings."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause, Fact, Source
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from tests.evidence.gitlab.scene import Scene, known, source_of
from tests.fakes import faults

AUDIENCE = "https://ci-guard.example"


def enforced(scene: Scene) -> Fact[Enforcement]:
    return scene.adapter.guard(frozenset({"enforcement"})).enforcement


def with_token(scene: Scene, **claims: str) -> Scene:
    job = scene.shop.run()
    scene.settings = {"audience": AUDIENCE}
    return scene.start(job, CI_GUARD_ID_TOKEN=scene.gitlab.id_token(job, audience=AUDIENCE, **claims))


def seen(scene: Scene, **settings: object) -> Enforcement:
    scene.shop.settings.update(settings)
    return known(enforced(scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader)))


def test_a_job_in_the_reserved_stage_is_a_policys(scene: Scene) -> None:
    scene.gitlab.fault("GET /job", faults.altered(lambda body: {**body, "stage": ".pipeline-policy-pre"}))
    fact = enforced(scene.start(scene.shop.run()))
    assert [hold.kind for hold in known(fact).holds] == [HoldKind.POLICY]
    assert source_of(fact) is Source.API


def test_the_id_token_says_that_the_file_lies_elsewhere(scene: Scene) -> None:
    fact = enforced(with_token(scene, ci_config_ref_uri="gitlab.example/security/ci//ci.yml@refs/heads/main"))
    hold = Hold(kind=HoldKind.CONFIG, name="ci.yml@security/ci", elsewhere=True, own=True)
    assert known(fact).holds == (hold,)
    assert source_of(fact) is Source.SIGNED


@pytest.mark.parametrize("host", ["gitlab.example", "gitlab.example/below/a/root"])
def test_the_projects_own_file_is_no_hold_and_settings_are_unknown_to_the_job(scene: Scene, host: str) -> None:
    found = known(enforced(with_token(scene, ci_config_ref_uri=f"{host}/acme/shop//.gitlab-ci.yml@refs/heads/main")))
    assert [hold.elsewhere for hold in found.holds] == [False]
    assert [(doubt.cause, "read_api" in (doubt.needs or "")) for doubt in found.hidden] == [(Cause.INVISIBLE, True)]


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        ("ci.yml@security/ci", True),
        ("ci.yml@security/ci:main", True),
        ("ci.yml@Acme/Shop", False),
        ("", False),
        (None, False),
        (".gitlab/ci.yml", False),
        ("https://user@x.example/ci.yml", False),
    ],
)
def test_where_the_file_lies_a_stronger_token_is_shown(scene: Scene, path: str | None, elsewhere: bool) -> None:
    found = seen(scene, ci_config_path=path)
    assert [hold.elsewhere for hold in found.holds] == [elsewhere]
    assert found.hidden == ()


def test_on_ultimate_a_policy_may_cover_the_project_unseen(scene: Scene) -> None:
    scene.shop.tier = "ultimate"
    (doubt,) = seen(scene, ci_config_path=None).hidden
    assert (doubt.cause, ".pipeline-policy-pre" in (doubt.needs or "")) == (Cause.INVISIBLE, True)


def test_a_project_that_does_not_show_its_file_is_unknown(scene: Scene) -> None:
    assert [doubt.cause for doubt in seen(scene).hidden] == [Cause.UNAVAILABLE]
