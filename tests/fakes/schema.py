"""Published response schemas, and the check that every body of a fake fits its own."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

FOLDER: Final = Path(__file__).resolve().parents[2].parent / "shared" / "data"
"""Where the schemas lie next to a checkout; absent elsewhere, and then nothing is validated."""

FORMATS: Final = FormatChecker(formats=())
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:\S+")


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or _DATE_TIME.fullmatch(value) is not None


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


class Schemas:
    """
    Response schemas by operation and status, each compiled when first used.

    `strict` also refuses keys that the schema does not name, which an OpenAPI object is otherwise open to: it finds
    misspelt optional keys.
    """

    def __init__(self, document: dict[str, Any], *, strict: bool = False) -> None:
        self._document = _closed(document) if strict else document
        self._validators: dict[str, Draft202012Validator] = {}
        self._fitting: set[bytes] = set()
        self._lock = threading.Lock()

    def problem(self, operation: str, status: int, body: Any) -> str | None:
        """Return what is wrong with a body, None when it fits or when the operation has no schema."""
        key = f"{operation} {status}"
        schema = self._document["x-operations"].get(key)
        if schema is None:
            if status < 400:
                return None
            key, schema = "error", {"$ref": "#/$defs/basic-error"}
        # Worlds are built alike, so most bodies have been seen before, but for the port.
        text = re.sub(r"127\.0\.0\.1:\d+", "host", json.dumps(body))
        digest = hashlib.blake2b(f"{key}\n{text}".encode(), digest_size=16).digest()
        with self._lock:
            if digest in self._fitting:
                return None
            validator = self._validators.get(key)
            if validator is None:
                validator = self._validators[key] = Draft202012Validator(
                    {**schema, "$defs": self._document["$defs"]}, format_checker=FORMATS
                )
        error = best_match(validator.iter_errors(body))
        if error is None:
            with self._lock:
                self._fitting.add(digest)
            return None
        return f"{key}: {error.json_path}: {error.message[:300]}"


@lru_cache(maxsize=4)
def load(name: str) -> Schemas | None:
    """Return the schemas of a platform (`github-rest`), None where the folder is absent."""
    document = read(name)
    return None if document is None else Schemas(document)


@lru_cache(maxsize=4)
def read(name: str) -> dict[str, Any] | None:
    """Return the document of a platform, corrected where the platform is known to answer otherwise."""
    path = FOLDER / f"{name}.schema.json"
    if not path.is_file():
        return None
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for correct in CORRECTIONS.get(name, ()):
        correct(document)
    return document


def _enterprise_rules(document: dict[str, Any]) -> None:
    """Rules of an enterprise ruleset say so, although the description knows two levels only."""
    document["$defs"]["repository-rule-ruleset-info"]["properties"]["ruleset_source_type"]["enum"].append("Enterprise")


def _deleted_forks(document: dict[str, Any]) -> None:
    """A pull request whose fork was deleted has `head.repo: null`."""
    for kind in ("pull-request", "pull-request-simple"):
        side = document["$defs"][kind]["properties"]["head"]["properties"]
        side["repo"] = {"anyOf": [side["repo"], {"type": "null"}]}


def _left_out(document: dict[str, Any]) -> None:
    """Operations that the cut of the description leaves out, though it has their shapes."""
    repo = "GET /repos/{owner}/{repo}"
    shapes = {
        "/git/matching-refs/{ref}": ("git-ref", True),
        "/pulls": ("pull-request-simple", True),
        "/contents": ("content-directory", False),
        "/contents/": ("content-directory", False),
        "/branches/{branch}/protection/enforce_admins": ("protected-branch-admin-enforced", False),
        "/branches/{branch}/protection/required_pull_request_reviews": ("protected-branch-pull-request-review", False),
        "/branches/{branch}/protection/required_status_checks": ("status-check-policy", False),
        "/branches/{branch}/protection/restrictions": ("branch-restriction-policy", False),
    }
    operations = document["x-operations"]
    for path, (shape, is_list) in shapes.items():
        schema = {"$ref": f"#/$defs/{shape}"}
        operations.setdefault(f"{repo}{path} 200", {"type": "array", "items": schema} if is_list else schema)
    operations["GET /apps/{app_slug} 200"] = {"$ref": "#/$defs/integration"}
    runs = {"type": "array", "items": {"$ref": "#/$defs/workflow-run"}}
    for path in ("/actions/runs", "/actions/workflows/{workflow_id}/runs"):
        operations[f"{repo}{path} 200"] = {
            "type": "object",
            "properties": {"total_count": {"type": "integer"}, "workflow_runs": runs},
            "required": ["total_count", "workflow_runs"],
        }


CORRECTIONS: Final = {"github-rest": (_enterprise_rules, _deleted_forks, _left_out)}


def _closed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which objects take no keys but the named; parts of an `allOf` are left open."""
    closed = copy.deepcopy(document)
    in_parts = {
        part["$ref"].rsplit("/", 1)[-1] for node in _nodes(closed) for part in node.get("allOf", ()) if "$ref" in part
    }
    skipped = {id(closed["$defs"][name]) for name in in_parts}
    for node in _nodes(closed):
        if (
            "properties" in node
            and node["properties"]
            and "additionalProperties" not in node
            and id(node) not in skipped
        ):
            node["additionalProperties"] = False
    return closed


def _nodes(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            found.append(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found
