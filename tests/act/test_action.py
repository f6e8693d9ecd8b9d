"""The composite action end to end: a real runner, a real repository, GitHub's REST shapes on the loopback interface."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.act import runner
from tests.act.scene import Act, pushed, shop_with
from tests.audit.receiver import Receiver
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.router import Answer

pytestmark = pytest.mark.act


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


@pytest.mark.parametrize("mode", ["enforce", "report"])
def test_a_pull_request_cannot_bring_its_own_policy_nor_ask_for_report_mode(
    github: FakeGitHub, act: Act, tmp_path: Path, mode: str
) -> None:
    strict = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
    lax = f"version: 1\nmode: {mode}\ncontrols: {{actor-permissions: {{require: {{actor: read}}}}}}\n"
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


def test_later_steps_find_environment_workspace_and_home_unchanged(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    """What the guard leaves is its report, in the runner's folder for temporary files."""
    probe = """\
      - run: |
          env | sort | grep -v -E "^(GITHUB_|ACT|INPUT|_=|SHLVL|PWD|OLDPWD)" > "$KEPT/env-{when}"
          find "$GITHUB_WORKSPACE" -printf '%p %y %s %T@\\n' | sort > "$KEPT/workspace-{when}"
          find "$HOME" -path "$HOME/.cache/act" -prune -o -path "$KEPT" -prune -o -print | sort > "$KEPT/home-{when}"
          cd "$RUNNER_TEMP" && find . -type f | sort > "$KEPT/temporary-{when}"
"""
    flow = runner.workflow(before=probe.replace("{when}", "before"), after=probe.replace("{when}", "after"))
    shop = shop_with(github, tmp_path / "shop", flow)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.exit_code == 0, ran.log

    def kept(what: str, when: str) -> list[str]:
        return (ran.kept / f"{what}-{when}").read_text(encoding="utf-8").splitlines()

    for what in ("env", "workspace", "home"):
        assert kept(what, "before") == kept(what, "after")
        assert kept(what, "after")
    assert not [line for line in kept("env", "after") if "CI_GUARD" in line]
    new = set(kept("temporary", "after")) - set(kept("temporary", "before"))
    assert all(name.startswith("./ci-guard-") and name.endswith("/report.json") for name in new)
    assert len(new) == 1


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
    (told,) = [note["message"] for note in ran.annotations if note["level"] == "error"]
    assert "limited to secret-free" in told
    assert ".ci-guard.yml" in told
    assert "Name secret-free under `controls`" in told


@pytest.mark.parametrize(
    "said", ["", "audit: {on-failure: warn}"], ids=["as the policy says nothing", "as it says warn"]
)
def test_a_sink_that_refuses_stops_the_run_unless_the_policy_warns(
    github: FakeGitHub, act: Act, tmp_path: Path, said: str
) -> None:
    receiver = Receiver()
    receiver.answers = [Answer(status=403, body={"message": "no"})]
    receiver.server.start()
    key = ", ".join(f"{part!r}" for part in (receiver.secret[:20], receiver.secret[20:]))
    inputs = {
        "audit-log": f"cloudevents+{receiver.url}\n${{{{ runner.temp }}}}/audit.jsonl",
        "audit-key": f"${{{{ format('{{0}}{{1}}', {key}) }}}}",
        "artifacts": "README.md",
        "report-facts": "facts.json",
    }
    keep = '      - if: always()\n        run: cp facts.json "$KEPT/facts.json"\n'
    policy = f"version: 1\nextends: builtin:baseline\n{said}\n"
    flow = runner.workflow(inputs=inputs, after=keep)
    shop = shop_with(github, tmp_path / "shop", flow, files={".ci-guard.yml": policy, "README.md": "# Shop\n"})
    try:
        ran = act(shop, pushed(github, shop, tmp_path / "job"))
    finally:
        receiver.server.stop()
    (sent,) = receiver.calls
    assert receiver.signed(sent), ran.log
    assert sent.headers["content-type"] == "application/cloudevents+json"
    assert json.loads(sent.body)["data"]["what"]["artifacts"][0]["sha256"]
    assert "it answered 403" in ran.log
    assert json.loads((ran.kept / "facts.json").read_text())["schema"] == "ci-guard.facts/v1"
    assert (ran.outputs["verdict"], ran.built) == ("allow" if said else "error", bool(said)), ran.log


@pytest.mark.parametrize(("said", "verdict"), [("production", "allow"), ("staging", "deny")])
def test_the_environment_of_the_job_is_proven_by_its_id_token(
    github: FakeGitHub, act: Act, tmp_path: Path, said: str, verdict: str
) -> None:
    """With the packages that verify it, which the launcher fetches for such a job alone."""
    workflow = runner.workflow(inputs={"environment": said, "controls": "actor-permissions"})
    shop = shop_with(github, tmp_path / "shop", workflow)
    environ = pushed(github, shop, tmp_path / "job")
    asks = github.id_tokens.grant(environ, "production")
    ran = act(shop, environ, options=[part for name, value in asks.items() for part in ("--env", f"{name}={value}")])
    assert ran.outputs["verdict"] == verdict, ran.log
    assert github.count("GET /_services/*") == 2
    assert ran.report["judgements"]
    judged = {one["requirement"]: one for one in ran.report["judgements"]}["consistent-identity"]
    assert (judged["outcome"] == "fail", "production" in judged["observed"]) == ((verdict == "deny"), verdict == "deny")
