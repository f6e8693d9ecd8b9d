"""The rules on branches, by GitHub's lines of the edge cases: what each source proves, and what stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.protection import read_classic, read_rules, read_summary_checks
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.model.branch import StatusCheck
from ci_guard.model.fact import Cause
from tests.evidence.github.asking import ADMIN, client_of, with_admin
from tests.evidence.github.branch_words import (
    ADMINS,
    FLAGS,
    INVISIBLE,
    UNAVAILABLE,
    approvals,
    bypass,
    checks,
    flags,
    rules_on,
    said,
    selected,
)
from tests.evidence.github.scene import known, unknown
from tests.fakes import faults
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.rules import Actors, Check


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


def test_a_ruleset_alone_protects(github: FakeGitHub, shop: Repository) -> None:
    """Line 1. Tools that ask for classic protection only call such a repository unprotected."""
    shop.ruleset(rules=[rule("pull_request", required_approving_review_count=2), "non_fast_forward"])
    rules = rules_on(github)
    assert (flags(rules)["pull-request"], approvals(rules)) == (True, (2, INVISIBLE))


def test_an_administrators_404_of_classic_protection_is_absence(github: FakeGitHub, shop: Repository) -> None:
    """Line 2. "Branch not protected" is an answer, "Not Found" is a refusal."""
    shop.ruleset(rules=["deletion"])
    rules = rules_on(github, client=with_admin(github))
    assert (flags(rules)["no-force-push"], flags(rules)["no-deletion"]) == (False, True)


def test_a_404_without_the_right_is_no_absence(github: FakeGitHub, shop: Repository) -> None:
    """Line 2. An administrator's token that lost its rights must not turn a hidden rule into a missing one, or back."""
    shop.protect("main")
    shop.user("eve", role="write")
    weak = github.token("weak", kind="user", login="eve", permissions={"metadata": "read", "contents": "read"})
    rules = rules_on(github, client=client_of(github, github.token("job").value, weak.value))
    assert flags(rules)["no-force-push"] == INVISIBLE
    assert unknown(rules.flags["no-force-push"]).needs == "administration: read"


def test_protected_alone_proves_nothing_else(github: FakeGitHub, shop: Repository) -> None:
    """Classic-only for a job's token: the branch is protected, and everything else is unknown."""
    shop.protect("main", approvals=2, checks=["build"])
    rules = rules_on(github)
    assert flags(rules) == {"protected": True, **dict.fromkeys(FLAGS - {"protected"}, INVISIBLE)}
    assert approvals(rules) == (0, INVISIBLE)
    fact = unknown(rules.flags["no-deletion"])
    assert (fact.needs, fact.detail) == ("administration: read", "GET branches/main/protection")


@pytest.mark.parametrize("strong", [False, True])
@pytest.mark.usefixtures("shop")
def test_an_unprotected_branch_is_known_to_have_nothing(github: FakeGitHub, strong: bool) -> None:
    """`protected: false` proves that no rule of either kind applies, whatever the token may read of them."""
    rules = rules_on(github, client=with_admin(github) if strong else None)
    assert flags(rules) == dict.fromkeys(FLAGS, False)
    assert (approvals(rules), checks(rules), bypass(rules)) == ((0, None), ([], None), [])
    assert (github.count("GET *protection*"), github.count("GET *rulesets*")) == (0, 0)


def test_an_absent_bypass_list_is_not_an_empty_one(github: FakeGitHub, shop: Repository) -> None:
    """Line 3. A read token does not get the key at all."""
    ruleset = shop.ruleset(rules=["deletion"])
    rules = rules_on(github)
    hidden = unknown(rules.bypass[0])
    assert (hidden.cause, hidden.needs) == (Cause.INVISIBLE, "administration: write")
    assert hidden.detail == f"GET rulesets/{ruleset.id}?includes_parents=true"
    assert said(rules.flags["include-admins"]) == INVISIBLE


