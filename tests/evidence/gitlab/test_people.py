"""Who takes part in a pipeline, and what they hold: by members, the ID token, or what the server lets them do."""

from __future__ import annotations

import pytest

from ci_guard.evidence.gitlab import levels, records
from ci_guard.model.fact import Cause, Source
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Part, Seat
from tests.evidence.gitlab.scene import Scene, known, source_of, unknown
from tests.fakes import faults
from tests.fakes.lab.state import (
    ADMIN,
    DEVELOPER,
    GUEST,
    MAINTAINER,
    NOBODY,
    OWNER,
    PLANNER,
    REPORTER,
    AccessLevel,
    Member,
)


def names(seats: tuple[Seat, ...]) -> dict[Part, str]:
    return {seat.part: known(seat.who).person.login for seat in seats}


def held(scene: Scene, part: Part = Part.ACTOR) -> Access:
    (seat,) = scene.seats(part)
    return known(known(seat.who).access)


# Who


def test_a_push_has_an_actor_and_who_started_the_job_and_nobody_else(scene: Scene) -> None:
    scene.start(scene.shop.run("push", user="alice"))
    assert names(scene.seats()) == {Part.ACTOR: "alice", Part.TRIGGERING_ACTOR: "alice"}


def test_a_merge_request_also_has_its_author(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open("alice"), user="bob"))
    assert names(scene.seats()) == {Part.ACTOR: "bob", Part.TRIGGERING_ACTOR: "bob", Part.AUTHOR: "alice"}


def test_a_downstream_pipeline_runs_as_whoever_ran_the_trigger_job(scene: Scene) -> None:
    scene.start(scene.shop.run("parent_pipeline", user="carol"))
    assert names(scene.seats())[Part.UPSTREAM_ACTOR] == "carol"


def test_whoever_retried_the_job_is_told_apart_from_whoever_started_the_pipeline(scene: Scene) -> None:
    job = scene.shop.run("push", user="alice", by="carol")
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    assert names(scene.seats()) == {Part.ACTOR: "alice", Part.TRIGGERING_ACTOR: "carol"}


def test_of_a_retried_job_the_job_token_does_not_show_who_started_the_pipeline(scene: Scene) -> None:
    scene.start(scene.shop.run("push", user="alice", by="carol"))
    actor, triggering = scene.seats(Part.ACTOR, Part.TRIGGERING_ACTOR)
    fact = unknown(actor.who)
    assert (fact.cause, "Reporter" in (fact.needs or "")) == (Cause.INVISIBLE, True)
    assert known(triggering.who).person.login == "carol"


def test_that_the_job_was_made_with_its_pipeline_is_derived(scene: Scene) -> None:
    scene.start(scene.shop.run("push", user="alice"))
    (actor,) = scene.seats(Part.ACTOR)
    assert source_of(actor.who) is Source.DERIVED


