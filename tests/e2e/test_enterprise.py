"""GitHub Enterprise Server: an API below `/api/v3` on a port of its own, behind an authority of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import consumer
from tests.e2e.test_check import ACTION, Guard, guard, push_of
from tests.fakes.certificates import make_certificates
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.world import JOB_PERMISSIONS

__all__ = ["guard"]

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificates: dict[str, str]) -> Iterator[FakeGitHub]:
    with FakeGitHub(ghes=True, tls=(certificates["good"], certificates["key"])) as fake:
        for login in consumer.PEOPLE:  # the accounts' own addresses: github.com's noreply ones mean nothing here
            fake.user(login, email=consumer.address(login))
        yield fake
    fake.check()


def test_a_reviewed_merge_is_allowed_with_the_bundle_of_the_input_and_the_report_names_it(
    server: FakeGitHub, guard: Guard, tmp_path: Path, certificates: dict[str, str]
) -> None:
    shop = consumer.make(server, tmp_path / "shop")
    environ = push_of(server, shop, tmp_path / "job", CI_GUARD_INPUT_CA_BUNDLE=certificates["bundle"])
    assert environ["GITHUB_API_URL"] == f"https://127.0.0.1:{server.port}/api/v3"
    told = guard(environ, shop.path)
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert server.count("GET /repos/acme/shop/rules/branches/main") == 1
    assert f"CA bundle {certificates['bundle']}" in told.stdout


def test_what_to_change_is_on_that_server(
    server: FakeGitHub, guard: Guard, tmp_path: Path, certificates: dict[str, str]
) -> None:
    shop = consumer.make(server, tmp_path / "shop", approved_by=(), protected=False)
    told = guard(push_of(server, shop, tmp_path / "job", CI_GUARD_INPUT_CA_BUNDLE=certificates["bundle"]), shop.path)
    assert told.exit_code == 1
    failed = [judgement for judgement in told.report["judgements"] if judgement["outcome"] == "fail"]
    addresses = [judgement["remedy_url"] for judgement in failed if judgement["remedy_url"]]
    assert addresses
    assert [url for url in addresses if not url.startswith(f"https://127.0.0.1:{server.port}/acme/shop")] == []
    assert told.report["context"]["run_url"].startswith(f"https://127.0.0.1:{server.port}/acme/shop/actions/runs/")
    assert "github.com" not in " ".join(addresses)


def test_an_authority_that_only_the_environment_names_is_not_trusted(
    server: FakeGitHub, guard: Guard, tmp_path: Path, certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = consumer.make(server, tmp_path / "shop")
    planted = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), certificates["bundle"])
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    told = guard(push_of(server, shop, tmp_path / "job", **planted), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    assert "certificate of 127.0.0.1" in told.stdout
    assert server.requests == []


def test_the_report_goes_to_that_servers_code_scanning(
    server: FakeGitHub, guard: Guard, tmp_path: Path, certificates: dict[str, str]
) -> None:
    shop = consumer.make(server, tmp_path / "shop")
    given = {"CI_GUARD_INPUT_CA_BUNDLE": certificates["bundle"], "CI_GUARD_INPUT_REPORT_SARIF": "upload"}
    environ = push_of(server, shop, tmp_path / "job", **given)
    server.world.tokens["job"].permissions = {**JOB_PERMISSIONS, "security_events": "write"}
    assert guard(environ, shop.path).exit_code == 0
    assert [taken.commit for taken in shop.repo.uploads] == [shop.merge]


def test_the_plain_command_reaches_it_as_a_process_of_its_own(
    server: FakeGitHub, tmp_path: Path, certificates: dict[str, str]
) -> None:
    """With nothing patched and every variable that could stand in for the bundle set to something else."""
    shop = consumer.make(server, tmp_path / "shop")
    environ = push_of(server, shop, tmp_path / "job", CI_GUARD_INPUT_CA_BUNDLE=certificates["bundle"])
    hostile = {"SSL_CERT_FILE": os.devnull, "REQUESTS_CA_BUNDLE": os.devnull, "HTTPS_PROXY": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "ci_guard/__main__.py"), *ACTION],
        cwd=shop.path,
        env={"PATH": os.environ["PATH"], **environ, **hostile},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Allowed" in done.stdout