def test_an_empty_bypass_list_is_known_to_who_may_edit_it(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    rules = rules_on(github, client=with_admin(github))
    assert (bypass(rules), said(rules.flags["include-admins"])) == ([[]], True)


def test_a_stronger_token_alone_sees_everything(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    shop.protect("main")
    rules = rules_on(github, client=client_of(github, github.token("admin", permissions=ADMIN).value))
    assert {fact for fact in flags(rules).values() if not isinstance(fact, bool)} == set()


def test_whichever_token_shows_the_bypass_list_will_do(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    admin, narrow = github.token("admin", permissions=ADMIN), github.token("narrow")
    assert bypass(rules_on(github, client=client_of(github, admin.value, narrow.value))) == [[]]


def test_one_empty_list_does_not_vouch_for_another(github: FakeGitHub, shop: Repository) -> None:
    """Line 4. A peer passes as soon as some ruleset has an empty list."""
    shop.ruleset("clean", rules=["deletion"])
    shop.ruleset("open", rules=["non_fast_forward"], bypass_actors=[ADMINS])
    shop.protect("main", enforce_admins=True)
    rules = rules_on(github, client=with_admin(github))
    assert (bypass(rules), said(rules.flags["include-admins"])) == ([[], ["RepositoryRole:5"], []], False)


def test_every_bypass_actor_has_its_name(github: FakeGitHub, shop: Repository) -> None:
    actors = [
        {"actor_id": 1, "actor_type": "OrganizationAdmin", "bypass_mode": "always"},
        {"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"},
        {"actor_id": 7, "actor_type": "Team", "bypass_mode": "pull_request"},
        {"actor_id": 12, "actor_type": "Integration", "bypass_mode": "exempt"},
        {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"},
    ]
    shop.ruleset("release", rules=["deletion"], bypass_actors=actors)
    (fact,) = rules_on(github, client=with_admin(github)).bypass
    assert [(b.name, b.administrator) for b in known(fact)] == [
        ("OrganizationAdmin", True),
        ("RepositoryRole:4", False),
        ("Team:7", False),
        ("Integration:12", False),
        ("DeployKey", False),
    ]
    assert known(fact)[0].source == "the ruleset 'release' of acme/shop"
    assert known(fact)[2].source == "the ruleset 'release' of acme/shop in pull requests"


def test_classic_exceptions_are_bypasses(github: FakeGitHub, shop: Repository) -> None:
    """Line 12. Administrators bypass quietly where they are not included."""
    robot = shop.user("robot", role="write")
    shop.protect("main", approvals=1, bypass=Actors(users=["robot"], teams=["core"], apps=["ship"]))
    rules = rules_on(github, client=with_admin(github))
    team, app = github.world.teams[-1], github.user("ship[bot]")
    assert bypass(rules) == [
        sorted([f"User:{robot.id}", f"Team:{team.id}", f"Integration:{app.id}", "RepositoryRole:5"])
    ]


@pytest.mark.parametrize("absent", ["enforce_admins", "allow_deletions", "required_signatures"])
def test_an_absent_switch_is_neither_on_nor_off(github: FakeGitHub, shop: Repository, absent: str) -> None:
    """Line 5. A missing field is the classic way to fail open; an older server does not have every one."""
    shop.protect("main", enforce_admins=True, signatures=True)
    github.fault("GET *protection", faults.without(absent))
    found = flags(rules_on(github, client=with_admin(github)))
    flag = {
        "enforce_admins": "include-admins",
        "allow_deletions": "no-deletion",
        "required_signatures": "signed-commits",
    }[absent]
    assert found[flag] == UNAVAILABLE
    assert found["no-force-push"] is True


def test_an_absent_number_of_approvals_is_not_none(github: FakeGitHub, shop: Repository) -> None:
    shop.protect("main", approvals=2)
    github.fault("GET *protection", faults.without("required_approving_review_count"))
    assert approvals(rules_on(github, client=with_admin(github))) == (0, UNAVAILABLE)


@pytest.mark.parametrize("strong", [False, True])
def test_protection_that_lists_no_checks_requires_none(github: FakeGitHub, shop: Repository, strong: bool) -> None:
    """Line 7. A peer takes the section itself for a requirement."""
    shop.ruleset(rules=[rule("required_status_checks")])
    shop.protect("main", checks=[])
    rules = rules_on(github, client=with_admin(github) if strong else None)
    assert checks(rules) == ([], None if strong else INVISIBLE)


@pytest.mark.parametrize("enforcement", ["evaluate", "disabled"])
def test_a_ruleset_that_is_not_active_protects_nothing(github: FakeGitHub, shop: Repository, enforcement: str) -> None:
    """Line 8. Such rulesets look active on the settings page."""
    shop.ruleset(rules=["deletion", rule("pull_request")], enforcement=enforcement)
    assert flags(rules_on(github)) == dict.fromkeys(FLAGS, False)


@pytest.mark.parametrize(
    ("include", "exclude", "protected"),
    [
        (["~DEFAULT_BRANCH"], [], {"main"}),
        (["~ALL"], [], {"main", "release/1", "release/1/hot"}),
        (["refs/heads/release/*"], [], {"release/1"}),
        (["refs/heads/release/**/*"], [], {"release/1", "release/1/hot"}),
        (["~ALL"], ["refs/heads/main"], {"release/1", "release/1/hot"}),
    ],
)
def test_conditions_are_the_servers_to_evaluate(
    github: FakeGitHub, shop: Repository, include: list[str], exclude: list[str], protected: set[str]
) -> None:
    """Line 9. An exclude that is added later frees a branch; only the server's own answer for each branch counts."""
    names = ("main", "release/1", "release/1/hot")
    for name in names[1:]:
        shop.branch(name)
    shop.ruleset(rules=["deletion"], include=include, exclude=exclude)
    found = [known(branches)[0] for branches in selected(github, *names)]
    assert {rules.name for rules in found if said(rules.flags["no-deletion"]) is True} == protected


def test_rulesets_of_all_levels_add_up_strictest_first(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset("own", rules=[rule("pull_request", required_approving_review_count=0, require_code_owner_review=True)])
    shop.ruleset(
        "org",
        level="Organization",
        rules=[
            rule("pull_request", required_approving_review_count=3),
            rule("required_status_checks", required_status_checks=[("scan", 57)]),
        ],
    )
    shop.ruleset(
        "ent",
        level="Enterprise",
        rules=[
            "deletion",
            rule("pull_request", required_approving_review_count=1),
            rule("required_status_checks", required_status_checks=["build"]),
        ],
    )
    rules = rules_on(github)
    assert approvals(rules) == (3, INVISIBLE)
    assert checks(rules) == ([("scan", 57), ("build", None)], INVISIBLE)
    assert flags(rules)["code-owner-review"] is flags(rules)["no-deletion"] is True
    assert [unknown(fact).needs for fact in rules.bypass[:2]] == [
        "administration: write",
        "organization-administration: write",
    ]


def test_classic_and_rulesets_add_up(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=[rule("pull_request", required_approving_review_count=1), "non_fast_forward"])
    shop.protect(
        "main",
        approvals=2,
        checks=[Check(context="build", app_id=15368), Check(context="lint", app_id=-1)],
        strict=True,
    )
    rules = rules_on(github, client=with_admin(github))
    found = flags(rules)
    assert (approvals(rules), checks(rules)) == ((2, None), ([("build", 15368), ("lint", None)], None))
    assert (found["up-to-date"], found["no-force-push"], found["no-deletion"]) == (True, True, True)
    assert rules.flags["no-force-push"].detail == "GET rules/branches/main"
    assert rules.flags["no-deletion"].detail == "GET branches/main/protection"


def test_required_checks_in_the_summary_count_and_hide_no_others(github: FakeGitHub, shop: Repository) -> None:
    """Line 17 and 2.0. Every reader sees classic contexts; that there are none to see proves nothing."""
    shop.protect("main", checks=[Check(context="build", app_id=15368), Check(context="test")])
    assert checks(rules_on(github)) == ([("build", 15368), ("test", None)], INVISIBLE)


def test_strict_checks_are_unknown_where_only_the_summary_shows_the_checks(
    github: FakeGitHub, shop: Repository
) -> None:
    """Line 19. Another way to read them was wrong for everybody but administrators."""
    shop.protect("main", checks=["build"], strict=True)
    assert flags(rules_on(github))["up-to-date"] == INVISIBLE


# Reviewers


def required_reviewers(github: FakeGitHub, client: Client) -> tuple[set[str], str | None]:
    enforced = known(rules_on(github, client=client).required_reviewers)
    return set(enforced.value), enforced.hidden.needs if enforced.hidden else None


def reviewed_by(team: int, minimum: int = 1) -> dict[str, Any]:
    return {"file_patterns": ["*"], "minimum_approvals": minimum, "reviewer": {"id": team, "type": "Team"}}


def test_required_teams_have_numbers_and_their_names_where_these_are_shown(
    github: FakeGitHub, shop: Repository
) -> None:
    team = github.world.team("acme", "core")
    shop.ruleset(rules=[rule("pull_request", required_reviewers=[reviewed_by(team.id), reviewed_by(99, minimum=0)])])
    assert required_reviewers(github, client_of(github)) == ({str(team.id)}, "members: read")
    assert required_reviewers(github, with_admin(github)) == ({str(team.id)}, "members: read")
    strong = github.token("strong", permissions={**ADMIN, "members": "read"})
    client = client_of(github, github.token("job").value, strong.value)
    assert required_reviewers(github, client) == ({str(team.id), "core", "acme/core"}, None)


def test_without_required_teams_no_team_is_asked_for(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=[rule("pull_request")])
    assert required_reviewers(github, with_admin(github)) == (set(), None)
    assert github.count("GET /orgs/*") == 0


# Requests, faults and settings


def test_a_branch_costs_three_requests_and_one_for_each_ruleset(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset("one", rules=["deletion", "non_fast_forward", rule("pull_request")])
    shop.ruleset("two", rules=["required_signatures"])
    client = client_of(github)
    selected(github, "default", "main", "current", "m*", client=client)
    assert client.requests == 3 + 2 + 1  # the last one for the pattern
    assert github.repeated() == {}
    assert {call.token for call in github.calls()} == {"job"}


def test_the_stronger_token_is_used_for_what_only_it_sees(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    shop.protect("main")
    rules_on(github, client=with_admin(github))
    assert {call.token for call in github.calls("GET *rules/branches/*")} == {"job"}
    assert {call.token for call in github.calls("GET *protection")} == {"admin"}
    assert {call.token for call in github.calls("GET *rulesets/*")} == {"admin"}
    assert len(github.calls()) == 4


UNREADABLE = {
    "limit": faults.primary_limit(),
    "web page": faults.html(),
    "invalid JSON": faults.invalid_json(),
    "object": faults.dict_for_list(),
    "numbers as text": faults.numbers_as_strings(),
    "no ruleset": faults.nulls("ruleset_id"),
    "no type": faults.without("type"),
    "no number of approvals": faults.without("required_approving_review_count"),
    "no parameters": faults.without("parameters"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_rules_that_cannot_be_read_leave_everything_open(github: FakeGitHub, shop: Repository, fault: str) -> None:
    shop.ruleset(rules=[rule("pull_request"), "deletion"])
    github.fault("GET *rules/branches/*", UNREADABLE[fault])
    rules = rules_on(github)
    assert flags(rules) == {"protected": True, **dict.fromkeys(FLAGS - {"protected"}, UNAVAILABLE)}
    assert said(rules.approvals) == said(rules.required_reviewers) == said(rules.status_checks) == UNAVAILABLE
    assert bypass(rules) == [UNAVAILABLE, INVISIBLE]


def test_what_classic_protection_grants_stands_while_the_rules_are_unavailable(
    github: FakeGitHub, shop: Repository
) -> None:
    shop.protect("main", approvals=2)
    github.fault("GET *rules/branches/*", faults.server_error())
    rules = rules_on(github, client=with_admin(github))
    found = flags(rules)
    assert (found["no-deletion"], found["linear-history"], approvals(rules)) == (True, UNAVAILABLE, (2, UNAVAILABLE))


@pytest.mark.parametrize("fault", [faults.primary_limit(), faults.html(), faults.list_for_dict()], ids=lambda f: f.name)
def test_a_branch_that_cannot_be_read_is_not_known_to_exist(github: FakeGitHub, shop: Repository, fault: Any) -> None:
    shop.ruleset(rules=["deletion"])
    github.fault("GET /repos/acme/shop/branches/main", fault)
    rules = rules_on(github)
    assert said(rules.exists) == UNAVAILABLE


def test_an_unreadable_ruleset_is_unavailable_and_not_merely_invisible(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    github.fault("GET *rulesets/*", faults.server_error())
    rules = rules_on(github)
    assert (bypass(rules)[0], said(rules.flags["include-admins"])) == (UNAVAILABLE, UNAVAILABLE)


def test_a_plan_without_protection_is_unprotected(github: FakeGitHub, shop: Repository) -> None:
    shop.plan_limited = True
    assert flags(rules_on(github)) == dict.fromkeys(FLAGS, False)


def test_settings_lead_to_where_the_rule_is(github: FakeGitHub, shop: Repository) -> None:
    page = f"{github.html_url}/acme/shop/settings"
    assert rules_on(github).settings["no-deletion"].url == f"{page}/rules"
    shop.protect("main")
    assert rules_on(github, client=with_admin(github)).settings[""].url == f"{page}/branches"
    shop.ruleset("org", level="Organization", rules=["deletion"])
    own = shop.ruleset("own", rules=["deletion"])
    setting = rules_on(github).settings["no-force-push"]
    assert (setting.name, setting.url) == ("Block force pushes", f"{page}/rules/{own.id}")


# Shapes that no server of today sends


@pytest.mark.parametrize(
    "body",
    [
        {"required_status_checks": {"strict": True, "contexts": ["build"]}},
        {"required_status_checks": {"strict": True, "contexts": [], "checks": [{"context": "build"}]}},
    ],
)
def test_contexts_stand_in_where_an_older_server_has_no_checks(body: dict[str, Any]) -> None:
    reading = read_classic(body, "GET x", branch="main").reading
    assert reading.checks == (StatusCheck(context="build"),)
    assert "up-to-date" in reading.holds


@pytest.mark.parametrize(
    "body",
    [
        {"enforce_admins": {"enabled": "yes"}},
        {"enforce_admins": True},
        {"required_pull_request_reviews": []},
        {"required_status_checks": {"strict": 1, "contexts": []}},
        {"required_pull_request_reviews": {"bypass_pull_request_allowances": {"users": [{"id": "1"}]}}},
    ],
)
def test_classic_answers_of_another_shape_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        read_classic(body, "GET x", branch="main")


def test_creations_are_not_blocked_where_pushes_are_not_restricted() -> None:
    """Line 13. The switch may stand there all the same."""
    blocked = {"block_creations": {"enabled": True}}
    assert "restricted-creation" not in read_classic(blocked, "GET x", branch="main").reading.holds
    restricted = {**blocked, "restrictions": {"users": [], "teams": [], "apps": []}}
    assert "restricted-creation" in read_classic(restricted, "GET x", branch="main").reading.holds


def test_an_unknown_rule_is_read_past() -> None:
    item = {"type": "novelty", "ruleset_id": 1, "ruleset_source_type": "Repository", "ruleset_source": "acme/shop"}
    assert read_rules([item], "GET x").reading.holds == frozenset()


def test_checks_that_are_switched_off_are_not_shown_as_required() -> None:
    section = {"enforcement_level": "off", "contexts": ["build"], "checks": [{"context": "build", "app_id": None}]}
    assert read_summary_checks({"protection": {"required_status_checks": section}}) == ()
    assert read_summary_checks({}) == ()