def test_a_job_whose_user_is_gone_has_nobody(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    scene.gitlab.fault("GET /job", faults.nulls("user"))
    assert unknown(scene.seats(Part.TRIGGERING_ACTOR)[0].who).cause is Cause.UNAVAILABLE


def test_a_link_of_a_train_names_the_people_of_every_change_in_it(scene: Scene) -> None:
    first, second = scene.open("alice"), scene.open("bob")
    scene.shop.user("dora", DEVELOPER)
    first.merge_user, second.merge_user = "carol", "dora"
    link = scene.shop.result_of(first)
    job = scene.shop.run(mr=second, kind="train", user="dora", sha=scene.shop.result_of(second, onto=link))
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    authors = [known(seat.who).person.login for seat in scene.seats(Part.AUTHOR)]
    actors = {known(seat.who).person.login: seat.note for seat in scene.seats(Part.ACTOR)}
    assert authors == ["alice", "bob"]
    assert actors == {"dora": "added the merge request to the train", "carol": "added !1 to the merge train"}


def test_a_train_with_a_link_that_cannot_be_told_has_unknown_people(scene: Scene) -> None:
    mr = scene.open("alice")
    strange = scene.shop.commit("Strange", author="mallory", parents=[scene.shop.branches["main"]])
    scene.start(scene.shop.run(mr=mr, kind="train", sha=scene.shop.result_of(mr, onto=strange)))
    assert unknown(scene.seats(Part.AUTHOR)[0].who).cause is Cause.UNAVAILABLE


# What they hold

TABLE = {
    NOBODY: Level.NONE,
    5: Level.NONE,
    GUEST: Level.READ,
    PLANNER: Level.READ,
    REPORTER: Level.TRIAGE,
    25: Level.TRIAGE,
    DEVELOPER: Level.WRITE,
    MAINTAINER: Level.MAINTAIN,
    OWNER: Level.ADMIN,
    ADMIN: Level.ADMIN,
}


@pytest.mark.parametrize("number", TABLE)
def test_each_access_level_of_gitlabs_is_one_of_the_policys(number: int) -> None:
    assert levels.role_of(number).level is TABLE[number]


def test_the_table_is_whole_and_a_level_that_was_added_since_counts_as_the_next_lower() -> None:
    assert levels.ROLES.keys() == TABLE.keys() == set(levels.WORDS.values())
    assert levels.role_of(35).level is Level.WRITE
    assert levels.role_of(-1).level is Level.NONE


@pytest.mark.parametrize("number", [GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER])
@pytest.mark.parametrize("inherited", [False, True], ids=["direct", "inherited"])
def test_a_stronger_token_shows_the_exact_level_also_an_inherited_one(
    scene: Scene, number: int, inherited: bool
) -> None:
    scene.shop.user("dora", number, inherited=inherited)
    scene.start(scene.shop.run("push", user="dora"), CI_GUARD_TOKEN=scene.reader)
    assert held(scene) == Access(level=TABLE[number], role=levels.ROLES[number].name)


def test_a_custom_role_counts_as_its_base(scene: Scene) -> None:
    scene.shop.tier = "ultimate"
    role = {"id": 3, "name": "Release captain", "base_access_level": 30}
    scene.shop.user("dora")
    scene.shop.members["dora"] = Member(username="dora", access_level=30, member_role=role)
    scene.start(scene.shop.run("push", user="dora"), CI_GUARD_TOKEN=scene.reader)
    assert held(scene) == Access(level=Level.WRITE, role="Release captain")


def test_who_is_no_member_holds_nothing(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open("mallory")), CI_GUARD_TOKEN=scene.reader)
    assert held(scene, Part.AUTHOR) == Access(level=Level.NONE, role="no member")


@pytest.mark.parametrize("state", ["blocked", "banned", "deactivated", "ldap_blocked"])
@pytest.mark.parametrize("strong", [False, True])
def test_who_is_blocked_holds_nothing(scene: Scene, state: str, strong: bool) -> None:
    job = scene.shop.run("push", user="alice")
    scene.shop.user("alice", state=state)
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if strong else {}))
    assert held(scene).level is Level.NONE


def test_a_membership_that_waits_for_somebody_holds_nothing(scene: Scene) -> None:
    scene.start(scene.shop.run("push", user="alice"), CI_GUARD_TOKEN=scene.reader)
    scene.gitlab.fault("GET /projects/*/members/all", faults.replaced(membership_state="awaiting"))
    assert held(scene).level is Level.NONE


def test_everybody_is_asked_for_in_one_request(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open("alice"), user="carol"), CI_GUARD_TOKEN=scene.reader)
    scene.seats()
    (call, other) = scene.gitlab.calls("GET /projects/*/members/all")
    assert {call.token, other.token} == {"reader"}


def test_whoever_may_push_a_branch_is_a_developer_at_least(scene: Scene) -> None:
    """That is all the job's own token shows: whether it is a Maintainer stays hidden."""
    scene.start(scene.shop.run("push", user="alice"))
    access = held(scene)
    assert (access.level, access.role) == (Level.WRITE, "Developer or higher")
    assert access.hidden is not None
    assert access.hidden.cause is Cause.INVISIBLE
    (seat,) = scene.seats(Part.ACTOR)
    assert source_of(known(seat.who).access) is Source.DERIVED


def test_whoever_may_merge_the_change_is_a_developer_at_least(scene: Scene) -> None:
    scene.shop.protect("main", push=NOBODY, merge=DEVELOPER)
    scene.start(scene.shop.run(mr=scene.open("alice"), user="alice"))
    assert held(scene).level is Level.WRITE


def test_whoever_may_push_to_the_source_branch_is_a_developer_at_least(scene: Scene) -> None:
    scene.shop.protect("main", push=NOBODY, merge=MAINTAINER)
    scene.start(scene.shop.run(mr=scene.open("alice"), user="alice"))
    assert held(scene).level is Level.WRITE
    assert scene.gitlab.calls("GET /projects/*/repository/branches")[-1].query["search"] == "^change-1$"


