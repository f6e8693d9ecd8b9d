"""Which CI a run is in, and the tokens that it was given."""

from __future__ import annotations

import pytest

from ci_guard.errors import UsageError
from ci_guard.evidence.environment import detect, tokens
from ci_guard.model.run import Platform

CLAIMS = {
    Platform.GITHUB: {"GITHUB_ACTIONS": "true"},
    Platform.GITLAB: {"GITLAB_CI": "true"},
    Platform.JENKINS: {"JENKINS_URL": "https://ci.example"},
    Platform.CIRCLECI: {"CIRCLECI": "true"},
}


@pytest.mark.parametrize("platform", CLAIMS)
def test_each_ci_is_recognised_by_its_own_variable(platform: Platform) -> None:
    assert detect({"CI": "true", **CLAIMS[platform]}) is platform


@pytest.mark.parametrize("environ", [{}, {"CI": "true"}, {"GITHUB_ACTIONS": ""}, {"GITLAB_CI": ""}, {"CIRCLECI": "0"}])
def test_a_machine_that_no_ci_claims_is_local(environ: dict[str, str]) -> None:
    assert detect(environ) is Platform.LOCAL


@pytest.mark.parametrize("other", [platform for platform in CLAIMS if platform is not Platform.GITHUB])
def test_a_pretended_second_ci_is_refused_and_not_ranked(other: Platform) -> None:
    """A pipeline variable can set `GITHUB_ACTIONS` on GitLab, which would choose another server for every fact."""
    with pytest.raises(UsageError, match=f"github, {other.value}") as raised:
        detect({**CLAIMS[Platform.GITHUB], **CLAIMS[other]})
    assert "--platform" in raised.value.hint


def test_the_weaker_token_comes_first() -> None:
    environ = {"CI_GUARD_TOKEN": "strong", "GITHUB_TOKEN": "job", "CI_JOB_TOKEN": "gitlab"}
    assert tokens(environ, Platform.GITHUB) == ("job", "strong")
    assert tokens(environ, Platform.GITLAB) == ("gitlab", "strong")
    assert tokens(environ, Platform.LOCAL) == ("strong",)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({"GITHUB_TOKEN": ""}, ()),
        ({"GITHUB_TOKEN": " \n"}, ()),
        ({"GITHUB_TOKEN": "job\n"}, ("job",)),
        ({"GITHUB_TOKEN": "same", "CI_GUARD_TOKEN": "same"}, ("same",)),
        ({"CI_GUARD_TOKEN": "strong"}, ("strong",)),
    ],
)
def test_absent_and_equal_tokens_are_left_out(environ: dict[str, str], expected: tuple[str, ...]) -> None:
    assert tokens(environ, Platform.GITHUB) == expected


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "schlüssel", "nul\0"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(UsageError) as raised:
        tokens({"GITHUB_TOKEN": value}, Platform.GITHUB)
    assert "GITHUB_TOKEN" in raised.value.message
    assert value not in f"{raised.value!r} {raised.value.message} {raised.value.hint}"
