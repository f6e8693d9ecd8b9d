"""The ID token on GitHub: verified by the server's issuer, bound to this very run, and asked for only where needed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github.adapter import GitHub
from ci_guard.evidence.github.identity import NOT_PERMITTED, IdentityDesk, Outcome, issuer_of
from ci_guard.evidence.github.token_request import read_request
from ci_guard.evidence.id_token import Refused
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.circumstances import Host
from ci_guard.model.fact import Cause, Known, Source, Unknown
from ci_guard.model.run import Claim
from tests.evidence.github.scene import PERMISSIONS, Scene, known
from tests.fakes import faults
from tests.fakes.hub import oidc
from tests.fakes.lab import issuer

KEYS = "GET /_services/token/.well-known/jwks"
ASK = f"GET {oidc.ASK}"
NOW = int(time.time())

Forged = dict[str, Any]
"""Claims of a token."""


def pushed(scene: Scene) -> dict[str, str]:
    """Return the variables of the job of a push."""
    scene.push(scene.repo.branches["main"], before="0" * 40, actor="alice")
    return {**scene.environment, "GITHUB_TOKEN": scene.github.token("job", permissions=PERMISSIONS).value}


def adapter(scene: Scene, environ: dict[str, str]) -> GitHub:
    return GitHub(environ, Checkout(scene.folder))


def granted(scene: Scene, environment: str | None = "production", **changes: Any) -> GitHub:
    """Return the adapter of a job of this environment that may ask for a token."""
    environ = pushed(scene)
    return adapter(scene, environ | scene.github.id_tokens.grant(environ, environment, **changes))


def outcome(forge: GitHub) -> Outcome:
    return forge._identity()


def lies(forge: GitHub, environment: str) -> list[Claim]:
    """Return the claims that do not hold, or of which nobody can tell."""
    claims = known(forge.claims(environment))
    return [one for one in claims if isinstance(one.truth, Unknown) or one.truth.value != one.claimed]


def test_a_token_of_this_run_signs_the_environment_of_its_job_and_whose_the_runner_is(scene: Scene) -> None:
    forge = granted(scene, runner_environment="self-hosted")
    (fact,) = forge.environments()
    assert fact == Known(value="production", source=Source.SIGNED, detail="the ID token")
    assert forge.signed_environment() == fact
    assert known(forge.runner()).host == Known(value=Host.SELF_HOSTED, source=Source.SIGNED, detail="the ID token")
    assert lies(forge, "production") == lies(forge, "Production") == []
    (lie,) = lies(forge, "staging")
    assert (lie.name, lie.claimed, lie.truth) == ("--environment", "staging", fact)


def test_of_a_job_without_an_environment_the_token_says_that_and_the_caller_alone_speaks(scene: Scene) -> None:
    """A guard may stand in a job of its own, before the one that deploys."""
    forge = granted(scene, environment=None)
    assert isinstance(outcome(forge), Known)
    assert forge.environments() == ()
    assert known(forge.signed_environment()) is None
    assert lies(forge, "production") == []


def test_the_reusable_workflow_that_the_job_is_of_is_said_beside_the_environment(scene: Scene) -> None:
    called = "acme/security/.github/workflows/deploy.yml@refs/heads/main"
    forge = granted(scene, job_workflow_ref=called, job_workflow_sha="c" * 40)
    (fact,) = forge.environments()
    assert fact.detail == f"the ID token of a job of {called} at {'c' * 12}"


def test_it_costs_two_requests_for_all_who_ask_and_none_where_nobody_does(scene: Scene) -> None:
    forge = granted(scene)
    forge.claims()
    assert scene.github.count("GET /_services/*") == 0
    before = forge.requests
    forge.claims("production")
    forge.environments()
    forge.runner()
    assert (scene.github.count(ASK), scene.github.count(KEYS)) == (1, 1)
    assert forge.requests == scene.github.count() > before
    assert not [call for call in scene.github.calls(KEYS) if "authorization" in call.headers]


def test_without_the_permission_nothing_is_asked_and_the_permission_is_named(scene: Scene) -> None:
    forge = adapter(scene, pushed(scene))
    assert outcome(forge) is NOT_PERMITTED
    assert forge.signed_environment() is NOT_PERMITTED
    assert (NOT_PERMITTED.cause, NOT_PERMITTED.needs) == (Cause.INVISIBLE, "id-token: write")
    assert forge.environments() == ()
    assert lies(forge, "production") == []
    assert known(known(forge.runner()).host) is Host.HOSTED


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: Forged) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': oidc.KEY})}.{encoded(claims)}."


def confused(claims: Forged) -> str:
    """Return a token that is signed with HS256, with the issuer's public key as the secret."""
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    public = issuer.key(oidc.KEY).public_key().public_bytes(*form)
    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': oidc.KEY})}.{encoded(claims)}"
    signature = hmac.new(public, content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def said(**changes: Any) -> Callable[[Forged], str]:
    """Return what mints a token with other claims; None takes one away."""
    return lambda claims: oidc.minted({k: v for k, v in {**claims, **changes}.items() if v is not None})


FORGED: dict[str, tuple[Callable[[Forged], str], str]] = {
    "alg none": (unsigned, "not signed with RS256"),
    "HS256 with the public key": (confused, "not signed with RS256"),
    "wrong key under the right kid": (
        lambda claims: oidc.minted(claims, signer=issuer.key("attacker")),
        "its signature is wrong",
    ),
    "own key under its own kid": (
        lambda claims: oidc.minted(claims, signer=issuer.key("attacker"), kid="attacker"),
        "does not publish",
    ),
    "no kid": (lambda claims: oidc.minted(claims, kid=None), "does not publish"),
    "expired": (said(exp=NOW - 3600, nbf=NOW - 7200, iat=NOW - 7200), "it has expired"),
    "not yet valid": (said(nbf=NOW + 3600), "it is not valid yet"),
    "without an end": (said(exp=None), "lacks a claim"),
    "audience of somebody else": (said(aud="https://github.com/acme"), "not for the audience ci-guard"),
    "audience without the random part": (said(aud="ci-guard"), "not for the audience ci-guard"),
    "several audiences": (lambda claims: oidc.minted({**claims, "aud": [claims["aud"], "x"]}), "not for the audience"),
    "other issuer": (said(iss="https://token.evil.example"), "not issued by"),
    "issuer that only begins alike": (lambda c: oidc.minted({**c, "iss": f"{c['iss']}.evil.example"}), "not issued by"),
    "issuer below a longer path": (lambda c: oidc.minted({**c, "iss": f"{c['iss']}/a/../b"}), "not issued by"),
    "of another repository": (said(repository_id="1"), "it is of the repository 1"),
    "of another run": (said(run_id="1"), "it is of the run 1"),
    "of another attempt": (said(run_attempt="7"), "it is of the attempt 7"),
    "of another commit": (said(sha="f" * 40), "it is of the commit ffff"),
    "of another ref": (said(ref="refs/heads/other"), "it is of the ref refs/heads/other"),
    "of another job": (said(check_run_id="4711"), "it is of the job 4711"),
    "without a repository": (said(repository_id=None), "lacks a claim"),
    "without a run": (said(run_id=None), "lacks a claim"),
    "no token": (lambda _: "ghs_" + "x" * 36, "not issued by"),
    "very long": (said(note="x" * 20_000), "not issued by"),
}


@pytest.mark.parametrize("case", FORGED)
def test_what_is_no_token_of_this_very_run_is_refused_and_denies(scene: Scene, case: str) -> None:
    mint, reason = FORGED[case]
    given: list[str] = []

    def recorded(claims: Forged) -> str:
        given.append(mint(claims))
        return given[-1]

    scene.github.id_tokens.mint = recorded
    environ = pushed(scene) | {"CI_GUARD_CHECK_RUN_ID": "1234"}
    forge = adapter(scene, environ | scene.github.id_tokens.grant(environ, "production"))
    found = outcome(forge)
    assert isinstance(found, Refused), found
    assert reason in found.reason
    (lie,) = lies(forge, "production")
    assert lie.name == "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    assert isinstance(lie.truth, Known)
    (doubt,) = forge.environments()
    assert isinstance(doubt, Unknown)
    assert forge.signed_environment() == doubt
    assert doubt.cause is Cause.UNAVAILABLE
    told = repr((found, lie, doubt, forge.runner()))
    assert given[0] not in told
    assert given[0].rpartition(".")[2] not in told or not given[0].rpartition(".")[2]


def test_numbers_may_be_numbers_and_what_an_older_server_leaves_out_is_not_compared(scene: Scene) -> None:
    environ = pushed(scene) | {"CI_GUARD_CHECK_RUN_ID": "1234"}
    desk = scene.github.id_tokens
    forge = adapter(scene, environ | desk.grant(environ, check_run_id=1234, run_attempt=1, sha=None, ref=None))
    assert isinstance(outcome(forge), Known)


def test_the_token_of_a_pull_request_is_of_its_trial_merge(scene: Scene) -> None:
    """Which commit that is the server does not say of the run."""
    pull = scene.repo.pull("Add a cart", author="alice", files={"cart.py": "x = 1\n"})
    scene.start(scene.repo.run("pull_request", actor="alice", pull=pull), scene.events.pull_request(pull))
    environ = {**scene.environment, "GITHUB_TOKEN": scene.github.token("job", permissions=PERMISSIONS).value}
    forge = adapter(scene, environ | scene.github.id_tokens.grant(environ, "review"))
    assert [known(one) for one in forge.environments()] == ["review"]


@pytest.mark.parametrize(
    ("slug", "kind"), [("/octo-enterprise", Known), ("/a/b", Refused), ("/..", Refused), ("/", Refused)]
)
def test_an_enterprise_may_have_an_issuer_of_its_own(scene: Scene, slug: str, kind: type) -> None:
    named = scene.github.id_tokens.issuer + slug
    forge = granted(scene, iss=named)
    assert isinstance(outcome(forge), kind)
    assert scene.github.count(f"GET /_services/token{slug}/.well-known/jwks") == (kind is Known)


@pytest.mark.parametrize(
    ("api", "issuer_url"),
    [
        ("https://api.github.com", "https://token.actions.githubusercontent.com"),
        ("https://api.acme.ghe.com", "https://token.actions.acme.ghe.com"),
        ("https://github.acme.example/api/v3", "https://github.acme.example/_services/token"),
        ("https://api.github.com.evil.example", "https://api.github.com.evil.example/_services/token"),
        ("https://api.a.b.ghe.com", "https://api.a.b.ghe.com/_services/token"),
    ],
)
def test_the_issuer_is_that_of_the_server(api: str, issuer_url: str) -> None:
    assert issuer_of(api) == issuer_url


FAULTS = {
    "5xx": faults.server_error(),
    "a web page": faults.html(),
    "a list": faults.list_for_dict(),
    "refused": faults.not_found(),
    "elsewhere": faults.redirect("https://evil.example/keys"),
    "cut off": faults.truncated(),
}
OF_KEYS = {
    "without keys": faults.without("keys"),
    "keys that are none": faults.replaced(keys=["x"]),
    "huge": faults.replaced(keys=[{"kid": "x" * 300_000}]),
}
BROKEN = [(KEYS, fault) for fault in (FAULTS | OF_KEYS).values()] + [(ASK, fault) for fault in FAULTS.values()]


@pytest.mark.parametrize(
    ("match", "fault"), BROKEN, ids=[*FAULTS, *OF_KEYS, *(f"the runner: {name}" for name in FAULTS)]
)
def test_where_the_issuer_or_the_runner_fails_the_token_is_undecided(
    scene: Scene, match: str, fault: faults.Fault
) -> None:
    forge = granted(scene)
    scene.github.fault(match, fault)
    found = outcome(forge)
    assert isinstance(found, Unknown)
    assert found.cause is Cause.UNAVAILABLE
    assert [one.name for one in lies(forge, "production")] == ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    assert [type(one) for one in forge.environments()] == [Unknown]
    assert known(known(forge.runner()).host) is Host.HOSTED


@pytest.mark.parametrize(
    "broken", [{"n": "!"}, {"e": None}, {"kty": "oct", "k": "AAAA"}, {"use": "enc"}, {"alg": "HS256"}]
)
def test_a_published_key_that_is_no_rsa_key_for_signatures_verifies_nothing(
    scene: Scene, broken: dict[str, Any]
) -> None:
    scene.github.fault(KEYS, faults.altered(lambda body: {"keys": [{**body["keys"][0], **broken}]}))
    assert isinstance(outcome(granted(scene)), Refused)


def test_a_second_key_is_found_by_its_kid(scene: Scene) -> None:
    scene.github.id_tokens.keys = ("retired", oidc.KEY)
    assert isinstance(outcome(granted(scene)), Known)


@pytest.mark.parametrize("answer", [{}, {"value": 7}, {"value": ""}, {"value": None}, [], "x", None])
def test_an_answer_of_the_runner_that_holds_no_token_is_none(scene: Scene, answer: object) -> None:
    forge = granted(scene)
    scene.github.fault(ASK, faults.status(200, "", body=answer))
    assert isinstance(outcome(forge), Unknown)
    assert scene.github.count(KEYS) == 0


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("http://evil.example/token", "b"),
        ("https://", "b"),
        ("ftp://127.0.0.1/", "b"),
        ("https://[::1/", "b"),
        ("https://user@127.0.0.1/", "b"),
        ("https://127.0.0.1:99999/", "b"),
        ("https://127.0.0.1/\r\nx: y", "b"),
        ("http://127.0.0.1:1/", "b\r\nx: y"),
    ],
)
def test_an_address_that_no_runner_has_is_sent_nothing(scene: Scene, url: str, bearer: str) -> None:
    environ = pushed(scene)
    variables = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer}
    found = outcome(adapter(scene, environ | variables))
    assert isinstance(found, Unknown)
    assert "not https" in found.reason
    assert found.cause is Cause.UNAVAILABLE


