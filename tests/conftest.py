"""Every test starts from a neutral environment and reaches nothing but the loopback interface."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests import drawing
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab

CLEARED = ("CI_", "GITHUB_", "GITLAB_", "RUNNER_", "ACTIONS_", "GIT_", "SSL_CERT_")
"""Prefixes of variables that a CI, a runner or a shell may have set; `CI_` takes in `CI_GUARD_`."""

CLEARED_NAMES = frozenset({"CI", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "FORCE_COLOR", "NO_COLOR", "NETRC"})

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Test Author",
    "GIT_AUTHOR_EMAIL": "author@example.invalid",
    "GIT_COMMITTER_NAME": "Test Committer",
    "GIT_COMMITTER_EMAIL": "committer@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TEMPLATE_DIR": str(Path(__file__).parent / "git_template"),
    "GIT_TERMINAL_PROMPT": "0",
}

HOST_ENVIRONMENT = MappingProxyType(dict(os.environ))

drawing.register()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has children ignore Ctrl-C, and some here are to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_forbidden: list[str] = []

gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage only in what comes from here on: the modules and tests stay, and cost a fourth of the time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def host_environment() -> MappingProxyType[str, str]:
    """Return the environment as it was before any test: for children that need the machine's own network settings."""
    return HOST_ENVIRONMENT


@pytest.fixture(scope="session", autouse=True)
def neutral_environment() -> Iterator[None]:
    """
    Clear what CI systems, runners, proxies and git read from the environment; `PIP_*` stays for the bootstrap.

    Of the session, so that what a module builds for its tests has the same, and asks no machine for git's identity.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(CLEARED) or name in CLEARED_NAMES or name.upper().endswith("_PROXY"):
                patch.delenv(name)
        for name, value in GIT_IDENTITY.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Fail a test that looked up a name or opened a connection elsewhere, even where the code took it for an outage."""
    _forbidden.clear()
    yield
    reached = list(_forbidden)
    _forbidden.clear()
    assert not reached, f"the test reached out: {reached}"


@pytest.fixture
def reached_out() -> list[str]:
    """Return the live list of forbidden connections, for a test that expects one; it has to clear the list."""
    return _forbidden


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """Yield a started fake GitHub; its own mistakes (answers against the schema, unknown routes) fail the test."""
    with FakeGitHub() as fake:
        yield fake
    fake.check()


@pytest.fixture
def gitlab() -> Iterator[FakeGitLab]:
    """Yield a started fake GitLab; its own mistakes (answers against the schema, unknown routes) fail the test."""
    with FakeGitLab() as fake:
        yield fake
    fake.check()


def _is_loopback(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(os.fsdecode(host) if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse sockets that leave the machine; an audit hook sees every library's, and cannot be undone by one."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    else:
        return
    if not _is_loopback(host):
        _forbidden.append(f"{event} {host!r}")
        raise OSError(f"tests may not reach {host!r}")


sys.addaudithook(_guard)
