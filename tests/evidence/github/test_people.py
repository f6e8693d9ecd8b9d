"""Who takes part in a run and what they may do: the edge cases of actor permissions, as facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_guard.evidence.github.access import get_access
from ci_guard.evidence.github.accounts import MERGE_QUEUE_ID
from ci_guard.model.fact import Cause, Known, Source, Unknown
from ci_guard.model.kinds import Level
from ci_guard.model.run import AccountType, Part, Participant, Person, Seat
from tests.evidence.github.scene import Scene, known, unknown
from tests.evidence.github.starts import STARTS, rewrite
from tests.fakes import faults
from tests.fakes.hub.people import MERGE_QUEUE


def people(seats: tuple[Seat, ...]) -> list[tuple[str, str, str]]:
    """Return part, login and note of each seat; `?` for somebody unknown."""
    return [
        (seat.part.value, seat.who.value.person.login if isinstance(seat.who, Known) else "?", seat.note)
        for seat in seats
    ]


def participant(scene: Scene, part: Part) -> Participant:
    (seat,) = scene.seats(part)
    found: Participant = known(seat.who)
    return found


def level(scene: Scene, part: Part = Part.ACTOR) -> tuple[Level, str]:
    access = known(participant(scene, part).access)
    return access.level, access.role


def push(scene: Scene, actor: str = "alice", **changes: str) -> Scene:
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Work", author=actor, on="main", by=actor)
    return scene.push(sha, before=before, actor=actor, **changes)


# What an account may do


@pytest.mark.parametrize(
    ("role", "base", "expected"),
    [
        ("read", None, Level.READ),
        ("triage", None, Level.TRIAGE),
        ("write", None, Level.WRITE),
        ("maintain", None, Level.MAINTAIN),
        ("admin", None, Level.ADMIN),
        ("release-captain", "maintain", Level.MAINTAIN),
        ("bug-catcher", "triage", Level.TRIAGE),
        ("translator", "write", Level.WRITE),
        ("looker", "read", Level.READ),
    ],
)
def test_a_role_counts_as_itself_and_a_custom_one_as_its_base(
    scene: Scene, role: str, base: str | None, expected: Level
) -> None:
    """`permission` alone reads maintain as write and triage as read; a custom role cannot be ordered by its name."""
    scene.repo.user("rex", role=role, base=base)
    assert level(push(scene, "rex")) == (expected, role)


@pytest.mark.parametrize("word", ["owner", "MAINTAIN", "", "5"])
def test_a_permission_in_an_unknown_word_holds_nothing(scene: Scene, word: str) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/permission", faults.replaced(permission=word, role_name=word))
    assert level(scene)[0] is Level.NONE


def test_a_role_that_its_permission_contradicts_counts_as_the_permission(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/permission", faults.replaced(permission="read", role_name="admin", triage=False))
    assert level(scene)[0] is Level.READ


def test_rights_that_the_permission_does_not_cover_count_for_nothing(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/permission", faults.replaced(permission="read", role_name="odd", maintain=True))
    assert level(scene)[0] is Level.TRIAGE


def test_a_stranger_holds_nothing(scene: Scene) -> None:
    assert level(push(scene, "mallory")) == (Level.NONE, "none")


def test_an_apps_bot_and_a_login_that_is_no_user_hold_nothing(scene: Scene) -> None:
    """Known to hold nothing: a peer takes the 404 for an error and lets everybody pass."""
    scene.repo.user("renovate[bot]")
    scene.repo.user("Copilot", type="Bot", is_user=False)
    assert level(push(scene, "renovate[bot]")) == (Level.NONE, "none")
    assert level(push(scene, "Copilot")) == (Level.NONE, "not a user")
    assert participant(scene, Part.ACTOR).person.type is AccountType.BOT


def test_no_answer_about_a_person_is_unknown_with_the_permission(scene: Scene) -> None:
    """404 `Not Found` is no statement about the person."""
    push(scene)
    scene.github.fault("GET /repos/*/permission", faults.not_found())
    access = unknown(participant(scene, Part.ACTOR).access)
    assert (access.cause, access.needs) == (Cause.INVISIBLE, "metadata: read")


TROUBLE = {
    "limit": faults.primary_limit(),
    "server error": faults.server_error(),
    "reset": faults.reset(),
    "web page": faults.html(),
    "list": faults.list_for_dict(),
    "null": faults.nulls("permission"),
    "missing": faults.without("permission"),
    "numbers as text": faults.numbers_as_strings(),
}


@pytest.mark.parametrize("fault", TROUBLE.values(), ids=list(TROUBLE))
def test_trouble_about_a_person_is_unavailable(scene: Scene, fault: faults.Fault) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/permission", fault)
    assert unknown(participant(scene, Part.ACTOR).access).cause is Cause.UNAVAILABLE


def test_an_answer_without_the_account_proves_nothing(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/permission", faults.nulls("user"))
    assert unknown(participant(scene, Part.ACTOR).access).cause is Cause.UNAVAILABLE


def test_a_renamed_account_is_found_by_its_id(scene: Scene) -> None:
    push(scene)
    user = scene.repo.world.users.pop("alice")
    user.login = "alice-of-acme"
    scene.repo.world.users["alice-of-acme"] = user
    scene.repo.grants["alice-of-acme"] = scene.repo.grants.pop("alice")
    client, _, _ = scene.read()
    assert known(get_access(client, Person(login="alice", id=user.id, type=AccountType.USER))).level is Level.WRITE


def test_a_recycled_login_does_not_lend_its_rights(scene: Scene) -> None:
    """The old owner of the login keeps their own account; the new owner is somebody else."""
    push(scene)
    world = scene.repo.world
    old = world.users.pop("alice")
    old.login = "alice-away"
    world.users["alice-away"] = old
    scene.repo.user("alice", role="admin")
    client, _, _ = scene.read()
    assert known(get_access(client, Person(login="alice", id=old.id, type=AccountType.USER))).level is Level.NONE


def test_a_renamed_account_that_is_answered_as_another_is_unknown(scene: Scene) -> None:
    client, _, _ = push(scene).read()
    number = scene.repo.world.user("mallory").id
    scene.github.fault(f"GET /user/{number}", faults.replaced(login="olivia"))
    person = Person(login="was-mallory", id=number, type=AccountType.USER)
    assert unknown(get_access(client, person)).cause is Cause.UNAVAILABLE


def test_a_deleted_account_holds_nothing(scene: Scene) -> None:
    client, _, _ = push(scene).read()
    access = known(get_access(client, Person(login="gone", id=987654, type=AccountType.USER)))
    assert (access.level, access.role) == (Level.NONE, "no such account")


@pytest.mark.parametrize("login", ["..", ".", "a/b", "x y", "\u00e9", ""])
def test_a_login_that_is_none_asks_for_nothing_else(scene: Scene, login: str) -> None:
    client, _, _ = push(scene).read()
    assert isinstance(get_access(client, Person(login=login, id=1, type=AccountType.BOT)), (Known, Unknown))
    assert all(call.path.endswith("/permission") for call in scene.github.calls("GET /repos/*/collaborators*"))


# Who it is


def test_a_rerun_is_started_by_somebody_else(scene: Scene) -> None:
    """Peers judge `github.actor`, who stays the first actor whoever presses the button."""
    sha = scene.repo.branches["main"]
    run = scene.repo.run("push", actor="alice", sha=sha)
    run.rerun(by="mallory")
    scene.start(run, scene.events.push("main", after=sha, sender="alice"))
    assert people(scene.seats(Part.ACTOR, Part.TRIGGERING_ACTOR)) == [
        ("actor", "alice", ""),
        ("triggering-actor", "mallory", ""),
    ]
    assert level(scene, Part.TRIGGERING_ACTOR)[0] is Level.NONE


def test_an_older_attempts_people_cannot_be_claimed(scene: Scene) -> None:
    run = scene.repo.run("push", actor="alice")
    run.rerun(by="mallory")
    scene.start(run, scene.events.push("main", sender="alice"), GITHUB_RUN_ATTEMPT="1", GITHUB_TRIGGERING_ACTOR="alice")
    assert participant(scene, Part.TRIGGERING_ACTOR).person.login == "mallory"


def test_all_people_of_a_change_are_named(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    run = scene.repo.run("pull_request", actor="bob", pull=pull)
    run.rerun(by="carol")
    scene.start(run, scene.events.pull_request(pull, "synchronize", sender="bob"))
    assert people(scene.seats()) == [
        ("actor", "bob", ""),
        ("triggering-actor", "carol", ""),
        ("sender", "bob", ""),
        ("author", "alice", "author of #1"),
    ]
    assert scene.github.repeated() == {}


def test_a_push_has_no_author_and_no_upstream(scene: Scene) -> None:
    assert [seat.part for seat in push(scene).seats()] == [Part.ACTOR, Part.TRIGGERING_ACTOR, Part.SENDER]


def test_only_the_parts_that_are_asked_cost_anything(scene: Scene) -> None:
    scene.repo.pull(author="alice")
    push(scene, "bob")
    scene.read()
    before = scene.github.count()
    scene.seats(Part.SENDER)
    assert scene.github.count() == before + 1


def test_an_author_whose_account_is_gone_holds_nothing(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    scene.start(scene.repo.run("pull_request", actor="bob", pull=pull), scene.events.pull_request(pull, sender="bob"))
    scene.github.fault("GET /repos/*/pulls/1", faults.nulls("user"))
    assert level(scene, Part.AUTHOR) == (Level.NONE, "no such account")


def test_the_authors_association_is_not_asked(scene: Scene) -> None:
    """`author_association` says MEMBER of a stranger here, and it hides private members elsewhere."""
    pull = scene.repo.pull(author="mallory", fork="mallory/shop", association="MEMBER")
    run = scene.repo.run("pull_request_target", actor="mallory", pull=pull)
    scene.start(run, scene.events.pull_request(pull))
    assert level(scene, Part.AUTHOR)[0] is Level.NONE


def test_a_comment_on_a_pull_request_names_its_author(scene: Scene) -> None:
    """`/deploy` by a maintainer below a stranger's pull request."""
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    scene.start(
        scene.repo.run("issue_comment", actor="carol"), scene.events.issue_comment(pull, "/deploy", sender="carol")
    )
    assert people(scene.seats(Part.SENDER, Part.AUTHOR)) == [
        ("sender", "carol", ""),
        ("author", "mallory", "author of #1"),
    ]


