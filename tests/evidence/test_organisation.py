"""A policy that anybody may read, over real TLS from a server that the job's token is not for."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from ci_guard.entrypoints import cli
from ci_guard.entrypoints.layers import Layers
from ci_guard.errors import CiGuardError, PolicyError, PolicyUnreadable, UsageError
from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES
from ci_guard.evidence.interface import Forge, PolicyFile
from ci_guard.evidence.organisation import Public
from ci_guard.evidence.rest import exchange
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model import layer_reference
from ci_guard.model.fact import Fact, unavailable
from ci_guard.model.layer_reference import LayerReference
from tests.e2e import consumer, gitlab_shop
from tests.e2e.test_check import Guard, guard
from tests.e2e.test_gitlab import run
from tests.fakes import faults
from tests.fakes.certificates import make_certificates
from tests.fakes.faults import Fault
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.router import Answer, Call
from tests.fakes.server import LoopbackServer, Reply

__all__ = ["guard"]

TEXT = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
LARGE = TEXT + "#" * MAXIMUM_POLICY_BYTES


class Shelf:
    """A public server that has one policy, the faults that its next answers have, and the calls that it was sent."""

    def __init__(self, certificate: str, key: str, bundle: str) -> None:
        self.bundle = bundle
        self.text = TEXT
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.server = LoopbackServer(self._answer, tls=(certificate, key))

    def reference(self, digest: str = DIGEST) -> str:
        return f"{self.server.origin}/org/p.yml#sha256={digest}"

    def _answer(self, call: Call) -> Reply:
        self.calls.append(call)
        true = Answer(body=self.text.encode(), headers={"Content-Type": "text/plain"})
        fault = self.faults.pop(0) if self.faults else None
        return Reply(answer=fault.change(true) if fault and fault.change else true, fault=fault)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificates(tmp_path_factory.mktemp("tls"))


Serve = Callable[[str], Shelf]


@pytest.fixture
def serve(certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server by the name of its certificate; what is tried again is tried after a hundredth of the time."""
    monkeypatch.setattr(exchange, "BACKOFF_SECONDS", exchange.BACKOFF_SECONDS / 100)
    started = []

    def start(certificate: str) -> Shelf:
        shelf = Shelf(certificates[certificate], certificates["key"], certificates["bundle"])
        shelf.server.start()
        started.append(shelf.server)
        return shelf

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def shelf(serve: Serve) -> Shelf:
    return serve("good")


class Anybody:
    """A forge that asks as anybody does."""

    def __init__(self, ca_bundle: str | None) -> None:
        self._transport = Transport(ca_bundle=ca_bundle, wait_seconds=0.5)

    def organisation_policy(self, reference: LayerReference) -> Fact[str]:
        return Public(self._transport).get(reference)


def layers(floor: str, ca_bundle: str | None) -> list[str]:
    """Return the layers of a run that has this floor alone."""

    def no_copy(path: str) -> Fact[PolicyFile | None]:
        return unavailable(f"no copy was asked for: {path}")

    texts = Layers(cast("Forge", Anybody(ca_bundle)), floor).texts(None, no_copy)
    return [text.content.decode() for text in texts]


def refusal(floor: str, ca_bundle: str | None) -> CiGuardError:
    with pytest.raises(CiGuardError) as refused:
        layers(floor, ca_bundle)
    return refused.value


@pytest.mark.parametrize(
    "passing",
    [[], [faults.server_error()], [faults.server_error(503), faults.reset()], [faults.too_many(0)]],
    ids=["200", "502", "503 and a cut connection", "429 with a pause"],
)
def test_the_text_is_read_over_the_given_authority_and_again_after_what_passes(
    shelf: Shelf, passing: list[Fault]
) -> None:
    shelf.faults = list(passing)
    assert layers(shelf.reference(), shelf.bundle) == [TEXT]
    assert len(shelf.calls) == 1 + len(passing)


@pytest.mark.parametrize(
    "wrong",
    [
        (faults.not_found(), 1, "answered 404: it does not exist, or is not public"),
        (faults.forbidden(), 1, "answered 403: it does not exist, or is not public"),
        (faults.status(401, "Unauthorized"), 1, "answered 401: it does not exist, or is not public"),
        (faults.too_many(None), 1, "answered 429 (too many requests)"),
        (faults.too_many(3600), 1, "answered 429 (too many requests)"),
        (faults.too_many(0), 3, "answered 429 (too many requests)"),
        (faults.server_error(), 3, "answered 502"),
        (faults.raw(b"", code=204), 1, "answered 204"),
        (faults.redirect("/users/sign_in"), 1, "redirected to another of its pages, which was not followed"),
        (faults.redirect("https://elsewhere.invalid/p.yml"), 1, "redirected to another host, which was not followed"),
        (faults.redirect("http://127.0.0.1/p.yml"), 1, "redirected to another host, which was not followed"),
        (faults.raw(b"\xff\xfe", "text/plain"), 1, "not UTF-8"),
        (faults.raw(LARGE.encode(), "text/plain"), 1, "larger than a policy may be"),
        (faults.gzip_bomb(21 << 20), 1, "larger than 20 MiB"),
        (faults.truncated(), 3, "broke"),
    ],
    ids=[
        "404",
        "403",
        "401",
        "429",
        "429 for an hour",
        "429 always",
        "502 always",
        "204",
        "redirect to its sign-in",
        "redirect elsewhere",
        "redirect to plain http",
        "not UTF-8",
        "too large",
        "gzip bomb",
        "truncated always",
    ],
)
def test_what_cannot_be_read_leaves_the_run_undecided_with_the_reason(
    shelf: Shelf, wrong: tuple[Fault, int, str]
) -> None:
    fault, asked, reason = wrong
    shelf.faults = [fault] * 3
    refused = refusal(shelf.reference(), shelf.bundle)
    assert isinstance(refused, PolicyUnreadable)
    assert f"the policy {shelf.reference()} could not be read, so nothing was judged" in refused.message
    assert reason in refused.message
    assert refused.hint
    assert len(shelf.calls) == asked


