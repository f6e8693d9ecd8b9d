"""Rules on branches and tags, read from a GitLab: what each token shows, in how many requests."""

from __future__ import annotations

import pytest

from ci_guard.model.branch import BranchRules, BranchSelection, TagRule
from ci_guard.model.fact import Cause, Known, Unknown
from tests.evidence.gitlab.scene import Scene, known
from tests.fakes import faults
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, NOBODY, AccessLevel


def never(_: tuple[BranchSelection, ...]) -> bool:
    return False


def always(_: tuple[BranchSelection, ...]) -> bool:
    return True


def branches(scene: Scene, entry: str = "default") -> tuple[BranchRules, ...]:
    [selection] = known(scene.adapter.branches((entry,), never))
    return known(selection.branches)


def test_the_job_token_reads_the_rules_from_the_list_of_branches(scene: Scene) -> None:
    scene.shop.protect(push=NOBODY)
    [main] = branches(scene.start(scene.shop.run()))
    assert known(main.exists)
    assert all(known(main.flags[name]) for name in ("protected", "restricted-push"))
    hidden = main.flags["no-force-push"]
    assert isinstance(hidden, Unknown)
    assert (hidden.cause, "Reporter" in str(hidden.needs)) == (Cause.INVISIBLE, True)
    assert {call.path.rpartition("/")[2] for call in scene.gitlab.requests} == {"job", "branches"}


def test_a_reader_sees_every_rule_together(scene: Scene) -> None:
    scene.shop.tier = "premium"
    scene.shop.protect(push=NOBODY, code_owner_approval_required=True)
    scene.shop.protect("m*", push=[AccessLevel(access_level=0, deploy_key_id=3)], inherited=True, allow_force_push=True)
    scene.shop.approval_settings = {"disable_overriding_approvers_per_merge_request": True}
    scene.shop.approval_rules = [{"rule_type": "any_approver", "approvals_required": 2, "groups": []}]
    scene.shop.push_rule = {"reject_unsigned_commits": True}
    [main] = branches(scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader))
    flags = {name: known(fact) for name, fact in main.flags.items()}
    assert {name for name, holds in flags.items() if not holds} == {
        "last-push-approval",
        "linear-history",
        "no-force-push",
        "resolved-conversations",
        "up-to-date",
    }
    assert known(main.approvals).value == 2
    assert [one.name for fact in main.bypass for one in known(fact)] == ["DeployKey:3"]


def test_on_free_approvals_are_required_of_nobody_and_the_plan_is_named(scene: Scene) -> None:
    scene.shop.protect(push=NOBODY)
    [main] = branches(scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader))
    assert known(main.approvals).value == 0
    assert "takes GitLab Premium" in main.lacking["approvals"]
    assert not known(main.flags["signed-commits"])


def test_the_stronger_token_is_left_alone_where_the_list_is_enough(scene: Scene) -> None:
    scene.shop.protect()
    scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader)
    known(scene.adapter.branches(("default",), always))
    assert scene.gitlab.count("GET /projects/*/protected_branches") == 0


def test_a_pattern_finds_the_branches_that_there_are(scene: Scene) -> None:
    for name in ("release/1", "release/2", "release/old/3", "other"):
        scene.shop.commit(on=name)
    scene.shop.protect("release/*", merge=DEVELOPER)
    found = branches(scene.start(scene.shop.run()), "release/*")
    assert [(one.name, known(one.flags["restricted-merge"])) for one in found] == [
        ("release/1", False),
        ("release/2", False),
    ]
    assert scene.gitlab.count("GET /projects/*/repository/branches") == 2, "one for the default branch, one for all"


def test_a_branch_that_is_not_there_is_absent(scene: Scene) -> None:
    [gone] = branches(scene.start(scene.shop.run()), "gone")
    assert not known(gone.exists)


