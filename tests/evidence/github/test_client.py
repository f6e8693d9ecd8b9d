"""The client: what becomes a fact, which token is asked, and what is asked again."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.rest import pauses
from ci_guard.evidence.rest.exchange import RETRIES, RETRIES_PER_RUN
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Known, Source, Unknown
from tests.drawing import examples
from tests.evidence.github.asking import client_of, with_admin
from tests.evidence.github.scene import known, unknown
from tests.evidence.github.wire import Wire, reply, says
from tests.fakes import faults
from tests.fakes.faults import Fault
from tests.fakes.github import FakeGitHub

BRANCH = "GET /repos/acme/shop/branches/main"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that answers asked for, which nobody waits for here."""
    asked: list[float] = []
    monkeypatch.setattr(pauses, "time", SimpleNamespace(monotonic=time.monotonic, sleep=asked.append))
    return asked


@pytest.fixture
def shop(github: FakeGitHub) -> FakeGitHub:
    github.repository("acme/shop", private=True)
    return github


# What becomes a fact


def test_an_answer_of_the_right_shape_is_known_with_where_it_was_read(shop: FakeGitHub) -> None:
    fact = client_of(shop).get("branches/main")
    assert isinstance(fact, Known)
    assert (fact.value["name"], fact.source, fact.detail) == ("main", Source.API, "GET branches/main")


def test_parameters_stand_in_the_detail_but_paging_does_not(shop: FakeGitHub) -> None:
    fact = client_of(shop).get_all("rulesets", params={"targets": "tag"})
    assert fact.detail == "GET rulesets?targets=tag"


def test_a_refusal_names_the_permission_that_github_names(shop: FakeGitHub) -> None:
    fact = unknown(client_of(shop).get("branches/main/protection"))
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "administration: read")
    assert fact.reason == "the server answered 403: Resource not accessible by integration"


def test_a_404_is_invisible_and_never_absence(shop: FakeGitHub) -> None:
    """Peers read "Not Found" as "not protected"; it may as well mean that the token does not see it."""
    shop.user("stranger")
    token = shop.token("stranger", kind="user", login="stranger")
    fact = unknown(client_of(shop, token.value).get("branches/main", absent={"Branch not found"}))
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "contents: read")


def test_absence_needs_the_message_that_says_so(shop: FakeGitHub) -> None:
    client = client_of(shop)
    assert known(client.get("branches/gone", absent={"Branch not found"})) is None
    assert known(client.get("branches/lost", absent=lambda message: "not found" in message)) is None
    assert unknown(client.get("branches/away")).cause is Cause.INVISIBLE


def test_a_wrong_token_is_unavailable_and_so_never_tolerable(shop: FakeGitHub) -> None:
    """A dead token must not earn what a policy tolerates of a live one; nor is its refusal an absence."""
    fact = unknown(client_of(shop, "no-such-credential").get("branches/main", absent=lambda _: True))
    assert fact.cause is Cause.UNAVAILABLE
    assert fact.reason == "the server answered 401: Bad credentials"


def test_a_dead_job_token_leaves_the_answer_to_the_stronger_one(shop: FakeGitHub) -> None:
    client = client_of(shop, "no-such-credential", shop.token("admin2", kind="user", login="olivia").value)
    assert isinstance(client.get("branches/main"), Known)


def test_without_a_token_nothing_is_asked(shop: FakeGitHub) -> None:
    client = Client(api_url=shop.url, repository="acme/shop", tokens=(), transport=Transport())
    for fact in (client.get("branches/main"), client.get_all("rulesets")):
        assert unknown(fact).cause is Cause.UNAVAILABLE
        assert unknown(fact).needs
    assert shop.count() == 0