def test_another_text_than_the_digest_says_is_refused_with_both(shelf: Shelf) -> None:
    shelf.text = TEXT.replace("admin", "read")
    refused = refusal(shelf.reference(), shelf.bundle)
    assert isinstance(refused, PolicyError)
    for digest in (DIGEST, hashlib.sha256(shelf.text.encode()).hexdigest()):
        assert digest in refused.message


@pytest.mark.parametrize(("certificate", "trusted"), [("good", False), ("other", True)], ids=["authority", "host"])
def test_a_certificate_that_does_not_vouch_for_the_server_is_refused(
    serve: Serve, certificate: str, trusted: bool
) -> None:
    shelf = serve(certificate)
    refused = refusal(shelf.reference(), shelf.bundle if trusted else None)
    assert isinstance(refused, PolicyUnreadable)
    assert "the certificate of 127.0.0.1" in refused.message
    assert shelf.calls == []


def test_a_bundle_without_certificates_is_named(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n", encoding="utf-8")
    refused = refusal(shelf.reference(), str(tmp_path / "empty.pem"))
    assert isinstance(refused, UsageError)
    assert "holds no certificates" in refused.message


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("github:acme/security//a/p.yml@", "https://raw.githubusercontent.com/acme/security/{}/a/p.yml"),
        ("gitlab:acme/sub/security//p.yml@", "https://gitlab.com/acme/sub/security/-/raw/{}/p.yml"),
    ],
)
def test_a_public_repository_is_read_where_it_lies_at_its_commit(reference: str, url: str) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert layer_reference.parse(reference + commit).public_url == url.format(commit)


@pytest.mark.parametrize("passing", [True, False])
def test_the_command_sends_no_token_there(
    shelf: Shelf, gitlab: FakeGitLab, guard: Guard, tmp_path: Path, passing: bool
) -> None:
    if not passing:
        shelf.faults = [faults.status(401, "Unauthorized", {"WWW-Authenticate": "Basic", "Set-Cookie": "a=b"})]
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    stronger = gitlab.world.token("reader", "olivia").value
    environ = gitlab.job_environment(shop.push(), CI_GUARD_TOKEN=stronger)
    told = run(guard, gitlab, shop.path, environ, "--floor", shelf.reference(), "--ca-bundle", shelf.bundle)
    assert told.report["verdict"] == ("deny" if passing else "undecided"), told.stdout
    (call,) = shelf.calls
    assert told.report["evidence"]["requests"] == (gitlab.count() + 1 if passing else 0)
    assert set(call.headers) == {"host", "user-agent", "accept", "accept-encoding"}
    sent = f"{call.path} {call.query} {call.headers}"
    assert [value for value in (environ["CI_JOB_TOKEN"], stronger) if value in sent] == []


def test_outside_ci_it_is_read_by_the_proxy_and_the_authority_that_are_named(
    serve: Serve, guard: Guard, tmp_path: Path
) -> None:
    """Whoever tries a policy behind an organisation's own authority names it as the job does."""
    shelf = serve("good")
    shelf.text = TEXT.replace(
        "actor-permissions: {require: {actor: admin}}", "secret-free: {require: {no-secrets: true}}"
    )
    reference = shelf.reference(hashlib.sha256(shelf.text.encode()).hexdigest())
    consumer.git(tmp_path, "init", "-q")
    consumer.write(tmp_path, {"README.md": "# Shop\n"})
    consumer.git(tmp_path, "commit", "-q", "-m", "Start")
    told = guard({}, tmp_path, "check", "--floor", reference, "--ca-bundle", shelf.bundle)
    assert told.exit_code == 0, told.stdout
    assert told.report["evidence"]["requests"] == len(shelf.calls) == 1
    assert f"CA bundle {shelf.bundle}" in told.stdout.replace("\n", "")
    assert guard({}, tmp_path, "check", "--floor", reference).exit_code == 3, (
        "no authority of the machine's vouches for it"
    )


def test_a_policy_by_reference_is_shown_once_somebody_says_fetch(serve: Serve, tmp_path: Path) -> None:
    """By itself the command asks nobody: it runs before each commit."""
    shelf = serve("good")
    file = tmp_path / "p.yml"
    file.write_text(f"version: 1\nextends: {shelf.reference()}\n", encoding="utf-8")

    def policy(*words: str) -> tuple[int, str]:
        stdout = io.StringIO()
        return cli.run(["policy", *words, "--ca-bundle", shelf.bundle], {}, stdout, stdout), stdout.getvalue()

    code, told = policy("show", str(file))
    assert (code, shelf.calls) == (3, [])
    assert "--fetch" in told
    code, told = policy("show", str(file), "--fetch")
    assert (code, len(shelf.calls)) == (0, 1)
    assert "actor: admin" in told
    assert policy("check", str(file), "--fetch")[0] == 0
    plain = tmp_path / "plain.yml"
    plain.write_text(TEXT.replace("admin", "read"), encoding="utf-8")
    code, told = policy("show", str(plain), "--floor", shelf.reference())
    assert (code, "actor: admin" in told) == (2, False), "a floor can only be tightened"
