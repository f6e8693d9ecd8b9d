"""Which server is asked: the pinned one, under whatever path and address; another one is a denial."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ci_guard.errors import ServerMismatch, UsageError
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab.adapter import GitLab
from ci_guard.evidence.gitlab.server import server_of
from ci_guard.model.fact import Cause
from tests.evidence.gitlab.scene import Scene, known, unknown
from tests.fakes.certificates import make_certificates
from tests.fakes.gitlab import FakeGitLab

PINNED = "https://gitlab.example/gitlab"


@pytest.mark.parametrize(
    ("api", "server", "pinned"),
    [
        ("https://gitlab.example/api/v4", "https://gitlab.example", None),
        ("https://gitlab.example/gitlab/api/v4", "", None),
        ("", "https://gitlab.example:8443", None),
        ("https://[2001:db8::1]/api/v4", "https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://gitlab.example/api/v4", "https://gitlab.example", "https://GITLAB.example:443/"),
        ("", "", "https://gitlab.example/gitlab/"),
    ],
)
def test_the_address_of_the_instance_is_what_all_agree_on(api: str, server: str, pinned: str | None) -> None:
    found = server_of({"CI_API_V4_URL": api, "CI_SERVER_URL": server}, pinned)
    assert not found.endswith(("/", "/api/v4"))
    assert found.startswith("https://")


def test_without_any_word_it_is_gitlab_com() -> None:
    assert server_of({}, None) == "https://gitlab.com"


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("CI_API_V4_URL", "https://evil.example/api/v4"),
        ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
        ("CI_API_V4_URL", "http://gitlab.example/gitlab/api/v4"),
        ("CI_API_V4_URL", "https://gitlab.example:444/gitlab/api/v4"),
        ("CI_API_V4_URL", "https://gitlab.example/gitlab/../evil/api/v4"),
        ("CI_SERVER_URL", "https://gitlab.example.evil.example/gitlab"),
        ("CI_SERVER_URL", "https://gitlab.example/gitlab/api/v4"),
    ],
)
def test_variables_that_name_another_server_deny(variable: str, url: str) -> None:
    with pytest.raises((ServerMismatch, UsageError)) as raised:
        server_of({variable: url}, PINNED)
    if isinstance(raised.value, ServerMismatch):
        assert raised.value.exit_code == 1
        assert variable in raised.value.message
        assert PINNED in raised.value.message


def test_two_variables_that_disagree_deny_without_a_pin() -> None:
    with pytest.raises(ServerMismatch, match="another variable says"):
        server_of({"CI_API_V4_URL": "https://a.example/api/v4", "CI_SERVER_URL": "https://b.example"}, None)


@pytest.mark.parametrize(
    "url", ["gitlab.example", "ftp://x", "https://u:p@gitlab.example", "https://x?y", "https://x/%2e"]
)
def test_an_address_that_is_none_is_a_usage_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        server_of({}, url)
    assert url not in raised.value.message


def test_no_token_is_sent_to_the_server_that_a_variable_names(scene: Scene, tmp_path: Path) -> None:
    with FakeGitLab() as evil:
        job = scene.shop.run("push")
        environ = scene.gitlab.job_environment(job, CI_API_V4_URL=evil.api_url)
        with pytest.raises(ServerMismatch):
            GitLab(environ, Checkout(tmp_path), server=scene.gitlab.url)
        assert (evil.count(), scene.gitlab.count()) == (0, 0)


def run_on(fake: FakeGitLab, folder: Path, **settings: str) -> GitLab:
    shop = fake.project("acme/shop")
    environ = fake.job_environment(shop.run(mr=shop.merge_request()))
    return GitLab(environ, Checkout(folder), server=fake.url, **settings)


def test_an_instance_below_a_path_is_asked_there(tmp_path: Path) -> None:
    with FakeGitLab(prefix="/gitlab") as fake:
        run = run_on(fake, tmp_path).run()
        assert known(run.default_branch) == "main"
        assert run.repository == "acme/shop"
        assert run.run_url.startswith(f"{fake.url}/acme/shop/-/pipelines/")
        fake.check()


def test_an_instance_on_an_ipv6_address_is_asked_there(tmp_path: Path) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 on its loopback interface")
    with FakeGitLab(host="::1") as fake:
        assert "[::1]" in fake.url
        assert known(run_on(fake, tmp_path).run().default_branch) == "main"
        fake.check()


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def test_an_authority_of_ones_own_is_trusted_by_its_bundle_alone(certificates: dict[str, str], tmp_path: Path) -> None:
    with FakeGitLab(tls=(certificates["good"], certificates["key"])) as fake:
        trusted = run_on(fake, tmp_path, ca_bundle=certificates["bundle"])
        assert known(trusted.run().default_branch) == "main"
        assert trusted.transport == (f"CA bundle {certificates['bundle']}",)
        fact = unknown(run_on(fake, tmp_path).run().default_branch)
        assert fact.cause is Cause.UNAVAILABLE
        assert "the certificate of 127.0.0.1" in fact.reason
        fake.check()


def test_a_certificate_of_another_host_is_not_accepted(certificates: dict[str, str], tmp_path: Path) -> None:
    with FakeGitLab(tls=(certificates["other"], certificates["key"])) as fake:
        fact = unknown(run_on(fake, tmp_path, ca_bundle=certificates["bundle"]).run().default_branch)
        assert "was not accepted" in fact.reason


def test_a_bundle_that_a_variable_names_is_not_heard(
    certificates: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, certificates["bundle"])
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with FakeGitLab(tls=(certificates["good"], certificates["key"])) as fake:
        assert unknown(run_on(fake, tmp_path).run().default_branch).cause is Cause.UNAVAILABLE
        assert known(run_on(fake, tmp_path, ca_bundle=certificates["bundle"]).run().default_branch) == "main"