UNAVAILABLE: dict[str, tuple[Fault, str]] = {
    "primary limit": (faults.primary_limit(), "limits the requests"),
    "primary limit as 429": (faults.primary_limit(429), "limits the requests"),
    "secondary limit": (faults.secondary_limit(), "limits the requests"),
    "secondary limit, long wait": (faults.secondary_limit(3600), "limits the requests"),
    "429, long wait": (faults.too_many(3600), "limits the requests"),
    "429 without a time": (faults.too_many(None), "limits the requests"),
    "last request of the hour": (
        faults.status(403, "Resource not accessible by integration", {"X-RateLimit-Remaining": "0"}),
        "limits the requests",
    ),
    "502": (faults.server_error(), "answered 502"),
    "503": (faults.server_error(503), "answered 503"),
    "web page": (faults.html(), "a web page"),
    "web page as 403": (faults.raw(b"<html>blocked</html>", "text/html", code=403), "a web page"),
    "web page as 404": (faults.raw(b"<html>nothing here</html>", "text/html", code=404), "a web page"),
    "refusal without a message": (faults.status(403, "", body={"error": "x"}), "without GitHub's message"),
    "refusal that is a list": (faults.status(404, "", body=["Not Found"]), "without GitHub's message"),
    "message that is no text": (faults.status(404, "", body={"message": 404}), "without GitHub's message"),
    "invalid JSON": (faults.invalid_json(), "no JSON"),
    "empty": (faults.empty_body(), "with nothing"),
    "null": (faults.null_body(), "wrongly shaped"),
    "list": (faults.list_for_dict(), "wrongly shaped"),
    "no content": (faults.raw(b"", code=204), "wrongly shaped"),
    "reset": (faults.reset(), "broke"),
    "truncated": (faults.truncated(), "broke"),
    "gone": (faults.status(410, "Issues are disabled"), "answered 410"),
    "conflict": (faults.status(409, "Git Repository is empty."), "answered 409"),
    "teapot": (faults.status(418, "no"), "answered 418"),
}


@pytest.mark.parametrize("case", UNAVAILABLE)
def test_a_limit_a_fault_or_nonsense_is_never_merely_invisible(shop: FakeGitHub, slept: list[float], case: str) -> None:
    """An invisible fact may be tolerated: whoever exhausts the limit must not open the gate."""
    fault, reason = UNAVAILABLE[case]
    shop.fault("GET *", fault)
    fact = unknown(client_of(shop).get("branches/main"))
    assert fact.cause is Cause.UNAVAILABLE
    assert reason in fact.reason
    assert sum(slept) < 5


@pytest.mark.parametrize("case", [name for name in UNAVAILABLE if name not in ("list", "null", "no content")])
def test_a_list_is_no_safer_than_a_single_answer(shop: FakeGitHub, case: str) -> None:
    shop.fault("GET *", UNAVAILABLE[case][0])
    assert unknown(client_of(shop).get_all("rulesets")).cause is Cause.UNAVAILABLE


def test_a_refusal_with_a_conflict_can_mean_absence(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.status(409, "Git Repository is empty."))
    assert known(client_of(shop).get_all("git/matching-refs/heads", absent={"Git Repository is empty."})) == ()


# Names in paths


@pytest.mark.parametrize("name", ["release/1.0", "größe", "a#b", "100%", "a b", "x?y", "日本/語", "+1", "%2e%2e"])
def test_a_name_is_one_segment_whatever_it_holds(shop: FakeGitHub, name: str) -> None:
    shop.repository("acme/shop").branch(name)
    assert known(client_of(shop).get(f"branches/{segment(name)}"))["name"] == name


@pytest.mark.parametrize(
    "path", ["collaborators/../permission", "branches/.", "/../x", "a?b", "a#b", "a b", "a//b", "é"]
)
def test_no_name_turns_a_question_into_another_one(shop: FakeGitHub, path: str) -> None:
    fact = unknown(client_of(shop).get(path))
    assert (fact.cause, fact.reason) == (Cause.UNAVAILABLE, "the name cannot be part of an address")
    assert shop.count() == 0


def test_a_parameter_that_is_no_text_is_not_asked(shop: FakeGitHub) -> None:
    assert unknown(client_of(shop).get("activity", params={"ref": "\udcff"})).cause is Cause.UNAVAILABLE
    assert shop.count() == 0


# Once, again, and with which token


def test_each_fact_is_fetched_once_however_many_ask(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.latency(0.1))
    client = client_of(shop)
    with ThreadPoolExecutor(20) as pool:
        facts = list(pool.map(lambda _: client.get("branches/main"), range(40)))
    assert all(isinstance(fact, Known) for fact in facts)
    assert shop.count() == client.requests == 1
    client.get("branches/main", shape=list)
    assert shop.count() == 1


def test_a_trouble_is_remembered_as_well(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.primary_limit())
    client = client_of(shop)
    for _ in range(3):
        unknown(client.get("branches/main"))
    assert shop.count() == 1


@pytest.mark.parametrize("fault", [faults.server_error(), faults.reset(), faults.truncated()], ids=lambda f: f.name)
@pytest.mark.parametrize("times", [1, RETRIES])
def test_a_passing_trouble_is_asked_again(shop: FakeGitHub, fault: Fault, times: int) -> None:
    shop.fault("GET *", fault, times=times)
    client = client_of(shop)
    assert isinstance(client.get("branches/main"), Known)
    assert client.requests == times + 1


