"""Addresses of remotes: which platform, server and repository they name, and where a token may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.remotes import Remote, api_of, choose, is_repository, parse, platform_of
from ci_guard.model.run import Platform

PASSWORD = "hunter" + "2"


@pytest.mark.parametrize(
    ("address", "host", "path"),
    [
        ("https://github.com/acme/shop", "github.com", "acme/shop"),
        ("https://github.com/acme/shop.git/", "github.com", "acme/shop"),
        (f"https://olivia:{PASSWORD}@github.com/acme/shop.git", "github.com", "acme/shop"),
        (f"https://{PASSWORD}@GitHub.com:443/acme/shop.git", "github.com", "acme/shop"),
        ("git@github.com:acme/shop.git", "github.com", "acme/shop"),
        ("github.com:acme/shop", "github.com", "acme/shop"),
        ("ssh://git@github.com:22/acme/shop.git", "github.com", "acme/shop"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "github.com", "acme/shop"),
        ("git://github.com/acme/shop.git", "github.com", "acme/shop"),
        ("git@ghe.example.com:acme/shop", "ghe.example.com", "acme/shop"),
        ("https://git.example.com:8443/group/sub/shop.git", "git.example.com", "group/sub/shop"),
        ("ssh://git@altssh.gitlab.com:443/group/shop.git", "gitlab.com", "group/shop"),
        ("git@[2001:db8::1]:acme/shop.git", "2001:db8::1", "acme/shop"),
        ("https://[2001:db8::1]:3000/acme/shop.git", "2001:db8::1", "acme/shop"),
    ],
)
def test_an_address_names_its_server_and_repository(address: str, host: str, path: str) -> None:
    remote = parse("origin", address)
    assert remote == Remote(name="origin", host=host, path=path)
    assert PASSWORD not in repr(remote)


@pytest.mark.parametrize(
    "address",
    [
        *("", "/srv/git/shop.git", "../shop", "./a:b", "C:\\git\\shop", "C:/git/shop", "file:///srv/git/shop.git"),
        *("https://", "https://github.com", "https://[::1/acme/shop", "ext::sh -c whoami", "::", "git@:acme/shop"),
    ],
)
def test_what_is_on_no_server_is_no_remote(address: str) -> None:
    assert parse("origin", address) is None


@pytest.mark.parametrize(
    "address",
    [
        f"olivia:{PASSWORD}@github.com/acme/shop",
        f"https:olivia:{PASSWORD}@github.com/acme/shop",
        f"https://olivia:a/{PASSWORD}@github.com/acme/shop.git",
        f"git@github.com:{PASSWORD}@github.com/acme/shop",
    ],
)
def test_a_malformed_address_is_no_remote_rather_than_one_with_credentials_in_its_path(address: str) -> None:
    assert parse("origin", address) is None


@given(st.text(max_size=80))
def test_any_text_is_a_remote_or_none(address: str) -> None:
    remote = parse("origin", address)
    assert remote is None or (remote.host and remote.path)


def test_origin_counts_before_upstream_before_any_other() -> None:
    hosts = {name: f"https://{name}.example/acme/shop" for name in ("zoe", "upstream", "origin", "alice")}
    order = []
    while hosts:
        found = choose(hosts)
        assert found is not None
        order.append(found.name)
        del hosts[found.name]
    assert order == ["origin", "upstream", "alice", "zoe"]
    assert choose({"origin": "/srv/git/shop.git", "backup": "git@github.com:acme/shop"}) == Remote(
        name="backup", host="github.com", path="acme/shop"
    )


@pytest.mark.parametrize(
    ("host", "environ", "platform", "word"),
    [
        ("github.com", {}, Platform.GITHUB, "is GitHub"),
        ("acme.ghe.com", {}, Platform.GITHUB, "is GitHub"),
        ("gitlab.com", {}, Platform.GITLAB, "is GitLab"),
        ("code.example", {"GITHUB_SERVER_URL": "https://code.example"}, Platform.GITHUB, "GITHUB_SERVER_URL"),
        ("code.example", {"CI_SERVER_URL": "https://CODE.example:8443/gitlab"}, Platform.GITLAB, "CI_SERVER_URL"),
        ("gitlab.example.com", {}, Platform.GITLAB, "guessed"),
        ("github.example.com", {}, Platform.GITHUB, "guessed"),
        ("ghe-eu.example.com", {}, Platform.GITHUB, "guessed"),
        ("notgithub.example", {}, None, "nothing says"),
        ("code.example", {"GITHUB_SERVER_URL": "code.example"}, None, "nothing says"),
        ("github.com.evil.example", {}, Platform.GITHUB, "guessed"),
    ],
)
def test_the_platform_is_known_or_guessed_and_that_is_said(
    host: str, environ: dict[str, str], platform: Platform | None, word: str
) -> None:
    found, because = platform_of(Remote(name="origin", host=host, path="acme/shop"), environ)
    assert found is platform
    assert word in because


@pytest.mark.parametrize(
    ("host", "environ", "address"),
    [
        ("github.com", {}, "https://api.github.com"),
        ("github.com", {"GITHUB_SERVER_URL": "https://github.com"}, "https://api.github.com"),
        ("github.com", {"GITHUB_API_URL": "https://evil.example"}, "https://api.github.com"),
        ("acme.ghe.com", {}, "https://api.acme.ghe.com"),
        ("ghe.example", {"GITHUB_SERVER_URL": "https://ghe.example:8443/"}, "https://ghe.example:8443/api/v3"),
        (
            "ghe.example",
            {"GITHUB_SERVER_URL": "https://ghe.example", "GITHUB_API_URL": "https://ghe.example/api/v3"},
            "https://ghe.example/api/v3",
        ),
        ("github.evil.example", {}, None),
        ("github.com.evil.example", {}, None),
        ("evil-ghe.com", {}, None),
        ("ghe.example", {"GITHUB_SERVER_URL": "https://other.example"}, None),
    ],
)
def test_a_token_goes_to_githubs_servers_and_to_the_one_that_the_environment_names(
    host: str, environ: dict[str, str], address: str | None
) -> None:
    assert api_of(Remote(name="origin", host=host, path="acme/shop"), environ) == address


@pytest.mark.parametrize(
    ("path", "is_one"), [("acme/shop", True), ("a/b/c", False), ("acme/..", False), ("acme", False)]
)
def test_only_owner_and_name_are_a_repository_on_github(path: str, is_one: bool) -> None:
    assert is_repository(path) is is_one
