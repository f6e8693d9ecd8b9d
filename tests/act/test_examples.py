"""Every workflow that the documentation shows does what it is shown for: a real runner lets it allow and deny."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.act import runner
from tests.act.runner import Ran
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes.github import FakeGitHub
from tests.workflows import documents
from tests.workflows.documents import REPOSITORY, Document

ACT = runner.find_act()

pytestmark = [
    pytest.mark.act,
    pytest.mark.skipif(ACT is None, reason="act is not installed; .ci/run installs it where Go is"),
]

STANDINS = Path(__file__).parent / "standins"
"""In place of actions that speak to a service: folders `owner/name`, as in the repositories that they stand for."""

CALLED = "the runner here knows no `job.workflow_*`; the called workflow itself is run in `test_workflow.py`"
NOT_RUN: Mapping[str, str] = {"docs/enforce.md": CALLED, "docs/examples/guarded-release.yml": CALLED}
"""Examples that cannot run here, by page or file: the reason. They are validated all the same."""

CHECKOUT = "actions/checkout"
"""The runner has its own: it copies the repository."""

LEAKED = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A repository in which everything is in order, or nothing is."""

    sound: bool

    def make(self, github: FakeGitHub, path: Path, example: Document, *, merged: bool) -> Consumer:
        """Make the repository with the example as its workflow."""
        return consumer.make(
            github,
            path,
            base_files={".github/workflows/example.yml": example.text},
            head_files={"cart.py": "ITEMS = []\n" if self.sound else f'KEY = "{LEAKED}"\n'},
            approved_by=("bob",) if self.sound else (),
            protected=self.sound,
            merged=merged,
        )


def events_of(example: Document) -> set[str]:
    """Return the names of the events that start the workflow."""
    on = example.content.get("on") or example.content[True]
    return {on} if isinstance(on, str) else set(on)


def granted(example: Document) -> dict[str, str]:
    """Return what the example's jobs let their tokens do, in the names of the API."""
    jobs = example.content["jobs"].values()
    asked = {name: level for job in jobs for name, level in job.get("permissions", {}).items()}
    return {"metadata": "read", **{name.replace("-", "_"): level for name, level in asked.items()}}


def pushed(github: FakeGitHub, shop: Consumer, folder: Path) -> dict[str, str]:
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    return github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=github.token("job").value)


def proposed(github: FakeGitHub, shop: Consumer, folder: Path) -> dict[str, str]:
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    return github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=github.token("job").value)


def dispatched(github: FakeGitHub, shop: Consumer, folder: Path) -> dict[str, str]:
    run = shop.repo.run("workflow_dispatch", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).workflow_dispatch(sender="olivia")
    return github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=github.token("job").value)


EVENTS: Mapping[str, Callable[[FakeGitHub, Consumer, Path], dict[str, str]]] = {
    "push": pushed,
    "pull_request": proposed,
    "workflow_dispatch": dispatched,
}
"""How an example is started: the first of these that it listens to."""


def options_of(example: Document, guard: Path) -> list[str]:
    """Return how act finds the actions that documents use, and which of its runners an example wants."""
    folders = {}
    for uses in example.uses | {used for own in documents.own_workflows() for used in own.uses}:
        name, _, ref = uses.partition("@")
        owner_and_name = "/".join(name.split("/")[:2])
        if owner_and_name == REPOSITORY:
            folders[f"{REPOSITORY}@{ref}"] = guard
        elif (STANDINS / name).is_dir():
            folders[f"{owner_and_name}@{ref}"] = STANDINS / owner_and_name
    missing = {
        uses
        for uses in example.uses
        if not uses.startswith(("./", CHECKOUT, f"{REPOSITORY}@", f"{REPOSITORY}/"))
        and not (STANDINS / uses.partition("@")[0]).is_dir()
    }
    assert not missing, f"{example.place} uses {missing}: add a stand-in below {STANDINS}, or a reason to NOT_RUN"
    labels = set(re.findall(r"^\s*runs-on:\s*([\w.-]+)\s*$", example.text, re.MULTILINE))
    options = [part for label in sorted(labels) for part in ("-P", f"{label}=-self-hosted")]
    return options + [part for ref, folder in folders.items() for part in ("--local-repository", f"{ref}={folder}")]


@pytest.fixture
def run_example(github: FakeGitHub, guard_checkout: Path, tmp_path: Path) -> Callable[[Document, Case], Ran]:
    def run(example: Document, case: Case) -> Ran:
        event = next((name for name in EVENTS if name in events_of(example)), None)
        assert event, (
            f"{example.place} starts on {events_of(example)}: add one of them to EVENTS, or a reason to NOT_RUN"
        )
        shop = case.make(github, tmp_path / "shop", example, merged=event != "pull_request")
        environ = EVENTS[event](github, shop, tmp_path / "job")
        github.world.tokens["job"].permissions = granted(example)
        options = options_of(example, guard_checkout)
        assert ACT is not None
        return runner.run(ACT, guard_checkout, shop.path, environ, home=tmp_path / "home", event=event, options=options)

    return run


def only_reports(example: Document) -> bool:
    """Tell whether the example lets a denied pipeline proceed, as a step's input or a job's."""
    return re.search(r"\bmode: report\b", example.text) is not None


RUN = [
    pytest.param(example, id=example.place)
    for example in documents.examples()
    if example.place.partition(":")[0] not in NOT_RUN
]

Run = Callable[[Document, Case], Ran]


@pytest.mark.parametrize("example", RUN)
def test_an_example_allows_what_is_in_order(run_example: Run, example: Document) -> None:
    ran = run_example(example, Case(sound=True))
    assert set(ran.verdicts.values()) == {"allow"}, ran.log
    assert ran.exit_code == 0, ran.log


@pytest.mark.parametrize("example", RUN)
def test_an_example_denies_what_is_not(run_example: Run, example: Document) -> None:
    """Nobody approved, nothing is protected, and a secret came in."""
    ran = run_example(example, Case(sound=False))
    assert "deny" in ran.verdicts.values(), ran.log
    assert (ran.exit_code == 0) is only_reports(example), ran.log
    assert LEAKED not in ran.log


def test_an_example_that_does_not_guard_gives_no_verdict(run_example: Run) -> None:
    """Otherwise the tests above could not fail."""
    text = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
    ran = run_example(Document(place="planted", path="", text=text), Case(sound=False))
    assert (ran.verdicts, ran.exit_code) == ({}, 0)


def test_an_upload_of_a_report_that_github_would_refuse_fails(run_example: Run) -> None:
    upload = f"github/codeql-action/upload-sarif@{'0' * 40}"
    text = (
        "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo '{}' > empty.sarif\n"
        f"      - uses: {upload}\n        with: {{sarif_file: empty.sarif}}\n"
    )
    assert run_example(Document(place="planted", path="", text=text), Case(sound=True)).exit_code != 0


def test_what_is_not_run_is_there() -> None:
    places = {example.place.partition(":")[0] for example in documents.examples()}
    assert set(NOT_RUN) <= places