def test_whoever_may_push_to_any_branch_is_a_developer_at_least(scene: Scene) -> None:
    scene.shop.protect("main", push=NOBODY, merge=MAINTAINER)
    for number in range(150):
        scene.shop.branches[f"a{number}"] = scene.shop.branches["main"]
    scene.shop.protect("a*", push=MAINTAINER)
    scene.shop.branches["topic"] = scene.shop.branches["main"]
    scene.start(scene.shop.run("schedule", user="alice"))
    assert held(scene).level is Level.WRITE


def test_whoever_merged_the_pushed_change_is_a_developer_at_least(scene: Scene) -> None:
    scene.shop.protect("main", push=NOBODY, merge=MAINTAINER)
    mr = scene.open("alice")
    before = scene.shop.branches["main"]
    sha = scene.shop.merge(mr, by="carol")
    scene.start(scene.shop.run("push", user="carol", sha=sha, before=before))
    assert held(scene).level is Level.WRITE


def test_what_a_stronger_token_may_do_says_nothing_of_the_jobs_user(scene: Scene) -> None:
    """On an older server the job's token is shown no branch, and the owner's token may push to every one."""
    scene.gitlab.world.version = (18, 2)
    scene.gitlab.fault("GET /projects/*/members/all", faults.status(403, "", body={"message": "403 Forbidden"}))
    scene.start(scene.shop.run("push", user="alice"), CI_GUARD_TOKEN=scene.reader)
    assert known(scene.run.default_branch) == "main"
    assert unknown(known(scene.seats(Part.TRIGGERING_ACTOR)[0].who).access).cause is Cause.INVISIBLE


def test_who_may_do_nothing_that_shows_it_is_unknown_and_not_nobody(scene: Scene) -> None:
    scene.shop.protect("main", push=NOBODY, merge=MAINTAINER)
    scene.start(scene.shop.run("web", user="alice"))
    (seat,) = scene.seats(Part.ACTOR)
    fact = unknown(known(seat.who).access)
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "a token with read_api in CI_GUARD_TOKEN, of any member")


def test_of_anybody_else_the_job_token_shows_nothing(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open("alice"), user="carol"))
    (seat,) = scene.seats(Part.AUTHOR)
    assert unknown(known(seat.who).access).cause is Cause.INVISIBLE
    assert scene.gitlab.count("GET /projects/*/members/all") == 0


@pytest.mark.parametrize("level", [AccessLevel(access_level=0), AccessLevel(access_level=40)])
def test_a_rule_that_lets_nobody_in_proves_nothing(scene: Scene, level: AccessLevel) -> None:
    scene.shop.protect("main", push=[level], merge=[level])
    scene.start(scene.shop.run("web", user="alice"))
    assert unknown(known(scene.seats(Part.ACTOR)[0].who).access).cause is Cause.INVISIBLE


# Bots


@pytest.mark.parametrize("name", ["project_12_bot", "project_12_bot_0a1b2c", "group_3_bot_ff", "service_account_x_1"])
def test_a_token_of_a_project_or_group_is_a_bot_by_its_name(scene: Scene, name: str) -> None:
    scene.shop.user(name, MAINTAINER)
    scene.start(scene.shop.run(mr=scene.open(name)), CI_GUARD_TOKEN=scene.reader)
    assert known(scene.seats(Part.AUTHOR)[0].who).person.type is AccountType.BOT


def test_a_service_account_with_a_name_of_its_own_is_a_bot_by_the_servers_word(scene: Scene) -> None:
    scene.shop.user("renovate", MAINTAINER, bot=True)
    scene.start(scene.shop.run("push", user="renovate"))
    assert known(scene.seats(Part.TRIGGERING_ACTOR)[0].who).person.type is AccountType.BOT


@pytest.mark.parametrize("name", ["project_bot", "xproject_1_bot", "project_1_bots", "bot", "alice"])
def test_a_name_that_only_looks_like_a_bots_is_a_persons(name: str) -> None:
    assert records.person({"username": name, "id": 1}).type is AccountType.USER


def test_the_account_of_whoever_was_deleted_is_nobodys() -> None:
    assert records.person({"username": "ghost", "id": 1}).type is AccountType.OTHER
