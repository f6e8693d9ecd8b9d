"""What a job is told about itself by predefined variables: claims, which a pipeline variable can overwrite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.evidence.rest.shape import encodable
from ci_guard.records import dataclass, field

TOKEN: Final = "CI_GUARD_ID_TOKEN"  # noqa: S105 - a variable's name
"""The variable that the template's `id_tokens` writes the ID token to."""


@dataclass(frozen=True, kw_only=True)
class Variables:
    """
    The claims, as they are. Whatever stands here anybody may have set who may start a pipeline with variables.

    Source: "Predefined CI/CD variables reference"; "GitLab CI/CD variables", "CI/CD variable precedence".
    """

    values: Mapping[str, str]
    id_token: str = field(default="", repr=False)

    def get(self, name: str) -> str:
        """Return what a variable claims, empty where it is not set."""
        return self.values.get(name, "")


NAMES: Final = (
    *("CI_API_V4_URL", "CI_SERVER_URL", "CI_SERVER_VERSION", "CI_DEFAULT_BRANCH"),
    *("CI_PROJECT_ID", "CI_PROJECT_PATH", "CI_PROJECT_VISIBILITY"),
    *("CI_ENVIRONMENT_NAME", "CI_CONFIG_PATH"),
    *("CI_PIPELINE_ID", "CI_PIPELINE_SOURCE", "CI_JOB_ID", "CI_JOB_NAME"),
    *("CI_COMMIT_SHA", "CI_COMMIT_BEFORE_SHA", "CI_COMMIT_REF_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG"),
    *("CI_COMMIT_REF_PROTECTED", "GITLAB_USER_ID", "GITLAB_USER_LOGIN"),
    *("CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID"),
    *("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_MERGE_REQUEST_EVENT_TYPE"),
    *("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_MERGE_REQUEST_REF_PATH"),
)
"""Everything that is read."""


def read_variables(environ: Mapping[str, str]) -> Variables:
    """Return what the environment claims; what is missing is empty."""
    return Variables(
        values={name: encodable(environ.get(name, "")).strip() for name in NAMES if environ.get(name)},
        id_token=environ.get(TOKEN, "").strip(),
    )
