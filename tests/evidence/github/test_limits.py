"""Which permission a refusal or a path of GitHub's API asks for."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github import limits


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("administration=read", "administration: read"),
        ("pull_requests=read,contents=read; issues=read", "pull-requests: read + contents: read, or issues: read"),
        ("", ""),
        ("<b>=read", ""),
        ("x" * 1000, ""),
    ],
)
def test_the_permissions_header_is_written_as_people_write_it(header: str, said: str) -> None:
    assert limits.accepted_permissions(header) == said


@pytest.mark.parametrize(
    ("path", "needs"),
    [
        ("branches/main", "contents: read"),
        ("branches/release%2Fprotection", "contents: read"),
        ("branches/main/protection", "administration: read"),
        ("contents/x", "contents: read"),
        ("rules/branches/main", "metadata: read"),
        ("rulesets", "metadata: read"),
        ("collaborators/bob/permission", "metadata: read"),
        ("", "metadata: read"),
        ("pulls/1/reviews", "pull-requests: read"),
        ("commits/1/pulls", "pull-requests: read"),
        ("commits/1", "contents: read"),
        ("issues/1/timeline", "pull-requests: read"),
        ("actions/runs/1", "actions: read"),
        ("activity", "contents: read"),
        ("/orgs/acme/teams/core/memberships/bob", "members: read"),
        ("/users/bob", "metadata: read"),
        ("/user/1", "metadata: read"),
    ],
)
def test_a_path_has_its_permission_where_the_server_names_none(path: str, needs: str) -> None:
    assert limits.default_permission(path) == needs