def test_a_lasting_trouble_is_given_up(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.server_error())
    client = client_of(shop)
    client.get("branches/main")
    assert shop.count() == client.requests == 1 + RETRIES


def test_a_server_that_is_down_does_not_cost_every_call_its_retries(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.server_error())
    client = client_of(shop)
    client.gather(*(lambda number=number: client.get(f"branches/b{number}") for number in range(20)))
    assert shop.count() == 20 + RETRIES_PER_RUN


def test_a_refusal_is_not_asked_again(shop: FakeGitHub) -> None:
    client_of(shop).get("branches/main/protection")
    assert shop.count() == 1


@pytest.mark.parametrize("fault", [faults.too_many(1), faults.secondary_limit(1)], ids=lambda f: f.name)
def test_a_short_retry_after_is_obeyed(shop: FakeGitHub, slept: list[float], fault: Fault) -> None:
    shop.fault("GET *", fault, times=1)
    assert isinstance(client_of(shop).get("branches/main"), Known)
    assert slept == [1.0]


def test_no_rate_limit_window_is_slept_through(shop: FakeGitHub, slept: list[float]) -> None:
    """PyGithub's own retry sleeps until the limit is reset, up to an hour of a job's time."""
    shop.fault("GET *", faults.primary_limit(reset_in=2))
    unknown(client_of(shop).get("branches/main"))
    assert slept == []


def test_no_pause_is_begun_that_the_budget_does_not_allow(shop: FakeGitHub, slept: list[float]) -> None:
    shop.fault("GET *", faults.too_many(2))
    client = client_of(shop, wait_seconds=1.5)
    facts = client.gather(*(lambda number=number: client.get(f"branches/b{number}") for number in range(12)))
    assert all(isinstance(fact, Unknown) for fact in facts)
    assert slept == []


def test_the_stronger_token_is_left_alone_where_the_weaker_can_answer(shop: FakeGitHub) -> None:
    client = with_admin(shop)
    client.get("branches/main")
    client.get_all("rulesets")
    client.get("branches/gone", absent={"Branch not found"})
    assert {call.token for call in shop.calls()} == {"job"}


def test_the_stronger_token_answers_what_the_weaker_may_not_see(shop: FakeGitHub) -> None:
    shop.repository("acme/shop").protect("main")
    client = with_admin(shop)
    assert isinstance(client.get("branches/main/protection"), Known)
    assert [call.token for call in shop.calls()] == ["job", "admin"]


def test_the_order_is_turned_round_for_what_a_job_never_sees(shop: FakeGitHub) -> None:
    shop.repository("acme/shop").protect("main")
    client = with_admin(shop)
    assert isinstance(client.get("branches/main/protection", stronger_first=True), Known)
    assert [call.token for call in shop.calls()] == ["admin"]


def test_the_stronger_token_completes_what_the_weaker_sees_in_part(shop: FakeGitHub) -> None:
    ruleset = shop.repository("acme/shop").ruleset()
    client = with_admin(shop)
    fact = client.get(f"rulesets/{ruleset.id}", complete=lambda body: "bypass_actors" in body)
    assert known(fact)["bypass_actors"] == []
    assert [call.token for call in shop.calls()] == ["job", "admin"]


def test_a_part_is_better_than_nothing(shop: FakeGitHub) -> None:
    ruleset = shop.repository("acme/shop").ruleset()
    weak = shop.token("weak", permissions={"metadata": "read"})
    client = client_of(shop, shop.token("job").value, weak.value)
    fact = client.get(f"rulesets/{ruleset.id}", complete=lambda body: "bypass_actors" in body)
    assert "bypass_actors" not in known(fact)


@pytest.mark.parametrize("stronger_first", [False, True])
@pytest.mark.parametrize("trouble", [faults.primary_limit(), faults.server_error()], ids=lambda f: f.name)
def test_a_troubled_stronger_token_does_not_make_a_fact_merely_invisible(
    shop: FakeGitHub, trouble: Fault, stronger_first: bool
) -> None:
    shop.repository("acme/shop").protect("main")
    shop.fault(f"{BRANCH}/protection", trouble, skip=0 if stronger_first else 1)
    fact = unknown(with_admin(shop).get("branches/main/protection", stronger_first=stronger_first))
    assert fact.cause is Cause.UNAVAILABLE


def test_a_limited_weaker_token_is_replaced(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.primary_limit(), times=1)
    assert isinstance(with_admin(shop).get("branches/main"), Known)
    assert [call.token for call in shop.calls()] == ["job", "admin"]


