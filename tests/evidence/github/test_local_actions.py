"""The actions of a repository that its workflows use, wherever in it they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import local_actions
from ci_guard.model.fact import Cause
from ci_guard.model.guard import Parts
from tests.evidence.files_of import commit_files
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.evidence.github.test_workflow import pushed
from tests.secrets.repositories import Repo

SHA = "c" * 40
CI = ".github/workflows/ci.yml"
COMPOSITE = "runs: {using: composite, steps: [%s]}"


def parts(files: dict[str, str | None]) -> Parts:
    return known(local_actions.parts_of(commit_files(files), "acme/shop"))


def steps(*uses: str) -> str:
    return "jobs: {a: {steps: [" + ", ".join(f"{{uses: '{one}'}}" for one in uses) + "]}}"


def test_actions_are_followed_however_deep_and_once() -> None:
    found = parts(
        {
            CI: steps("./tools/one", "actions/checkout@v4", "./.github/workflows/x.yml"),
            "tools/one/action.yml": COMPOSITE % "{parallel: [{uses: ./tools/two}, {uses: ./tools/one}]}",
            "tools/two/action.yaml": COMPOSITE % "{uses: ./tools/three/}",
            "tools/three/Dockerfile": "FROM scratch",
        }
    )
    assert found == Parts(names=frozenset({"tools/one", "tools/two", "tools/three"}))


def test_every_workflow_counts_and_no_file_beside_them() -> None:
    found = parts(
        {
            CI: "jobs: {a: {uses: ./.github/workflows/called.yaml}}",
            ".github/workflows/called.yaml": steps("./called"),
            ".github/workflows/deep/not.yml": steps("./not"),
            "called/action.yml": "runs: {using: node20, main: ../lib/index.js, post: clean.js}",
        }
    )
    assert found == Parts(names=frozenset({"called", "lib/index.js", "called/clean.js"}))


def test_an_action_in_the_root_is_what_it_names_and_not_the_whole_repository() -> None:
    found = parts({CI: steps("./"), "action.yml": "runs: {using: node20, main: dist/index.js}"})
    assert found == Parts(names=frozenset({"action.yml", "action.yaml", "Dockerfile", "dist/index.js"}))


@pytest.mark.parametrize(
    ("uses", "names"),
    [
        ("Acme/Shop/tools@main", {"tools"}),
        (f"acme/shop/tools@{SHA}", set()),
        ("acme/shopping/tools@main", set()),
        ("docker://alpine", set()),
        ("acme/shop/.github/workflows/x.yml@v1", set()),
    ],
)
def test_what_names_this_repository_by_a_branch_is_its_own_and_by_a_commit_is_not(uses: str, names: set[str]) -> None:
    assert parts({CI: steps(uses), "tools/action.yml": "runs: {using: composite}"}).names == names


@pytest.mark.parametrize(
    ("checkout", "names", "doubted"),
    [
        ("{path: sub}", {"tools"}, False),
        ("{path: sub, repository: acme/shop}", {"tools"}, False),
        ("{path: sub, repository: '${{ github.repository }}'}", {"tools"}, False),
        ("{path: sub, repository: other/one}", set(), False),
        ("{path: sub, repository: '${{ inputs.which }}'}", set(), True),
        ("{path: elsewhere}", {"sub/tools"}, True),
    ],
)
def test_a_path_is_found_in_the_repository_that_was_checked_out_there(
    checkout: str, names: set[str], *, doubted: bool
) -> None:
    text = f"jobs: {{a: {{steps: [{{uses: actions/checkout@v4, with: {checkout}}}, {{uses: ./sub/tools}}]}}}}"
    found = parts({CI: text, "tools/action.yml": "runs: {using: node20}"})
    assert (set(found.names), bool(found.doubts)) == (names, doubted)


def test_what_is_named_by_the_repository_itself_is_its_own_whatever_was_checked_out() -> None:
    checkout = (
        "{uses: actions/checkout@v4, with: {repository: other/one}}, {uses: actions/checkout@v4, with: {path: a}}"
    )
    text = f"jobs: {{a: {{steps: [{checkout}, {{uses: $/tools/one}}, {{uses: $/./a/two}}]}}}}"
    found = parts(
        {CI: text, "tools/one/action.yml": COMPOSITE % "{uses: $/tools/deeper}", "a/two/action.yml": COMPOSITE % ""}
    )
    assert found.names == {"tools/one", "a/two", "tools/deeper"}
    assert ["tools/deeper" in one.reason for one in found.doubts] == [True]


@pytest.mark.parametrize(
    ("files", "doubt"),
    [
        ({CI: steps("./gone")}, "gone of line 1 of .github/workflows/ci.yml is no action"),
        ({CI: steps("./${{ inputs.which }}")}, "decided while it runs"),
        ({CI: steps("./../out")}, "decided while it runs"),
        ({CI: steps("$/../out")}, "decided while it runs"),
        ({CI: "jobs: ["}, "could not be read"),
        ({CI: None}, "too large"),
        ({CI: steps("./a"), "a/action.yml": "runs: ["}, "could not be read"),
        ({CI: steps(*(f"./a{number}" for number in range(201)))}, "more than 200"),
        ({f".github/workflows/{number}.yml": "" for number in range(101)}, "more than 100"),
    ],
)
def test_what_cannot_be_followed_is_a_doubt(files: dict[str, str | None], doubt: str) -> None:
    assert any(doubt in one.reason for one in parts(files).doubts)


def test_a_missing_action_counts_by_its_name() -> None:
    """Or else the change that takes it away would change nothing."""
    assert parts({CI: steps("./gone")}).names == {"gone"}


@pytest.mark.parametrize(
    "text", ["", "[]", "jobs: x", "jobs: {a: x, b: {steps: y, uses: [z]}}", "jobs: {a: {steps: [x]}}"]
)
def test_a_workflow_of_another_shape_uses_nothing(text: str) -> None:
    assert parts({CI: text}) == Parts(names=frozenset())


def test_files_are_read_from_the_clone_and_listed_by_the_server_without_one(scene: Scene, tmp_path: Path) -> None:
    files = {CI: steps("./tools"), "tools/action.yml": "runs: {using: node20}"}
    repo = Repo.create(tmp_path / "clone")
    sha = repo.commit(dict(files))
    pushed(scene, files, sha)
    client, _, run = scene.read()
    for folder in (repo.path, scene.folder):
        assert known(local_actions.get_parts(client, run, Checkout(folder))) == Parts(names=frozenset({"tools"}))


def test_without_the_permission_they_are_unknown_with_it(scene: Scene) -> None:
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "contents"})
    client, _, run = pushed(scene, {CI: steps("./tools")}).read()
    doubt = unknown(local_actions.get_parts(client, run, Checkout(scene.folder)))
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "contents: read")