def test_a_run_that_the_token_of_the_job_may_not_read_binds_nothing(scene: Scene) -> None:
    environ = pushed(scene)
    environ |= {"GITHUB_TOKEN": scene.github.token("narrow", permissions={"metadata": "read"}).value}
    found = outcome(adapter(scene, environ | scene.github.id_tokens.grant(environ, "production")))
    assert isinstance(found, Unknown)
    assert (found.cause, found.needs) == (Cause.UNAVAILABLE, "actions: read")
    assert scene.github.count(ASK) == 0


@pytest.mark.parametrize("match", [KEYS, ASK])
def test_a_slow_answer_is_given_up(scene: Scene, match: str) -> None:
    environ = pushed(scene)
    request = read_request(scene.github.id_tokens.grant(environ))
    desk = IdentityDesk(request, api_url=scene.github.url, transport=Transport(read_seconds=0.05))
    scene.github.fault(match, faults.latency(0.3))
    found = desk.get(*scene.read())
    assert isinstance(found, Unknown)
    assert "silent for" in found.reason


def test_without_the_package_that_verifies_nothing_is_asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    forge = granted(scene)
    monkeypatch.setitem(sys.modules, "jwt", None)
    found = outcome(forge)
    assert isinstance(found, Unknown)
    assert "PyJWT" in found.reason
    assert scene.github.count("GET /_services/*") == 0