def test_a_schedules_actor_is_judged_and_it_has_no_sender(scene: Scene) -> None:
    """The actor is whoever last edited the cron line, possibly gone by now."""
    scene.start(scene.repo.run("schedule", actor="mallory"), scene.events.schedule())
    assert people(scene.seats()) == [("actor", "mallory", ""), ("triggering-actor", "mallory", "")]
    assert level(scene)[0] is Level.NONE


@pytest.mark.parametrize(
    "sender", [None, "alice", {}, {"login": "olivia"}, {"login": "olivia", "id": True, "type": "User"}]
)
def test_a_sender_that_is_missing_or_misshapen_is_unknown_not_absent(scene: Scene, sender: Any) -> None:
    """A step that cuts the sender out of the event file must not make the part disappear."""
    push(scene)
    rewrite(scene, {"sender": sender})
    (seat,) = scene.seats(Part.SENDER)
    assert unknown(seat.who).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("start", ["push", "repository_dispatch", "pull_request_target", "deployment", "merge_group"])
def test_a_sender_whom_the_server_does_not_confirm_is_unknown(scene: Scene, start: str) -> None:
    """The event file alone would lend an administrator's rights to whoever can rewrite it."""
    STARTS[start][0](scene)
    olivia = scene.repo.world.user("olivia")
    rewrite(scene, {"sender": {"login": "olivia", "id": olivia.id, "type": "User"}})
    (seat,) = scene.seats(Part.SENDER)
    assert unknown(seat.who).cause is Cause.UNAVAILABLE


