"""The ID token: verified by the instance's keys, bound to this very job, and source of what nobody can overwrite."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ci_guard.evidence.gitlab import identity
from ci_guard.evidence.id_token import Refused
from ci_guard.model.fact import Cause, Known, Source, Unknown
from ci_guard.model.kinds import Level
from ci_guard.model.run import Event, Part
from tests.evidence.gitlab.scene import Scene, known, source_of
from tests.fakes import faults
from tests.fakes.lab import issuer
from tests.fakes.lab.state import MAINTAINER, OWNER, Job

AUDIENCE = "ci-guard"


def verified(scene: Scene, job: Job, token: str, *, audience: str | None = AUDIENCE) -> identity.Outcome:
    scene.settings["audience"] = audience
    scene.start(job, CI_GUARD_ID_TOKEN=token)
    return scene.adapter._sources.identity


def test_a_token_of_this_job_is_verified_and_signs_what_the_run_is(scene: Scene) -> None:
    job = scene.shop.run("push")
    outcome = verified(scene, job, scene.gitlab.id_token(job))
    assert isinstance(outcome, Known)
    assert outcome.source is Source.SIGNED
    run = scene.run
    assert (source_of(run.sha), source_of(run.event), known(run.event)) == (Source.SIGNED, Source.SIGNED, Event.PUSH)
    (seat,) = scene.seats(Part.TRIGGERING_ACTOR)
    assert source_of(seat.who) is Source.SIGNED
    access = known(seat.who).access
    assert (known(access).level, known(access).role, source_of(access)) == (Level.ADMIN, "Owner", Source.SIGNED)


def test_it_costs_one_request_that_runs_beside_the_others(scene: Scene) -> None:
    job = scene.shop.run("push")
    verified(scene, job, scene.gitlab.id_token(job))
    assert scene.gitlab.count() == 3
    assert scene.gitlab.count("GET /oauth/discovery/keys") == 1


def forged(scene: Scene, job: Job, **headers: Any) -> str:
    """Return a token whose header says something else than the signature, which stays that of the true one."""
    head, body, signature = scene.gitlab.id_token(job).split(".")
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), **headers}
    return ".".join((encoded(header), body, signature))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(scene: Scene, job: Job) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': 'instance'})}.{encoded(scene.gitlab.claims(job))}."


def confused(scene: Scene, job: Job) -> str:
    """Return a token that is signed with HS256, with the instance's public key as the secret."""
    public = (
        issuer.key("instance")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    import hashlib
    import hmac

    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'instance'})}.{encoded(scene.gitlab.claims(job))}"
    signature = hmac.new(public, content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def of_fork(scene: Scene, job: Job) -> str:
    """Return a token of a job that runs in a fork, by the same instance."""
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", OWNER)
    return scene.gitlab.id_token(fork.run("push", user="mallory"), job_id=str(job.id))


def of_other_job(scene: Scene, job: Job) -> str:
    return scene.gitlab.id_token(scene.shop.run("push", sha=job.pipeline.sha))


NOW = int(time.time())
ATTACKS: dict[str, tuple[Callable[[Scene, Job], str], str]] = {
    "alg none": (unsigned, "not signed with RS256"),
    "alg none, signature kept": (lambda s, j: forged(s, j, alg="none"), "not signed with RS256"),
    "HS256 with the public key": (confused, "not signed with RS256"),
    "header says RS512": (lambda s, j: forged(s, j, alg="RS512"), "not signed with RS256"),
    "wrong key under the right kid": (
        lambda s, j: issuer.mint(s.gitlab.claims(j), signer=issuer.key("attacker")),
        "its signature is wrong",
    ),
    "own key under its own kid": (
        lambda s, j: issuer.mint(s.gitlab.claims(j), signer=issuer.key("attacker"), kid="attacker"),
        "does not publish",
    ),
    "no kid": (lambda s, j: issuer.mint(s.gitlab.claims(j), kid=None), "does not publish"),
    "key in the header": (
        lambda s, j: forged(s, j, jwk=issuer.jwks("attacker")["keys"][0], kid="attacker"),
        "does not publish",
    ),
    "expired": (lambda s, j: s.gitlab.id_token(j, exp=NOW - 3600, iat=NOW - 7200, nbf=NOW - 7200), "it has expired"),
    "not yet valid": (lambda s, j: s.gitlab.id_token(j, nbf=NOW + 3600), "it is not valid yet"),
    "issued in the future": (lambda s, j: s.gitlab.id_token(j, iat=NOW + 3600), "it is not valid yet"),
    "issued at no time": (lambda s, j: s.gitlab.id_token(j, iat="now"), "its time of issue is none"),
    "other audience": (lambda s, j: s.gitlab.id_token(j, audience="https://vault.example"), "not for the audience"),
    "several audiences": (lambda s, j: s.gitlab.id_token(j, aud=["ci-guard", "other"]), "not for the audience"),
    "other issuer": (lambda s, j: s.gitlab.id_token(j, iss="https://gitlab.evil.example"), "not issued by"),
    "without an end": (lambda s, j: s.gitlab.id_token(j, exp=None), "lacks a claim"),
    "without an audience": (lambda s, j: s.gitlab.id_token(j, aud=None), "lacks a claim"),
    "without a job": (lambda s, j: s.gitlab.id_token(j, job_id=None), "lacks a claim"),
    "of another job": (of_other_job, "it is of the job"),
    "of another pipeline": (lambda s, j: s.gitlab.id_token(j, pipeline_id="1"), "it is of the pipeline 1"),
    "of another project": (lambda s, j: s.gitlab.id_token(j, job_project_id="1"), "it is of the project 1"),
    "of another commit": (lambda s, j: s.gitlab.id_token(j, sha="f" * 40), "it is of the commit"),
    "of another user": (lambda s, j: s.gitlab.id_token(j, user_id="1"), "it is of the user 1"),
    "of a job in a fork": (of_fork, "it is of the"),
    "job as a number": (lambda s, j: s.gitlab.id_token(j, job_id=j.id), "it is of the job"),
    "cut off": (lambda s, j: s.gitlab.id_token(j)[:-21], "no well-formed token"),
    "no token": (lambda _s, _j: "glpat-" + "x" * 20, "no well-formed token"),
    "very long": (lambda s, j: s.gitlab.id_token(j, note="x" * 20_000), "longer than any"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_token_of_this_very_job_is_refused_and_denies(scene: Scene, attack: str) -> None:
    forge, reason = ATTACKS[attack]
    job = scene.shop.run("push")
    token = forge(scene, job)
    outcome = verified(scene, job, token)
    assert isinstance(outcome, Refused), outcome
    assert reason in outcome.reason
    assert token not in outcome.reason
    assert source_of(scene.run.sha) is Source.API
    lie = scene.claims()["CI_GUARD_ID_TOKEN"]
    assert lie.claimed != known(lie.truth)


def test_of_a_change_from_a_fork_the_token_says_nothing_about_rights(scene: Scene) -> None:
    """Everybody is the owner of their fork, and the claims are the fork's."""
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", OWNER)
    mr = scene.shop.merge_request(author="mallory", fork=fork)
    job = scene.shop.run(mr=mr, user="mallory")
    token = scene.gitlab.id_token(job)
    assert scene.gitlab.claims(job)["user_access_level"] == "owner"
    outcome = verified(scene, job, token)
    assert isinstance(outcome, Known)
    assert outcome.value.own is False
    (seat,) = scene.seats(Part.TRIGGERING_ACTOR)
    assert isinstance(known(seat.who).access, Unknown)


def test_an_older_server_that_names_no_job_project_is_bound_by_the_job(scene: Scene) -> None:
    job = scene.shop.run("push", user="alice")
    outcome = verified(scene, job, scene.gitlab.id_token(job, job_project_id=None, job_project_path=None, sha=None))
    assert isinstance(outcome, Known)
    assert outcome.value.own is True


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("guest", Level.READ),
        ("planner", Level.READ),
        ("reporter", Level.TRIAGE),
        ("developer", Level.WRITE),
        ("maintainer", Level.MAINTAIN),
        ("owner", Level.ADMIN),
    ],
)
def test_the_word_of_the_token_is_a_level_of_the_policy(scene: Scene, word: str, level: Level) -> None:
    job = scene.shop.run("push", user="alice")
    verified(scene, job, scene.gitlab.id_token(job, user_access_level=word))
    (seat,) = scene.seats(Part.TRIGGERING_ACTOR)
    assert known(known(seat.who).access).level is level


@pytest.mark.parametrize("word", ["", "emperor", None, 40])
def test_a_word_that_is_none_leaves_the_rights_to_the_other_sources(scene: Scene, word: object) -> None:
    scene.shop.protect("main", push=MAINTAINER)
    job = scene.shop.run("push", user="alice")
    verified(scene, job, scene.gitlab.id_token(job, user_access_level=word))
    (seat,) = scene.seats(Part.TRIGGERING_ACTOR)
    assert isinstance(known(seat.who).access, Unknown)


def test_only_the_token_proves_that_the_guards_own_job_deploys(scene: Scene) -> None:
    job = scene.shop.run("push")
    assert known(scene.start(job, CI_ENVIRONMENT_NAME="production").run.event) is Event.PUSH
    job.environment = "production"
    verified(scene, job, scene.gitlab.id_token(job))
    assert known(scene.run.event) is Event.DEPLOYMENT


def test_without_an_audience_or_a_token_there_is_nothing_to_verify(scene: Scene) -> None:
    job = scene.shop.run("push")
    assert verified(scene, job, scene.gitlab.id_token(job), audience=None) is None
    assert verified(scene, job, "") is None
    assert scene.gitlab.count("GET /oauth/discovery/keys") == 0


KEY_FAULTS = {
    "limited": faults.too_many(3600),
    "a web page": faults.html(),
    "a list": faults.list_for_dict(),
    "without keys": faults.without("keys"),
    "keys that are none": faults.replaced(keys=["x"]),
    "refused": faults.not_found(),
}


@pytest.mark.parametrize("name", KEY_FAULTS)
def test_keys_that_cannot_be_read_leave_the_token_undecided(scene: Scene, name: str) -> None:
    scene.gitlab.fault("GET /oauth/discovery/keys", KEY_FAULTS[name])
    job = scene.shop.run("push")
    outcome = verified(scene, job, scene.gitlab.id_token(job))
    assert isinstance(outcome, Unknown)
    assert outcome.cause is Cause.UNAVAILABLE
    assert isinstance(scene.claims()["CI_GUARD_ID_TOKEN"].truth, Unknown)


def test_keys_elsewhere_are_not_followed(scene: Scene) -> None:
    scene.gitlab.fault("GET /oauth/discovery/keys", faults.redirect("https://evil.example/keys"))
    job = scene.shop.run("push")
    assert isinstance(verified(scene, job, scene.gitlab.id_token(job)), Unknown)


@pytest.mark.parametrize(
    "broken", [{"n": "!"}, {"e": None}, {"kty": "oct", "k": "AAAA"}, {"use": "enc"}, {"alg": "HS256"}]
)
def test_a_published_key_that_is_no_rsa_key_for_signatures_verifies_nothing(
    scene: Scene, broken: dict[str, Any]
) -> None:
    spoil = faults.altered(lambda body: {"keys": [{**body["keys"][0], **broken}]})
    scene.gitlab.fault("GET /oauth/discovery/keys", spoil)
    job = scene.shop.run("push")
    assert isinstance(verified(scene, job, scene.gitlab.id_token(job)), Refused)


def test_a_second_key_is_found_by_its_kid(scene: Scene) -> None:
    scene.gitlab.keys = ("retired", "instance")
    job = scene.shop.run("push")
    assert isinstance(verified(scene, job, scene.gitlab.id_token(job)), Known)
