"""The JSON Schema of a policy file, generated from the controls' metadata for editors and validators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ci_guard.model import project
from ci_guard.model.kinds import true_schema
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.run import Event
from ci_guard.model.settings import Mode, OnInvisible
from ci_guard.policy.admission_schema import ADMISSION
from ci_guard.policy.auditing import AUDIT
from ci_guard.policy.branches import RULES
from ci_guard.policy.context_schema import contexts_schema
from ci_guard.policy.glass_schema import GLASS
from ci_guard.policy.place import BUILTIN
from ci_guard.policy.policy_branch import POLICY_BRANCH
from ci_guard.policy.reading import BOT_KEYS, PROFILES, VERSION
from ci_guard.policy.role_schema import roles_schema
from ci_guard.policy.shapes import TEXT, closed, listed
from ci_guard.policy.signatures import SIGNATURE
from ci_guard.policy.waiver_schema import BASELINE, waiver_schema
from ci_guard.policy.waiver_schema import RULES as WAIVER_RULES

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""
The newest draft that all editors read: yaml-language-server knows 2020-12 from 1.20 on, and nothing here needs more.
Source: its changelog, 1.20.0; JSON Schema Store, CONTRIBUTING, "Recommended version".
"""


def json_schema(metas: Sequence[Meta]) -> dict[str, Any]:
    """
    Return the schema (draft-07) of one policy file.

    It accepts what the loader accepts of a single file, save what no schema can say: the text itself (duplicate keys,
    tags, size), whole numbers written as `1.0`, days that no calendar has where `format` is not asserted, and what
    depends on other layers (asking for less, requiring nothing).
    """
    controls = {meta.id: control_schema(meta) for meta in metas}
    return {
        "$schema": DIALECT,
        "$id": project.SCHEMA,
        "title": "ci-guard policy",
        "description": "What a pipeline has to fulfil to proceed.",
        **closed(
            {
                "version": {"title": "Version of this format", "const": VERSION},
                "locked": {"title": "Nearer layers may ask for nothing else", **true_schema()},
                "extends": {
                    "title": "The profile below this file",
                    "description": "This file can only ask for more. Without it a policy starts from nothing.",
                    **EXTENDS,
                },
                "mode": {
                    "title": "Whether a denial stops the pipeline",
                    "description": "report keeps the verdict and exits 0 on a denial. "
                    "An organisation's policy without it enforces.",
                    "enum": [mode.value for mode in Mode],
                    "default": Mode.ENFORCE.value,
                },
                "policy-branch": POLICY_BRANCH,
                "roles": roles_schema(BOTS),
                "controls": {
                    "title": "What is judged",
                    "description": "Naming a control enables it.",
                    **closed(controls),
                },
                "contexts": contexts_schema(controls),
                "admission": ADMISSION,
                "audit": AUDIT,
                "waivers": {
                    "title": "Accepted failures and unknowns, each with a reason and an end",
                    "type": "array",
                    "items": waiver_schema(metas),
                },
                "waiver-rules": WAIVER_RULES,
                "baseline": BASELINE,
                "break-glass": GLASS,
            },
            needs=("version",),
        ),
    }


def control_schema(meta: Meta) -> dict[str, Any]:
    """Return the schema of one control's settings."""
    options = {"branches": BRANCHES, "bots": BOTS, "on": ON}
    return {
        "title": meta.title,
        "description": meta.summary,
        **closed(
            {
                "enabled": {
                    "title": "Whether this control is judged",
                    "description": "false is refused where a layer below enables the control.",
                    "type": "boolean",
                    "default": True,
                },
                "locked": {"title": "Nearer layers may change nothing in this control", **true_schema()},
                "on-invisible": {
                    "title": "What a fact that the token may not see does to the verdict",
                    "description": "It is never a pass: warn shows it and lets it neither pass nor deny.",
                    "enum": [word.value for word in OnInvisible],
                    "default": OnInvisible.DENY.value,
                },
                **{option: options[option] for option in sorted(meta.options)},
                "require": {
                    "title": "What has to hold",
                    "description": "What is not listed is not judged.",
                    **closed(
                        {requirement.id: requirement_schema(meta, requirement) for requirement in meta.requirements}
                    ),
                },
            }
        ),
    }


def requirement_schema(meta: Meta, requirement: Requirement) -> dict[str, Any]:
    """Return the schema of one requirement's value; an editor shows title, description and examples."""
    kind = requirement.kind
    return {
        "title": requirement.title,
        "description": f"{requirement.why} {project.requirement_page(meta.id, requirement.id)}",
        "examples": [kind.write(kind.example)],
        **kind.schema(),
    }


REFERENCE: Final = {
    "title": "An organisation's policy, by commit or digest",
    "type": "string",
    "pattern": "^(github:[^@]+//[^@]+@([0-9a-f]{40}|[0-9a-f]{64})|gitlab:[^@]+//[^@]+@([0-9a-f]{40}|[0-9a-f]{64})|"
    "https://[^#]+#sha256=[0-9a-f]{64})$",
}

EXTENDS: Final = {
    "anyOf": [
        {"enum": [BUILTIN + name for name in PROFILES]},
        REFERENCE,
        closed(
            {
                "policy": REFERENCE,
                "sha256": {"title": "SHA-256 of the text", "type": "string", "pattern": "^[0-9a-f]{64}$"},
                "vendored": {"title": "A copy in this repository, which needs the digest", **TEXT},
                "signature": SIGNATURE,
            },
            needs=("policy",),
        ),
    ]
}

BRANCHES: Final = {
    "title": "The branches that are judged",
    "description": "default is the default branch, current the built one; * stops at /, ** does not.",
    **listed({"type": "string", "allOf": [{"not": {"pattern": pattern}} for pattern, _, _ in RULES]}),
}

ON: Final = {
    "title": "The events on which this is judged",
    "description": "Without it: every event but change and target-change.",
    **listed({"enum": [event.value for event in Event]}),
}

BOTS: Final = {
    "title": "Accounts of apps that may act",
    "description": "Recognised by login, numeric id and type together.",
    "type": "array",
    "items": closed(
        {"login": {"title": "Its login", **TEXT}, "id": {"title": "Its numeric id", "type": "integer", "minimum": 1}},
        needs=BOT_KEYS,
    ),
}