def test_a_fault_of_the_server_is_not_taken_to_the_stronger_token(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.html())
    assert isinstance(with_admin(shop).get("branches/main"), Unknown)
    assert [call.token for call in shop.calls()] == ["job"]


def test_two_refusals_name_what_the_stronger_token_lacks(shop: FakeGitHub) -> None:
    shop.fault("GET *", faults.forbidden("first"), times=1)
    shop.fault("GET *", faults.forbidden("second", "members=read"), times=1)
    fact = unknown(with_admin(shop).get("/orgs/acme/teams/core/memberships/bob"))
    assert (fact.reason, fact.needs) == ("the server answered 403: second", "members: read")


# Lists


def test_every_page_is_read(shop: FakeGitHub) -> None:
    repo = shop.repository("acme/shop")
    for number in range(250):
        repo.branch(f"b/{number:03}")
    client = client_of(shop)
    names = [item["ref"] for item in known(client.get_all("git/matching-refs/heads/b"))]
    assert names == [f"refs/heads/b/{number:03}" for number in range(250)]
    assert client.requests == 3


def test_a_missing_page_makes_the_whole_list_unknown(shop: FakeGitHub) -> None:
    repo = shop.repository("acme/shop")
    for number in range(150):
        repo.branch(f"b/{number:03}")
    shop.fault("GET *", faults.primary_limit(), skip=1)
    assert unknown(client_of(shop).get_all("git/matching-refs/heads/b")).cause is Cause.UNAVAILABLE


def test_a_list_at_the_platforms_own_cap_is_unknown(shop: FakeGitHub) -> None:
    """GitHub shows 250 commits of a pull and no more; reading on finds nothing and proves nothing."""
    for number in range(3):
        shop.repository("acme/shop").branch(f"b{number}")
    client = client_of(shop)
    assert len(known(client.get_all("git/matching-refs/heads/b", limit=4))) == 3
    fact = unknown(client.get_all("git/matching-refs/heads/b", limit=3))
    assert (fact.cause, fact.reason) == (Cause.UNAVAILABLE, "the platform shows at most 3 entries")


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ('<{url}/repos/acme/shop/rulesets?page=2>; rel="next"', "the list has more than 100 pages"),
        ('<http://127.0.0.1:1/repos/acme/shop/rulesets?page=2>; rel="next"', "the next page lies outside the API"),
        ('<https://evil.example/repos/acme/shop/rulesets>; rel="next"', "the next page lies outside the API"),
        ('<http://[>; rel="next"', "the next page lies outside the API"),
        ('<>; rel="next"', "the next page lies outside the API"),
    ],
)
def test_a_list_that_never_ends_or_leads_away_is_unknown(link: str, reason: str) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(reply(b"[]", f"Link: {link.format(url=wire.url)}"))

    with Wire(script) as wire:
        client = Client(api_url=wire.url, repository="acme/shop", tokens=("x",), transport=Transport())
        fact = unknown(client.get_all("rulesets"))
    assert (fact.cause, fact.reason) == (Cause.UNAVAILABLE, reason)


def test_wrapped_lists_are_unwrapped(shop: FakeGitHub) -> None:
    body = {"total_count": 1, "things": [{"id": 1}]}
    shop.fault("GET *", faults.status(200, "", body=body))
    client = client_of(shop)
    assert known(client.get_all("rulesets", items="things")) == ({"id": 1},)
    assert unknown(client.get_all("rulesets", items="others")).cause is Cause.UNAVAILABLE
    assert unknown(client.get_all("rulesets", items="things", shape=str)).cause is Cause.UNAVAILABLE
    assert unknown(client.get_all("rulesets")).cause is Cause.UNAVAILABLE


# Whatever comes


@settings(max_examples=examples(60), deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
    status=st.sampled_from([200, 201, 400, 401, 403, 404, 409, 422, 429, 451]),
)
def test_no_answer_at_all_raises(body: Any, status: int) -> None:
    with Wire(says(reply(json.dumps(body).encode(), status=f"{status} X"))) as wire:
        client = Client(api_url=wire.url, repository="acme/shop", tokens=("x",), transport=Transport(wait_seconds=0))
        for fact in (client.get("a", absent={"gone"}), client.get_all("b", items="things")):
            assert isinstance(fact, (Known, Unknown))
            if status >= 300 and not (isinstance(body, dict) and body.get("message") == "gone"):
                assert isinstance(fact, Unknown)
