"""What the guard decides is what the pipeline does: it goes on, it stops, or it says that it would have."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.audit.receiver import Receiver
from tests.fakes.hub.router import Answer
from tests.gitlab_local import runner
from tests.gitlab_local.scene import LEAKED, Lab

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


def test_what_is_in_order_is_allowed_and_the_pipeline_goes_on(lab: Lab) -> None:
    shop = lab.shop(lab.pipeline())
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs, ran.verdict) == (0, {"ci-guard": 0, "build": 0}, "allow"), ran.log
    assert "built in merge_request_event" in ran.log


def test_what_is_not_is_denied_and_nothing_else_runs(lab: Lab) -> None:
    shop = lab.shop(lab.pipeline(), sound=False)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs, ran.verdict) == (1, {"ci-guard": 1}, "deny"), ran.log
    assert LEAKED not in ran.log
    assert LEAKED not in json.dumps(ran.report())


def test_a_denied_merge_request_is_allowed_once_the_settings_are_right(lab: Lab) -> None:
    shop = lab.shop(lab.pipeline())
    rules, shop.project.protected_branches = shop.project.protected_branches, []
    denied = lab.run(shop, shop.proposed())
    assert (denied.verdict, denied.exit_code) == ("deny", 1), denied.log
    failed = [each["requirement"] for each in denied.report()["judgements"] if each["outcome"] == "fail"]
    assert "protected" in failed
    shop.project.protected_branches = rules
    allowed = lab.run(shop, shop.proposed())
    assert (allowed.verdict, allowed.exit_code) == ("allow", 0), allowed.log


def test_a_merge_that_was_approved_is_allowed_and_one_that_was_not_is_denied(lab: Lab) -> None:
    ci = lab.pipeline()
    shop = lab.shop(ci, merged=True)
    ran = lab.run(shop, shop.pushed(CI_GUARD_TOKEN=shop.stronger()))
    assert (ran.verdict, ran.exit_code) == ("allow", 0), ran.log
    lab.instance.forget()
    other = lab.shop(ci, "other", merged=True, approved_by=())
    ran = lab.run(other, other.pushed(CI_GUARD_TOKEN=other.stronger()))
    assert (ran.verdict, ran.exit_code) == ("deny", 1), ran.log


TOLERANT = "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {on-invisible: warn}}\n"


@pytest.mark.parametrize(
    ("policy", "verdict"), [(None, "undecided"), (TOLERANT, "allow")], ids=["baseline", "tolerant"]
)
def test_a_merge_is_undecided_on_the_job_token_alone_unless_the_policy_tolerates_it(
    lab: Lab, policy: str | None, verdict: str
) -> None:
    shop = lab.shop(lab.pipeline(), merged=True, base_files={".ci-guard.yml": policy} if policy else {})
    ran = lab.run(shop, shop.pushed(), "ci-guard")
    assert ran.verdict == verdict, ran.log
    assert ran.jobs["ci-guard"] == (3 if verdict == "undecided" else 0)


def test_a_merge_that_nobody_approved_is_not_allowed_by_a_tolerant_policy(lab: Lab) -> None:
    shop = lab.shop(lab.pipeline(), merged=True, approved_by=(), base_files={".ci-guard.yml": TOLERANT})
    ran = lab.run(shop, shop.pushed(), "ci-guard")
    assert ran.verdict == "deny", ran.log


def test_report_mode_says_what_it_would_have_done_and_stops_nothing(lab: Lab) -> None:
    ci = lab.pipeline(lab.inputs(mode="report"))
    shop = lab.shop(ci, sound=False)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs, ran.verdict) == (0, {"ci-guard": 0, "build": 0}, "deny"), ran.log


def test_a_merge_request_that_asks_for_report_mode_is_judged_by_the_policy_of_its_target(lab: Lab) -> None:
    policy = "version: 1\n{}controls: {{secret-free: {{require: {{no-secrets: true}}}}}}\n"
    base, head = ({".ci-guard.yml": policy.format(mode)} for mode in ("", "mode: report\n"))
    shop = lab.shop(lab.pipeline(), sound=False, base_files=base, files=head)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs, ran.verdict) == (1, {"ci-guard": 1}, "deny"), ran.log


@pytest.mark.parametrize("sound", [True, False], ids=["allowed", "denied"])
def test_a_job_that_needs_the_guard_runs_behind_it_alone(lab: Lab, sound: bool) -> None:
    shop = lab.shop(lab.pipeline(needs="ci-guard"), sound=sound)
    ran = lab.run(shop, shop.proposed())
    assert ran.jobs == ({"ci-guard": 0, "build": 0} if sound else {"ci-guard": 1}), ran.log


ALONE = {
    "branch-protection": "branch-protection",
    "actor-permissions": "actor-permissions",
    "required-reviews": "required-reviews",
    "secret-scan": "secret-free",
}


@pytest.mark.parametrize("name", ALONE)
def test_a_template_for_one_control_judges_that_alone(lab: Lab, name: str) -> None:
    ci = lab.pipeline(lab.inputs(), template=f"gitlab-templates/{name}.yml")
    shop = lab.shop(ci, merged=True)
    ran = lab.run(shop, shop.pushed(CI_GUARD_TOKEN=shop.stronger()))
    report = ran.report(f"ci-guard-{name}")
    assert report["controls"] == [ALONE[name]]
    assert report["verdict"] == "allow", ran.log


def test_reports_are_left_whatever_the_verdict(lab: Lab) -> None:
    shop = lab.shop(lab.pipeline(), sound=False)
    ran = lab.run(shop, shop.proposed())
    job = yaml.safe_load((lab.folder / "shop/.gitlab-ci-local/expanded-gitlab-ci.yml").read_text())["ci-guard"]
    for file in job["artifacts"]["reports"].values():
        assert ran.artifact("ci-guard", file), file
    assert LEAKED not in "".join(ran.artifact("ci-guard", file) for file in job["artifacts"]["reports"].values())


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a mode that there is not": ({"mode": "off"}, "mode"),
    "an image that is not pinned": ({"image": "python:3.12"}, "image"),
    "a value that would be code": ({"policy": "x'; touch mark; '"}, "policy"),
    "a line that would be YAML": ({"environment": "x\nscript: [touch mark]"}, "environment"),
    "a commit that is a branch": ({"commit": "main"}, "commit"),
    "a list where a text belongs": ({"policy": ["a"]}, "policy"),
    "a text where a list belongs": ({"tags": "linux"}, "tags"),
}


@pytest.mark.parametrize(("given", "named"), BAD.values(), ids=BAD.keys())
def test_a_bad_input_makes_no_pipeline(lab: Lab, given: dict[str, Any], named: str) -> None:
    ci = lab.pipeline({**lab.inputs(), **given})
    shop = lab.shop(ci)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs) == (1, {}), ran.log
    assert named in ran.log
    assert not list(lab.folder.rglob("mark"))


def test_a_policy_that_is_not_there_is_an_error_that_says_so(lab: Lab) -> None:
    ci = lab.pipeline(lab.inputs(policy="security/none.yml"))
    shop = lab.shop(ci)
    ran = lab.run(shop, shop.proposed())
    assert (ran.jobs, ran.verdict) == ({"ci-guard": 2}, "error"), ran.log
    assert "'security/none.yml' does not exist" in ran.log


@pytest.mark.parametrize("source", ["push", "schedule", "web", "api", "trigger", "pipeline", "parent_pipeline"])
def test_the_guard_runs_whatever_started_the_pipeline(lab: Lab, source: str) -> None:
    ci = lab.pipeline(lab.inputs(controls="secret-free"))
    shop = lab.shop(ci, merged=True)
    ran = lab.run(shop, shop.pushed(CI_PIPELINE_SOURCE=source), "--list-json")
    listed = json.loads(ran.log[ran.log.index("[\n") :])
    assert [job["when"] for job in listed if job["name"] == "ci-guard"] == ["always"]


@pytest.mark.parametrize("said", ["", "audit: {on-failure: warn}"], ids=["as the policy says nothing", "as it warns"])
def test_a_sink_that_refuses_stops_the_pipeline_unless_the_policy_warns(lab: Lab, said: str) -> None:
    receiver = Receiver()
    receiver.answers = [Answer(status=403, body={"message": "no"})]
    receiver.server.start()
    given = {
        "audit_log": f".ci-guard-reports/audit.jsonl cloudevents+{receiver.url}",
        "audit_key_variable": "SIGNS",
        "report_facts": ".ci-guard-reports/facts.json",
        "artifacts": "README.md",
    }
    policy = f"version: 1\nextends: builtin:baseline\n{said}\n"
    shop = lab.shop(lab.pipeline(lab.inputs(**given)), base_files={".ci-guard.yml": policy})
    try:
        ran = lab.run(shop, shop.proposed(SIGNS=receiver.secret))
    finally:
        receiver.server.stop()
    (sent,) = receiver.calls
    assert receiver.signed(sent), ran.log
    assert json.loads(sent.body)["data"]["what"]["artifacts"][0]["sha256"]
    assert "it answered 403" in ran.log
    assert receiver.secret[6:] not in ran.log
    assert json.loads(ran.artifact("ci-guard", ".ci-guard-reports/facts.json"))["schema"] == "ci-guard.facts/v1"
    assert ran.verdict == ("allow" if said else "error")
    assert ran.jobs == ({"ci-guard": 0, "build": 0} if said else {"ci-guard": 2}), ran.log