def test_a_sender_with_a_borrowed_login_is_whom_the_server_names_by_that_id(scene: Scene) -> None:
    push(scene)
    rewrite(scene, {"sender": {"login": "olivia", "id": scene.repo.world.user("alice").id, "type": "Bot"}})
    assert participant(scene, Part.SENDER).person == participant(scene, Part.ACTOR).person
    assert participant(scene, Part.SENDER).person.login == "alice"


def test_after_a_rerun_the_sender_is_still_whoever_caused_the_event(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    run = scene.repo.run("pull_request", actor="alice", pull=pull)
    run.rerun(by="carol")
    assert people(scene.start(run, scene.events.pull_request(pull)).seats(Part.SENDER)) == [("sender", "alice", "")]


def test_the_environment_confirms_the_sender_where_the_run_may_not_be_read(scene: Scene) -> None:
    push(scene).token(contents="read")
    (seat,) = scene.seats(Part.SENDER)
    assert isinstance(seat.who, Known)
    assert (seat.who.value.person.login, seat.who.source) == ("alice", Source.ENV)


@pytest.mark.parametrize("name", [name for name in STARTS if name != "schedule"])
def test_the_sender_of_an_honest_event_is_known(scene: Scene, name: str) -> None:
    STARTS[name][0](scene)
    assert participant(scene, Part.SENDER).person.login == scene.environment["GITHUB_ACTOR"]


def test_no_event_file_leaves_sender_and_upstream_unknown(scene: Scene) -> None:
    first = scene.repo.run("push", actor="alice")
    scene.start(scene.repo.run("workflow_run", actor="alice"), scene.events.workflow_run(first))
    Path(scene.environment["GITHUB_EVENT_PATH"]).unlink()
    assert people(scene.seats()) == [
        ("actor", "alice", ""),
        ("triggering-actor", "alice", ""),
        ("sender", "?", ""),
        ("upstream-actor", "?", ""),
    ]


def test_a_schedule_without_an_event_file_still_has_no_sender(scene: Scene) -> None:
    scene.start(scene.repo.run("schedule", actor="alice"), scene.events.schedule())
    Path(scene.environment["GITHUB_EVENT_PATH"]).unlink()
    assert scene.seats(Part.SENDER) == ()


def test_a_server_that_does_not_name_the_actor_leaves_it_unknown(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/actions/runs/*", faults.nulls("actor"))
    (seat,) = scene.seats(Part.ACTOR)
    assert unknown(seat.who).cause is Cause.UNAVAILABLE


# Without `actions: read`


def test_the_environment_names_the_actor_by_id_where_the_run_may_not_be_read(scene: Scene) -> None:
    push(scene).token(contents="read")
    (seat,) = scene.seats(Part.ACTOR)
    assert (known(seat.who).person.login, seat.who) == (
        "alice",
        Known(value=known(seat.who), source=Source.ENV, detail="GITHUB_ACTOR_ID"),
    )
    assert level(scene)[0] is Level.WRITE


def test_the_environment_names_who_started_the_attempt(scene: Scene) -> None:
    run = scene.repo.run("push", actor="alice")
    run.rerun(by="mallory")
    scene.start(run, scene.events.push("main", sender="alice")).token(contents="read")
    assert participant(scene, Part.TRIGGERING_ACTOR).person.login == "mallory"
    push(scene)
    assert participant(scene, Part.TRIGGERING_ACTOR).person.login == "alice"


@pytest.mark.parametrize("variable", ["", "nobody-has-this-login", "../../x", "7" * 5000])
def test_an_environment_that_names_nobody_leaves_them_unknown(scene: Scene, variable: str) -> None:
    push(scene, GITHUB_TRIGGERING_ACTOR=variable, GITHUB_ACTOR_ID=variable).token(contents="read")
    for seat in scene.seats(Part.ACTOR, Part.TRIGGERING_ACTOR):
        assert isinstance(seat.who, Unknown)


# Upstream and queue


def test_a_run_that_follows_another_names_who_started_and_restarted_that(scene: Scene) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    first = scene.repo.run("pull_request", actor="mallory", pull=pull)
    first.rerun(by="bob")
    run = scene.repo.run("workflow_run", actor="mallory", triggering_actor="bob")
    expected = [
        ("upstream-actor", "mallory", f"actor of run {first.id}"),
        ("upstream-actor", "bob", f"last started run {first.id}"),
    ]
    assert people(scene.start(run, scene.events.workflow_run(first)).seats(Part.UPSTREAM_ACTOR)) == expected
    run.rerun(by="carol")
    assert people(scene.start(run, scene.events.workflow_run(first)).seats(Part.UPSTREAM_ACTOR)) == expected


@pytest.mark.parametrize("triggering_actor", ["mallory", "bob"])
def test_a_run_of_other_peoples_is_not_taken_for_the_one_that_this_run_follows(
    scene: Scene, triggering_actor: str
) -> None:
    """The event file names an administrator's run, and everything else in it agrees."""
    scene.repo.run("push", actor="mallory", triggering_actor=triggering_actor)
    run = scene.repo.run("workflow_run", actor="mallory", triggering_actor=triggering_actor)
    other = scene.repo.run("push", actor="olivia", triggering_actor="bob")
    scene.start(run, scene.events.workflow_run(other))
    (seat,) = scene.seats(Part.UPSTREAM_ACTOR)
    assert unknown(seat.who).cause is Cause.UNAVAILABLE


def test_a_run_does_not_follow_itself(scene: Scene) -> None:
    run = scene.repo.run("workflow_run", actor="alice")
    scene.start(run, scene.events.workflow_run(run))
    assert people(scene.seats(Part.UPSTREAM_ACTOR))[0][1] == "?"


def test_a_comment_stripped_of_its_pull_request_keeps_its_author(scene: Scene) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    scene.start(
        scene.repo.run("issue_comment", actor="carol"), scene.events.issue_comment(pull, "/deploy", sender="carol")
    )
    rewrite(scene, {"issue/pull_request": None})
    assert people(scene.seats(Part.AUTHOR)) == [("author", "mallory", "author of #1")]


def test_an_upstream_run_without_a_number_or_an_answer_is_unknown(scene: Scene) -> None:
    first = scene.repo.run("push", actor="alice")
    for workflow_run in ({}, {"id": "7"}, {"id": 999999}):
        scene.start(scene.repo.run("workflow_run", actor="alice"), scene.events.workflow_run(first))
        rewrite(scene, {"workflow_run": workflow_run})
        assert people(scene.seats(Part.UPSTREAM_ACTOR))[0][1] == "?"


def queue(scene: Scene, *authors: str, actor: str = MERGE_QUEUE, by: str = "carol") -> Scene:
    pulls = [scene.repo.pull(author=author) for author in authors]
    group = scene.repo.enqueue(*pulls, by=by)
    for pull in pulls:
        pull._event("added_to_merge_queue", by)
    run = scene.repo.run("merge_group", actor=actor, sha=group.head_sha, branch=group.head_ref)
    return scene.start(run, scene.events.merge_group(group))


def test_a_queue_names_who_enqueued_and_each_author(scene: Scene) -> None:
    """Peers post success for every merge group; the sender is the queue, the authors are someone else, and several."""
    queue(scene, "alice", "bob")
    seats = scene.seats(Part.ACTOR, Part.AUTHOR)
    assert people(seats) == [
        ("actor", MERGE_QUEUE, ""),
        ("actor", "carol", "added #1 to the merge queue"),
        ("author", "alice", "author of #1"),
        ("author", "bob", "author of #2"),
    ]
    assert [known(seat.who).automation_of_platform for seat in seats] == [True, False, False, False]
    assert known(seats[0].who).person.id == MERGE_QUEUE_ID


def test_a_queue_that_a_person_started_names_that_person_once(scene: Scene) -> None:
    queue(scene, "alice", actor="carol")
    assert people(scene.seats(Part.ACTOR)) == [("actor", "carol", "")]


def test_somebody_who_calls_themself_the_queue_is_not_it(scene: Scene) -> None:
    scene.repo.user(MERGE_QUEUE).id = 666
    push(scene, MERGE_QUEUE)
    assert participant(scene, Part.ACTOR).automation_of_platform is False


def test_who_enqueued_last_is_named(scene: Scene) -> None:
    queue(scene, "alice", by="bob")
    scene.repo.pulls["1"]._event("removed_from_merge_queue", "bob")
    scene.repo.pulls["1"]._event("added_to_merge_queue", "mallory")
    assert people(scene.seats(Part.ACTOR))[1:] == [("actor", "mallory", "added #1 to the merge queue")]


def test_a_timeline_that_does_not_say_who_enqueued_leaves_them_unknown(scene: Scene) -> None:
    queue(scene, "alice")
    scene.repo.pulls["1"].events.clear()
    assert people(scene.seats(Part.ACTOR))[1:] == [("actor", "?", "added #1 to the merge queue")]


def test_a_queue_whose_changes_cannot_be_told_has_unknown_people(scene: Scene) -> None:
    queue(scene, "alice")
    scene.github.fault("GET /repos/*/pulls/*", faults.forbidden())
    assert [name for _, name, _ in people(scene.seats(Part.ACTOR, Part.AUTHOR))] == [MERGE_QUEUE, "?", "?"]
