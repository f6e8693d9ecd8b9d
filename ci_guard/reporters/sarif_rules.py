"""What a SARIF report says of its rules: one for each requirement and each kind of finding, and the frameworks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ci_guard.model import project
from ci_guard.model.judgement import Judgement, Severity
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.reference import Framework, Reference
from ci_guard.reporters import escape

LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "warning",
}

SCORES: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
"""
The middle of each range in which GitHub translates `security-severity` back into our four words.

Source: "SARIF support for code scanning", `reportingDescriptor` object.
"""

TAGS: Final = 10
"""GitHub refuses more than 20 and shows 10."""

DESCRIPTION: Final = 1_000
"""GitHub shows 1,024 characters of a description."""

RULES: Final = 25_000
"""GitHub refuses a run with more."""


class Rules:
    """The rules of a run, each at its index; kinds of findings get one of their own when they are first met."""

    def __init__(self, metas: Iterable[Meta]) -> None:
        """Start with one rule for each requirement of these controls, whether or not anything is wrong with it."""
        self.written: list[dict[str, Any]] = []
        self._index: dict[str, int] = {}
        self._declared: dict[str, tuple[Meta, Requirement]] = {}
        self._frameworks = frameworks_of(metas)
        for meta in metas:
            for requirement in meta.requirements:
                rule = f"{meta.id}/{requirement.id}"
                self._declared[rule] = (meta, requirement)
                self._add(rule, self._described(rule, requirement.severity))

    def of(self, judgement: Judgement) -> tuple[str, int]:
        """
        Return the id and the index of a judgement's rule.

        GitHub takes title and severity of an alert from its rule, so each kind of finding is one.
        """
        rule = f"{judgement.control}/{judgement.requirement}"
        if self._declared[rule][1].finds and judgement.location is not None and len(self.written) < RULES:
            kind = f"{rule}/{escape.visible(judgement.subject, escape.NAME)}"
            if kind not in self._index:
                self._add(kind, self._described(rule, judgement.severity, judgement.subject))
            rule = kind
        return rule, self._index[rule]

    def taxonomies(self) -> list[dict[str, Any]]:
        """Return the frameworks to whose items the rules are related."""
        return [
            {
                "name": framework.id,
                "fullName": framework.title,
                "version": framework.version,
                "informationUri": framework.url,
                "isComprehensive": False,
                "shortDescription": {"text": framework.title},
                "taxa": [
                    {"id": item, "shortDescription": {"text": escape.sarif_message(title)}}
                    for item, title in items.items()
                ],
            }
            for framework, items in self._frameworks.items()
        ]

    def _add(self, rule: str, described: dict[str, Any]) -> None:
        self._index[rule] = len(self.written)
        self.written.append({"id": rule, **described})

    def _described(self, rule: str, severity: Severity, kind: str = "") -> dict[str, Any]:
        meta, requirement = self._declared[rule]
        # An alert's title is its rule's, so it says that this is asked and not that it holds.
        title = f"Required: {requirement.title}" + (f" ({kind})" if kind else "")
        written: dict[str, Any] = {
            "name": escape.visible(f"{requirement.id}" + (f" {kind}" if kind else ""), escape.NAME),
            "shortDescription": {"text": escape.sarif_message(title, DESCRIPTION)},
            "fullDescription": {"text": escape.sarif_message(f"{title}. {requirement.why}", DESCRIPTION)},
            "helpUri": project.requirement_page(meta.id, requirement.id),
            "help": {"text": help_text(requirement), "markdown": help_markdown(meta, requirement)},
            "defaultConfiguration": {"level": LEVELS[severity]},
            "properties": {
                "tags": tags_of(meta, requirement),
                "precision": "high",
                "security-severity": SCORES[severity],
            },
        }
        related = [self._relationship(reference) for reference in requirement.references]
        return {**written, "relationships": related} if related else written

    def _relationship(self, reference: Reference) -> dict[str, Any]:
        index = list(self._frameworks).index(reference.framework)
        taxon = list(self._frameworks[reference.framework]).index(reference.item)
        return {
            "target": {
                "id": reference.item,
                "index": taxon,
                "toolComponent": {"name": reference.framework.id, "index": index},
            },
            "kinds": ["relevant"],
            "description": {"text": f"A pass {reference.relation.value} this item."},
        }


def frameworks_of(metas: Iterable[Meta]) -> dict[Framework, dict[str, str]]:
    """Return every framework with the items, and their titles, that a requirement contributes to."""
    found: dict[Framework, dict[str, str]] = {}
    for meta in metas:
        for requirement in meta.requirements:
            for reference in requirement.references:
                found.setdefault(reference.framework, {}).setdefault(reference.item, reference.title)
    return found


def tags_of(meta: Meta, requirement: Requirement) -> list[str]:
    """Return what alerts can be filtered by: the control, and the items of frameworks as far as there is room."""
    items = [f"{reference.framework.id}/{reference.item}" for reference in requirement.references]
    return list(dict.fromkeys(["security", "supply-chain", meta.id, *items]))[:TAGS]


def help_text(requirement: Requirement) -> str:
    """Return how to satisfy a requirement, in plain text."""
    parts = [
        f"Holds when {requirement.title}.",
        requirement.why,
        f"On GitHub: {requirement.github}",
        f"On GitLab: {requirement.gitlab}",
        f"Rests on: {requirement.source}",
    ]
    return "\n".join(escape.sarif_message(part.replace("`", "'"), DESCRIPTION) for part in parts)


def help_markdown(meta: Meta, requirement: Requirement) -> str:
    """Return the same in Markdown, which is our own."""
    page = project.requirement_page(meta.id, requirement.id)
    return "\n\n".join(
        [
            f"Holds when {requirement.title}.",
            requirement.why,
            f"- **On GitHub:** {requirement.github}\n- **On GitLab:** {requirement.gitlab}",
            f"Rests on: {requirement.source}",
            f"[More about this requirement]({page})",
        ]
    )
