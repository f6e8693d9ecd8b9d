"""Published shapes of GitLab's answers, and the check that bodies of the fake fit them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from tests.fakes import schema

SHAPES: Final = {
    "GET /job": "Job",
    "GET /projects/{id}/pipelines/{pipeline}": "Pipeline",
    "GET /groups/{group}/members/all": "Member",
    "GET /projects/{id}/members/all": "Member",
    "GET /projects/{id}/members/all/{user}": "Member",
    "GET /projects/{id}/merge_requests/{iid}": "MR",
    "GET /projects/{id}/merge_requests/{iid}/approvals": "MRApprovals",
    "GET /projects/{id}/merge_requests/{iid}/approval_state": "ApprovalState",
    "GET /projects/{id}/approval_rules": "ApprovalRule",
    "GET /projects/{id}/protected_branches": "ProtectedBranch",
    "GET /projects/{id}/protected_environments": "ProtectedEnv",
    "GET /projects/{id}/environments": "Env",
    "GET /projects/{id}/deployments": "Env/properties/last_deployment",
    "GET /projects/{id}/deployments/{deployment}": "Env/properties/last_deployment",
}

LOOSE: Final = frozenset({"required", "additionalProperties"})
"""What the shapes, typed for one edition by a community, are too strict about: remarked, not refused."""

NULLED: Final = frozenset(
    {
        "expires_at",
        "finished_at",
        "erased_at",
        "coverage",
        "artifacts_expire_at",
        "duration",
        "started_at",
        "yaml_errors",
        "comment",
        "deployable",
    }
)
"""Keys that GitLab answers with null where the shapes want a text. Source: the entities' own specs."""

ADDED: Final[dict[str, set[Any]]] = {
    "access_level": {15, 25},
    "detailed_merge_status": {"merge_request_blocked", "not_open"},
}
"""Values that GitLab has added since. Source: "Members API", roles; "Merge requests API", merge status."""


class Schemas:
    """The shapes by operation."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._validators = {
            operation: Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": document["definitions"]})
            for operation, name in SHAPES.items()
            if name.partition("/")[0] in document["definitions"]
        }

    def judge(self, operation: str, body: Any) -> tuple[list[str], list[str]]:
        """Return what is wrong with a body, and what is only worth a remark."""
        validator = self._validators.get(operation)
        if validator is None:
            return [], []
        problems: list[str] = []
        remarks: list[str] = []
        for item in body if isinstance(body, list) else [body]:
            for error in _leaves(validator.iter_errors(item)):
                said = f"{operation} {error.json_path}: {error.message[:200]}"
                (remarks if _is_loose(error) else problems).append(said)
        return problems, remarks


def _leaves(errors: Any) -> Iterator[ValidationError]:
    for error in errors:
        if error.context:
            # Of alternatives the one that comes closest: the least that is wrong in any of them.
            ways: dict[Any, list[ValidationError]] = {}
            for inner in error.context:
                ways.setdefault(inner.schema_path[0], []).append(inner)
            yield from _leaves(min(ways.values(), key=_gravity))
        else:
            yield error


def _gravity(errors: list[ValidationError]) -> int:
    return sum(not _is_loose(leaf) for leaf in _leaves(errors))


def _is_loose(error: ValidationError) -> bool:
    key = error.path[-1] if error.path else None
    if error.validator in LOOSE or (error.instance is None and key in NULLED):
        return True
    return error.validator == "enum" and isinstance(key, str) and error.instance in ADDED.get(key, ())


@lru_cache(maxsize=1)
def load() -> Schemas | None:
    """Return the shapes, None where the folder is absent."""
    document = schema.read("gitlab-rest")
    return None if document is None else Schemas(document)
