"""The tests' own surroundings: a neutral environment, and nothing reached but the loopback interface."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def test_variables_of_ci_systems_proxies_and_git_are_cleared() -> None:
    """Run a test in a child whose environment is full of them."""
    hostile = {
        "CI": "true",
        "CI_GUARD_TOKEN": "x",
        "GITHUB_ACTIONS": "true",
        "GITLAB_CI": "true",
        "RUNNER_OS": "x",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "x",
        "GIT_DIR": "/nowhere",
        "https_proxy": "http://192.0.2.1:1",
        "ALL_PROXY": "http://192.0.2.1:1",
        "SSL_CERT_FILE": "/nowhere",
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }
    root = Path(__file__).resolve().parents[1]
    check = "tests/test_conftest.py::test_this_process_sees_none_of_them"
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", check],
        cwd=root,
        env={**os.environ, **hostile},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stdout


def test_this_process_sees_none_of_them(host_environment: Mapping[str, str]) -> None:
    identity = {name for name in os.environ if name.startswith("GIT_")}
    assert identity == {
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_TEMPLATE_DIR",
        "GIT_TERMINAL_PROMPT",
    }
    prefixes = ("CI", "GITHUB_", "GITLAB_", "RUNNER_", "ACTIONS_", "SSL_CERT_", "REQUESTS_CA")
    left = [name for name in os.environ if name.startswith(prefixes) or name.lower().endswith("_proxy")]
    assert not left
    assert host_environment["PATH"] == os.environ["PATH"]


def of_git() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("GIT_")}


@pytest.fixture(scope="module")
def for_a_module() -> dict[str, str]:
    return of_git()


def test_what_a_module_builds_for_its_tests_is_built_in_the_same(for_a_module: dict[str, str]) -> None:
    assert for_a_module == of_git()


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("93.184.216.34", 443)])
def test_a_connection_elsewhere_is_refused_and_noted(reached_out: list[str], address: tuple[str, int]) -> None:
    with socket.socket() as outside, pytest.raises(OSError, match="may not reach"):
        outside.connect(address)
    assert reached_out == [f"socket.connect {address[0]!r}"]
    reached_out.clear()


def test_a_name_looked_up_elsewhere_is_refused_and_noted(reached_out: list[str]) -> None:
    with pytest.raises(OSError, match="may not reach"):
        socket.getaddrinfo("example.invalid", 443)
    assert len(reached_out) == 1
    reached_out.clear()


def test_the_loopback_interface_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        assert socket.getaddrinfo("localhost", 80)
