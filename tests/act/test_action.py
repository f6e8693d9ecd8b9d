"""The composite action end to end: a real runner, a real repository, GitHub's REST shapes on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.act import runner
from tests.act.runner import Ran
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes import faults
from tests.fakes.github import FakeGitHub

ACT = runner.find_act()

pytestmark = [
    pytest.mark.act,
    pytest.mark.skipif(ACT is None, reason="act is not installed; .ci/run installs it where Go is"),
]

HOSTILE = {
    "GITLAB_CI": "true",
    "CI": "",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "SSL_CERT_FILE": "/dev/null",
    "REQUESTS_CA_BUNDLE": "/dev/null",
    "PYTHONPATH": "planted",
    "PYTHONSTARTUP": "planted/requests.py",
    "GIT_DIR": "/nonexistent",
    "CI_GUARD_INPUT_MODE": "report",
    "CI_GUARD_INPUT_POLICY": "planted.yml",
}
PLANTED = {
    "planted/requests.py": "raise SystemExit(0)\n",
    "planted/github/__init__.py": "raise SystemExit(0)\n",
    "requests.py": "raise SystemExit(0)\n",
    "sitecustomize.py": "raise SystemExit(0)\n",
    "ci_guard/__init__.py": "raise SystemExit(0)\n",
}


Act = Callable[..., Ran]


@pytest.fixture
def act(guard_checkout: Path, tmp_path: Path) -> Act:
    def run(shop: Consumer, environ: Mapping[str, str], event: str = "push") -> Ran:
        assert ACT is not None
        return runner.run(ACT, guard_checkout, shop.path, environ, home=tmp_path / "home", event=event)

    return run


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


def test_a_reviewed_merge_is_allowed_and_the_next_job_runs(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    shop = shop_with(github, tmp_path / "shop", runner.workflow())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.exit_code == 0, ran.log
    assert ran.outputs["verdict"] == "allow"
    assert (ran.outputs["failed"], ran.outputs["unknown"]) == ("0", "0")
    assert ran.report["verdict"] == "allow"
    assert ran.annotations == []
    assert "Allowed" in ran.summary
    assert ran.built


def test_an_unreviewed_merge_is_denied_with_annotations_and_the_next_job_does_not_run(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    shop = shop_with(github, tmp_path / "shop", runner.workflow(), approved_by=())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.exit_code != 0
    assert ran.outputs["verdict"] == "deny"
    assert int(ran.outputs["failed"]) >= 1
    assert any(note["level"] == "error" and "approv" in note["message"] for note in ran.annotations)
    assert not ran.built


def test_a_wrong_token_is_undecided_and_denies(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    shop = shop_with(github, tmp_path / "shop", runner.workflow())
    ran = act(shop, pushed(github, shop, tmp_path / "job") | {"GITHUB_TOKEN": "wrong-credential"})
    assert (ran.outputs["verdict"], ran.built) == ("undecided", False)
    assert int(ran.outputs["unknown"]) > 0


def test_an_exhausted_rate_limit_is_undecided_and_denies(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    shop = shop_with(github, tmp_path / "shop", runner.workflow(), approved_by=())
    github.fault("GET /**", faults.primary_limit())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.built) == ("undecided", False)


def test_a_policy_error_names_file_line_and_what_was_meant(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    policy = "version: 1\ncontrols:\n  branch-protection:\n    require: {aprovals: 2}\n"
    shop = shop_with(github, tmp_path / "shop", runner.workflow(), files={".ci-guard.yml": policy})
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.built) == ("error", False)
    assert any(":4:" in note["message"] and "approvals" in note["message"] for note in ran.annotations)


def test_variables_and_modules_planted_by_workflow_and_checkout_change_no_verdict(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    allowed = shop_with(github, tmp_path / "shop", runner.workflow(env=HOSTILE), files=PLANTED)
    assert act(allowed, pushed(github, allowed, tmp_path / "job")).outputs["verdict"] == "allow"


def test_variables_and_modules_planted_do_not_turn_a_denial_into_an_allow(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    denied = shop_with(github, tmp_path / "shop", runner.workflow(env=HOSTILE), files=PLANTED, approved_by=())
    ran = act(denied, pushed(github, denied, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.exit_code != 0, ran.built) == ("deny", True, False)


def test_a_pull_request_cannot_bring_its_own_policy(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    strict = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
    lax = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
    shop = shop_with(
        github,
        tmp_path / "shop",
        runner.workflow(),
        files={".ci-guard.yml": strict},
        merged=False,
        head_files={".ci-guard.yml": lax},
    )
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    ran = act(shop, environ, "pull_request")
    assert (ran.outputs["verdict"], ran.built) == ("deny", False)


def test_inputs_reach_the_program_and_only_tighten(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    policy = "version: 1\nmode: enforce\nextends: builtin:baseline\n"
    inputs = {
        "mode": "report",
        "controls": "required-reviews, branch-protection",
        "policy": "security/guard.yml",
        "environment": "production",
    }
    shop = shop_with(
        github, tmp_path / "shop", runner.workflow(inputs=inputs), files={"security/guard.yml": policy}, approved_by=()
    )
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    report = ran.report
    assert ran.exit_code != 0, "enforce in the policy wins over report in the input"
    assert report["controls"] == ["branch-protection", "required-reviews"]
    assert report["context"]["environment"] == "production"
    assert report["policy"]["source"].startswith("security/guard.yml")


def test_later_steps_find_their_environment_unchanged(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    probe = '      - run: \'env | sort | grep -v -E "^(GITHUB_|ACT|INPUT|_=|SHLVL|PWD|OLDPWD)" > "${KEPT}/env-%s"\'\n'
    shop = shop_with(github, tmp_path / "shop", runner.workflow(before=probe % "before", after=probe % "after"))
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.exit_code == 0, ran.log
    before, after = ((ran.kept / f"env-{when}").read_text(encoding="utf-8") for when in ("before", "after"))
    assert before == after
    assert "CI_GUARD" not in after


@pytest.mark.parametrize(
    "planted",
    [
        "BASH_FUNC_exec%%=() { exit 0; }",
        "BASH_FUNC_python3%%=() { exit 0; }",
        "BASH_ENV={folder}/quit.sh",
        "ENV={folder}/quit.sh",
        "OPENSSL_CONF={folder}/none.cnf",
        "PYTHONHOME={folder}",
        "SHELLOPTS=xtrace",
    ],
    ids=lambda text: text.partition("=")[0],
)
def test_an_earlier_step_that_plants_variables_does_not_open_the_gate(
    github: FakeGitHub, act: Act, tmp_path: Path, planted: str
) -> None:
    """The runner hands on what a step writes to its environment file, exported functions included."""
    quit_at_once = tmp_path / "quit.sh"
    quit_at_once.write_text("exit 0\n", encoding="utf-8")
    line = planted.replace("{folder}", str(tmp_path))
    before = f'      - run: echo {line!r} >> "$GITHUB_ENV"\n'
    shop = shop_with(github, tmp_path / "shop", runner.workflow(before=before), approved_by=())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs.get("verdict"), ran.built) == ("deny", False), ran.log


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("branch-protection", "allow"),
        ("actor-permissions", "allow"),
        ("required-reviews", "deny"),
        ("secret-scan", "allow"),
    ],
)
def test_an_action_of_one_control_gives_the_verdict_of_that_control_alone(
    github: FakeGitHub, act: Act, tmp_path: Path, name: str, verdict: str
) -> None:
    """The merge is unreviewed and nothing else is wrong; the variable would limit the run to another control."""
    elsewhere = {"CI_GUARD_INPUT_CONTROLS": "actor-permissions"}
    flow = runner.workflow(action=f"/actions/{name}", env=elsewhere)
    shop = shop_with(github, tmp_path / "shop", flow, approved_by=())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.built) == (verdict, verdict == "allow"), ran.log
    assert ran.report["controls"] == [{"secret-scan": "secret-free"}.get(name, name)]


def test_an_action_of_a_control_that_the_policy_does_not_enable_says_so(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    policy = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
    flow = runner.workflow(action="/actions/secret-scan")
    shop = shop_with(github, tmp_path / "shop", flow, files={".ci-guard.yml": policy})
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.built) == ("error", False)
    (told,) = [note["message"] for note in ran.annotations]
    assert "limited to secret-free" in told
    assert ".ci-guard.yml" in told
    assert "Name secret-free under `controls`" in told
