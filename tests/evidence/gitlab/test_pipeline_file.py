"""The pipeline of a run as the project's own files have it, with what they include of one another."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause, Fact, Unknown
from ci_guard.model.guard import Job, Wiring
from tests.evidence.gitlab.scene import Scene, known, unknown

SHA = "c" * 40
INCLUDE = f"include: [{{project: security/ci-guard, ref: '{SHA}', file: /gitlab-templates/ci-guard.yml}}]\n"


def wiring(scene: Scene, **files: str) -> Fact[Wiring]:
    names = {"ci": ".gitlab-ci.yml", "own": "ci/own.yml"}
    scene.shop.commit(author="alice", on="main", files={names[key]: text for key, text in files.items()})
    return scene.start(scene.shop.run()).adapter.guard(frozenset({"wiring"})).wiring


def jobs(found: Wiring) -> dict[str, Job]:
    return {job.name: job for job in found.jobs}


def test_a_pipeline_is_read_with_what_its_jobs_extend_and_its_own_files(scene: Scene) -> None:
    found = known(
        wiring(
            scene,
            ci=INCLUDE.replace("]", ", {local: /ci/own.yml}]")
            + "stages: [deploy]\n"
            + ".deploy: {environment: production, needs: [ci-guard]}\n"
            + "deploy: {extends: .deploy, script: [git pull], when: manual}\n",
            own="test:\n  script: make\n  allow_failure: true\n  rules:\n  - {when: never}\n"
            "  - {allow_failure: {exit_codes: 1}}\n",
        )
    )
    deploy, test = jobs(found)["deploy"], jobs(found)["test"]
    assert [(pin.name, pin.ref) for pin in found.includes] == [("security/ci-guard", SHA)]
    assert (deploy.environment, deploy.needs, [one.text for one in deploy.whens]) == (True, ("ci-guard",), ["manual"])
    assert deploy.steps[0].checkout is not None
    assert (test.path, test.line) == ("ci/own.yml", 1)
    assert [one.text for one in test.tolerated] == ["true", "exit_codes"]
    assert [one.text for one in test.whens] == ["never"]
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("include", "ref"),
    [
        ("{component: $CI_SERVER_FQDN/security/ci-guard/ci-guard@1.2}", "1.2"),
        (f"{{remote: 'https://raw.githubusercontent.com/ci-guard/ci-guard/{SHA}/gitlab-templates/ci-guard.yml'}}", SHA),
        (f"{{remote: 'https://gitlab.com/security/ci-guard/-/raw/{SHA}/gitlab-templates/ci-guard.yml'}}", SHA),
        (f"{{remote: 'https://anybody.example/ci-guard/ci-guard/{SHA}/gitlab-templates/ci-guard.yml'}}", ""),
        (f"{{remote: 'https://anybody.example/ci-guard/-/raw/{SHA}/gitlab-templates/ci-guard.yml'}}", ""),
        ("{remote: 'https://x/ci-guard/main/gitlab-templates/ci-guard.yml', integrity: sha256-abc=}", "sha256-abc="),
        ("'https://x/ci-guard/main/gitlab-templates/ci-guard.yml'", ""),
        ("{project: security/ci-guard, file: gitlab-templates/ci-guard.yml}", ""),
        ("{project: security/ci-guard, ref: main, file: [gitlab-templates/ci-guard.yml]}", "main"),
    ],
)
def test_how_an_include_names_ci_guard_is_read(scene: Scene, include: str, ref: str) -> None:
    assert [pin.ref for pin in known(wiring(scene, ci=f"include: [{include}]")).includes] == [ref]


def test_a_job_of_the_included_ones_name_overrides_it_but_for_what_changes_nothing(scene: Scene) -> None:
    text = INCLUDE + "ci-guard: {tags: [linux], timeout: 1h}\nci-guard-secret-scan: {script: ['true'], rules: []}\n"
    found = jobs(known(wiring(scene, ci=text)))
    assert found["ci-guard"].overrides == ()
    assert found["ci-guard-secret-scan"].overrides == ("script", "rules")


def test_an_optional_need_is_not_waited_for(scene: Scene) -> None:
    text = INCLUDE + "d: {needs: [{job: ci-guard, optional: true}, {job: a}, b, {pipeline: x, job: c}]}"
    assert jobs(known(wiring(scene, ci=text)))["d"].needs == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "include: [{project: a/b, file: c.yml}]",
        "include: [{template: x.yml}]",
        "include: [{local: 'ci/*.yml'}]",
        "include: https://x/y.yml",
        "include: [{local: ci/missing.yml}]",
        "a: {extends: .elsewhere}",
        "a: {rules: !reference [.b, rules]}",
        "a: {script: [!reference [.b, script]]}",
        "a: {extends: a}",
        "a: {extends: [a, a, a, a, a, a, a, a]}",
    ],
)
def test_what_may_change_a_job_and_was_not_read_is_a_doubt(scene: Scene, text: str) -> None:
    assert known(wiring(scene, ci=text)).doubts


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("include: [{template: x.yml}]", "a copy of that template in the project"),
        ("a: {rules: [{if: '$[[ inputs.when ]]'}]}", "rules, needs and script without `$[[ inputs… ]]`"),
        ("include: [{component: $CI_SERVER_FQDN/o/one/d@~latest}]", "a version or a commit in place of ~latest"),
    ],
)
def test_what_never_can_be_read_says_what_to_do(scene: Scene, text: str, needs: str) -> None:
    """Another run would find it as unknown, and so would another token."""
    (doubt,) = known(wiring(scene, ci=text)).doubts
    assert doubt.needs is not None
    assert needs in doubt.needs


def test_files_that_include_each_other_are_read_once(scene: Scene) -> None:
    found = known(wiring(scene, ci="include: ci/own.yml", own="include: /.gitlab-ci.yml\na: {script: x}"))
    assert list(jobs(found)) == ["a"]


def test_a_script_that_runs_ci_guard_is_the_guard(scene: Scene) -> None:
    found = jobs(known(wiring(scene, ci="g: {script: [ci-guard check || true]}\nh: {script: [echo ci-guard]}")))
    assert (found["g"].guard, found["h"].guard) == (True, False)
    assert found["g"].steps[0].swallowed is not None


@pytest.mark.parametrize("text", ["a: &a [*a]", "x: " + "[" * 200, "a: 'b"])
def test_a_hostile_pipeline_is_unknown(scene: Scene, text: str) -> None:
    assert "could not be read" in unknown(wiring(scene, ci=text)).reason


@pytest.mark.parametrize(
    "text", ["", "[]", "a: x", "a: {rules: x, needs: y, script: {z: 1}, environment: }", "include: {local: {a: b}}"]
)
def test_a_pipeline_of_another_shape_has_no_guard(scene: Scene, text: str) -> None:
    assert not any(job.guard for job in known(wiring(scene, ci=text)).jobs)


def test_without_the_file_the_pipeline_is_unknown(scene: Scene) -> None:
    assert unknown(scene.start(scene.shop.run()).adapter.guard(frozenset({"wiring"})).wiring).cause is Cause.UNAVAILABLE


def test_what_is_not_wanted_is_not_asked_for(scene: Scene) -> None:
    adapter = scene.start(scene.shop.run()).adapter
    adapter.run()
    before = adapter.requests
    assert isinstance(adapter.guard(frozenset()).wiring, Unknown)
    assert adapter.requests == before


@pytest.mark.parametrize("name", ["gate", "gate 1/2", "gate: [a, b]"])
def test_the_job_that_judges_is_the_one_that_the_server_names(scene: Scene, name: str) -> None:
    scene.shop.commit(author="alice", on="main", files={".gitlab-ci.yml": "gate: {script: ci-guard check}"})
    job = scene.shop.run()
    job.name = name
    started = scene.start(job)
    assert known(started.adapter.guard(frozenset({"wiring"})).wiring).own == "gate"