def test_a_server_before_18_3_leaves_the_rules_unknown(scene: Scene) -> None:
    scene.gitlab.world.version = (18, 2)
    scene.shop.protect()
    [main] = branches(scene.start(scene.shop.run()), "main")
    hidden = main.flags["protected"]
    assert isinstance(hidden, Unknown)
    assert "18.3" in str(hidden.needs)
    assert hidden.cause is Cause.INVISIBLE


def test_an_outage_is_no_lack_of_rules(scene: Scene) -> None:
    scene.shop.protect()
    scene.gitlab.fault("GET /projects/*/protected_branches", faults.server_error())
    [main] = branches(scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader))
    hidden = main.flags["no-force-push"]
    assert isinstance(hidden, Unknown)
    assert hidden.cause is Cause.UNAVAILABLE


@pytest.mark.parametrize(("level", "seen"), [(DEVELOPER, False), (MAINTAINER, True)])
def test_push_rules_are_for_maintainers(scene: Scene, level: int, seen: bool) -> None:
    scene.shop.tier, scene.shop.push_rule = "premium", {"reject_unsigned_commits": True}
    scene.shop.protect()
    scene.shop.user("rita", level)
    token = scene.gitlab.world.token("rita", "rita").value
    [main] = branches(scene.start(scene.shop.run(), CI_GUARD_TOKEN=token))
    assert isinstance(main.flags["signed-commits"], Known) is seen


SHAPES = {
    "null": faults.null_body,
    "an object": faults.dict_for_list,
    "a list": faults.list_for_dict,
    "no JSON": faults.invalid_json,
    "a page": faults.html,
    "nothing": faults.empty_body,
}
ASKED = ("branches", "protected_branches", "approvals", "approval_rules", "push_rule", "")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("endpoint", ASKED)
def test_an_answer_of_another_shape_is_no_rule(scene: Scene, endpoint: str, shape: str) -> None:
    """Nothing is raised, and no flag holds that does not hold by the right answer."""
    scene.shop.tier = "premium"
    scene.shop.protect(push=NOBODY, allow_force_push=True)
    path = {"branches": "repository/branches", "": ""}.get(endpoint, endpoint)
    job = scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader)
    known(job.adapter.run().default_branch)
    scene.gitlab.fault(f"GET /projects/*/{path}".rstrip("/"), SHAPES[shape]())
    for rules in branches(scene, "main"):
        holding = {name for name, fact in rules.flags.items() if isinstance(fact, Known) and fact.value}
        assert holding <= {
            "code-owner-review",
            "dismiss-stale-approvals",
            "include-admins",
            "no-deletion",
            "protected",
            "pull-request",
            "restricted-creation",
            "restricted-merge",
            "restricted-push",
        }


def test_settings_lead_to_the_pages_of_this_instance(scene: Scene) -> None:
    [main] = branches(scene.start(scene.shop.run()))
    assert main.settings["resolved-conversations"].url == f"{scene.gitlab.url}/acme/shop/-/settings/merge_requests"
    assert main.settings["approvals"].plan == "GitLab Premium or Ultimate"
    assert "restricted-dismissal" in main.foreign


def test_the_job_token_shows_which_tags_of_today_are_protected(scene: Scene) -> None:
    scene.shop.protect_tag("v*")
    scene.shop.tag("v1.0")
    scene.shop.tag("nightly")
    rules = known(known(scene.start(scene.shop.run()).adapter.tags()).rules)
    assert [rule.include for rule in rules.value] == [("v1.0",)]
    assert rules.hidden is not None
    assert rules.hidden.cause is Cause.INVISIBLE


def test_a_reader_sees_the_rules_on_tags(scene: Scene) -> None:
    """`*` stands for slashes, too, which a policy writes `**`."""
    scene.shop.protect_tag("v*")
    rules = known(known(scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader).adapter.tags()).rules)
    assert rules.value == (TagRule(include=("v**",), exclude=(), source="the protected tag v*"),)
    assert rules.hidden is None
