"""The policy file is read where a change cannot have edited it, and what cannot be read is never taken for absent."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, Checkout
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.policy_file import FOLDER_LIMIT, get_policy_file
from ci_guard.evidence.interface import PolicyFile
from ci_guard.model.fact import Cause, Fact, Known, Source, unavailable
from ci_guard.model.run import ChangeReference, Event
from tests.evidence.github.asking import client_of, run_of
from tests.evidence.github.scene import known, unknown
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.history import Submodule, Symlink
from tests.fakes.hub.repository import Repository

PATH = ".ci-guard.yml"
TRUSTED, EDITED = b"version: 1\n# trusted\n", b"version: 1\n# edited by the change\n"
CHANGES = (Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE)


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


@pytest.fixture
def nowhere(tmp_path: Path) -> Checkout:
    """Return a checkout without a repository."""
    return Checkout(tmp_path)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a real repository with the policy on `main` and an edited one on `topic`, which is checked out."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / PATH).write_bytes(TRUSTED)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Trust")
    git(folder, "checkout", "-qb", "topic")
    (folder / PATH).write_bytes(EDITED)
    git(folder, "commit", "-qam", "Edit")
    return folder


def read(
    github: FakeGitHub,
    checkout: Checkout,
    path: str = PATH,
    *,
    event: Event = Event.CHANGE,
    sha: str = "0" * 40,
    target: str = "main",
    target_commit: str | None = None,
    client: Client | None = None,
) -> Fact[PolicyFile | None]:
    change = ChangeReference(number=1, head="1" * 40, target=target, target_commit=target_commit)
    run = run_of(
        github,
        event=event,
        sha=sha,
        branch=None if event is Event.CHANGE else target,
        change=change if event in CHANGES else None,
    )
    return get_policy_file(client or client_of(github), run, path, checkout)


def content(fact: Fact[PolicyFile | None]) -> bytes:
    found = known(fact)
    assert isinstance(found, PolicyFile)
    assert found.content is not None
    return found.content


# In a change


@pytest.mark.parametrize("event", CHANGES)
def test_a_change_is_judged_by_its_targets_policy(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, event: Event
) -> None:
    tip = shop.commit(files={PATH: TRUSTED}, on="main")
    pull = shop.pull(files={PATH: EDITED})
    fact = read(github, nowhere, event=event, sha=pull.head_sha)
    assert isinstance(fact, Known)
    assert fact.value == PolicyFile(content=TRUSTED, place=f"{PATH} at {tip[:12]} (main)")
    assert fact.source is Source.API


def test_a_change_is_judged_by_the_present_policy_and_not_by_the_one_it_started_from(
    github: FakeGitHub, shop: Repository, nowhere: Checkout
) -> None:
    """The event file, which a step may rewrite, names the commit that it started from."""
    shop.commit(files={PATH: EDITED}, on="main")
    pull = shop.pull()
    shop.commit(files={PATH: TRUSTED}, on="main")
    assert content(read(github, nowhere, target_commit=pull.base_sha)) == TRUSTED


def test_the_target_is_named_exactly(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.branch("release/1.0 é")
    shop.commit(files={PATH: TRUSTED}, on="release/1.0 é")
    assert content(read(github, nowhere, target="release/1.0 é")) == TRUSTED


def test_a_renamed_target_is_not_guessed(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.rename_branch("main", "trunk")
    assert unknown(read(github, nowhere)).cause is Cause.UNAVAILABLE


def test_the_server_is_asked_three_times_at_most(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.commit(files={PATH: TRUSTED}, on="main")
    client = client_of(github)
    read(github, nowhere, client=client)
    assert client.requests == 3
    assert github.repeated() == {}


@pytest.mark.parametrize("event", [Event.CHANGE, Event.QUEUE])
def test_the_fetched_tip_stands_in_for_contents_that_the_server_does_not_show(
    github: FakeGitHub, shop: Repository, clone: Path, event: Event
) -> None:
    shop.import_git(clone)
    github.fault("GET *contents*", faults.server_error())
    fact = read(github, Checkout(clone), event=event)
    assert isinstance(fact, Known)
    assert fact.value is not None
    assert (fact.value.content, fact.source) == (TRUSTED, Source.GIT)


@pytest.mark.parametrize("event", [Event.CHANGE, Event.QUEUE])
def test_a_tip_that_is_fetched_is_not_asked_of_the_server(
    github: FakeGitHub, shop: Repository, clone: Path, event: Event
) -> None:
    shop.import_git(clone)
    assert content(read(github, Checkout(clone), event=event)) == TRUSTED
    assert [call.line for call in github.requests] == ["GET /repos/acme/shop/branches/main"]


def test_a_fetched_policy_that_a_step_has_overwritten_is_read_from_the_server(
    github: FakeGitHub, shop: Repository, clone: Path
) -> None:
    """Git itself does not notice that the object of the trusted policy holds the edited one."""
    shop.import_git(clone)
    trusted, edited = (git(clone, "rev-parse", f"{branch}:{PATH}") for branch in ("main", "topic"))
    objects = clone / ".git" / "objects"
    place = objects / trusted[:2] / trusted[2:]
    place.unlink()
    place.write_bytes((objects / edited[:2] / edited[2:]).read_bytes())
    assert git(clone, "cat-file", "blob", trusted).encode() == EDITED.strip()
    fact = read(github, Checkout(clone))
    assert content(fact) == TRUSTED
    assert isinstance(fact, Known)
    assert fact.source is Source.API


@pytest.mark.usefixtures("shop")
def test_the_fetched_base_stands_in_for_a_server_that_does_not_answer(github: FakeGitHub, clone: Path) -> None:
    base = git(clone, "rev-parse", "main")
    github.fault("GET *", faults.primary_limit())
    assert content(read(github, Checkout(clone), target_commit=base)) == TRUSTED


@pytest.mark.parametrize("target_commit", [None, "2" * 40])
@pytest.mark.usefixtures("shop")
def test_the_head_never_stands_in(github: FakeGitHub, clone: Path, target_commit: str | None) -> None:
    github.fault("GET *", faults.primary_limit())
    head = git(clone, "rev-parse", "topic")
    fact = read(github, Checkout(clone), sha=head, target_commit=target_commit)
    assert unknown(fact).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("missing", ["event", "change", "target"])
@pytest.mark.usefixtures("shop")
def test_a_change_of_unknown_target_has_no_policy_to_be_judged_by(
    github: FakeGitHub, clone: Path, missing: str
) -> None:
    run = run_of(github, event=Event.CHANGE, branch=None, sha=git(clone, "rev-parse", "topic"))
    if missing != "target":
        object.__setattr__(run, missing, unavailable(f"no {missing}"))
    unknown(get_policy_file(client_of(github), run, PATH, Checkout(clone)))


@pytest.mark.parametrize("branch", [None, unavailable("no ref")])
@pytest.mark.usefixtures("shop")
def test_a_queue_of_unknown_target_has_no_policy_to_be_judged_by(github: FakeGitHub, clone: Path, branch: Any) -> None:
    run = run_of(github, event=Event.QUEUE, branch=None, sha=git(clone, "rev-parse", "topic"))
    if branch is not None:
        object.__setattr__(run, "branch", branch)
    unknown(get_policy_file(client_of(github), run, PATH, Checkout(clone)))


# Otherwise


@pytest.mark.parametrize("event", [event for event in Event if event not in CHANGES])
@pytest.mark.usefixtures("shop")
def test_any_other_run_is_judged_by_the_policy_of_its_commit(github: FakeGitHub, clone: Path, event: Event) -> None:
    """Not by the work tree's: a step may have written there."""
    (clone / PATH).write_bytes(EDITED)
    sha = git(clone, "rev-parse", "main")
    client = client_of(github)
    fact = read(github, Checkout(clone), event=event, sha=sha, client=client)
    assert isinstance(fact, Known)
    assert fact.value == PolicyFile(content=TRUSTED, place=f"{PATH} at {sha[:12]}")
    assert (fact.source, client.requests) == (Source.GIT, 0)


def test_a_commit_that_is_not_in_the_clone_is_read_from_the_server(
    github: FakeGitHub, shop: Repository, clone: Path
) -> None:
    old = shop.commit(files={PATH: TRUSTED}, on="main")
    shop.commit(files={PATH: EDITED}, on="main")
    fact = read(github, Checkout(clone), event=Event.PUSH, sha=old)
    assert isinstance(fact, Known)
    assert fact.value == PolicyFile(content=TRUSTED, place=f"{PATH} at {old[:12]}")
    assert fact.source is Source.API


@pytest.mark.usefixtures("shop")
def test_an_unknown_commit_has_no_policy(github: FakeGitHub, nowhere: Checkout) -> None:
    run = run_of(github)
    object.__setattr__(run, "sha", unavailable("GITHUB_SHA is not set"))
    unknown(get_policy_file(client_of(github), run, PATH, nowhere))


# What the server says is there


@pytest.mark.usefixtures("shop")
def test_a_folder_without_the_file_proves_its_absence(github: FakeGitHub, nowhere: Checkout) -> None:
    fact = read(github, nowhere)
    assert isinstance(fact, Known)
    assert fact.value is None


@pytest.mark.parametrize("present", [False, True])
def test_a_file_in_a_folder_is_found(github: FakeGitHub, shop: Repository, nowhere: Checkout, present: bool) -> None:
    path = "security/policies/ci guard#1.yml"
    shop.commit(files={path if present else "security/other.yml": TRUSTED}, on="main")
    fact = known(read(github, nowhere, path))
    assert (fact.content if fact else None) == (TRUSTED if present else None)


@pytest.mark.parametrize("files", [{}, {"security": "a file"}])
def test_a_missing_folder_proves_the_absence_of_what_is_in_it(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, files: dict[str, str]
) -> None:
    if files:
        shop.commit(files=files, on="main")
    fact = read(github, nowhere, "security/ci-guard.yml")
    assert isinstance(fact, Known) is (not files)
    assert not isinstance(fact, Known) or fact.value is None


def test_a_404_is_not_taken_for_absence(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    """A policy that exists and cannot be read is never replaced by the baseline profile."""
    shop.commit(files={PATH: TRUSTED}, on="main")
    github.fault("GET *contents*", faults.not_found())
    assert unknown(read(github, nowhere)).cause is Cause.INVISIBLE


@pytest.mark.usefixtures("shop")
def test_a_refused_token_leaves_the_policy_unknown(github: FakeGitHub, nowhere: Checkout) -> None:
    narrow = github.token("narrow", permissions={"metadata": "read"})
    fact = unknown(read(github, nowhere, client=client_of(github, narrow.value)))
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "contents: read")


@pytest.mark.parametrize(
    "spec",
    [Symlink("real.yml"), Symlink("/etc/passwd"), Symlink("../out.yml"), Submodule("3" * 40, "https://x.example/y")],
    ids=["link inside", "link to a device or file", "link outside", "submodule"],
)
def test_what_is_no_plain_file_is_unknown(github: FakeGitHub, shop: Repository, nowhere: Checkout, spec: Any) -> None:
    """A link to a file of the repository is answered with that file's content, as if it were one."""
    shop.commit(files={PATH: spec, "real.yml": TRUSTED}, on="main")
    assert unknown(read(github, nowhere)).cause is Cause.UNAVAILABLE


def test_a_folder_in_its_place_is_unknown(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.commit(files={f"{PATH}/inner.yml": TRUSTED}, on="main")
    assert "is a dir" in unknown(read(github, nowhere)).reason


def test_a_linked_folder_is_unknown(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.commit(files={"security": Symlink("real"), "real/ci-guard.yml": TRUSTED}, on="main")
    assert "is a symlink" in unknown(read(github, nowhere, "security/ci-guard.yml")).reason


@pytest.mark.parametrize("size", [0, MAXIMUM_POLICY_BYTES])
def test_any_size_that_a_policy_may_have_is_read_whole(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, size: int
) -> None:
    shop.commit(files={PATH: b"#" * size}, on="main")
    assert content(read(github, nowhere)) == b"#" * size


def test_a_larger_file_is_there_without_its_content_so_that_it_is_refused_as_a_policy(
    github: FakeGitHub, shop: Repository, nowhere: Checkout
) -> None:
    shop.commit(files={PATH: b"#" * (MAXIMUM_POLICY_BYTES + 1)}, on="main")
    fact = read(github, nowhere)
    assert isinstance(fact, Known)
    assert fact.value is not None
    assert fact.value.content is None


def test_bytes_that_are_no_text_come_through(github: FakeGitHub, shop: Repository, nowhere: Checkout) -> None:
    shop.commit(files={PATH: b"\xff\xfe\x00\r\n"}, on="main")
    assert content(read(github, nowhere)) == b"\xff\xfe\x00\r\n"


@pytest.mark.parametrize("present", [False, True])
def test_a_folder_that_is_too_large_to_list_proves_nothing(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, present: bool
) -> None:
    files: dict[str, Any] = {f"-{number:04}": "x" for number in range(FOLDER_LIMIT + 5)}
    shop.commit(files={**files, **({PATH: TRUSTED} if present else {})}, on="main")
    assert "too many entries" in unknown(read(github, nowhere)).reason


@pytest.mark.parametrize(
    "change",
    [
        {"content": "%%%"},
        {"content": None},
        {"size": 3},
        {"encoding": "utf-8"},
        {"sha": "4" * 40},
        {"type": "symlink"},
    ],
    ids=lambda change: next(iter(change)) + str(next(iter(change.values()))),
)
def test_contents_of_another_shape_are_unknown(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, change: dict[str, Any]
) -> None:
    shop.commit(files={PATH: TRUSTED}, on="main")
    github.fault(f"GET *contents/{PATH}", faults.replaced(**change))
    assert unknown(read(github, nowhere)).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("fault", [faults.primary_limit(), faults.html(), faults.reset()], ids=lambda f: f.name)
@pytest.mark.parametrize("match", ["GET *branches/*", "GET *contents", f"GET *contents/{PATH}"])
def test_a_fault_leaves_the_policy_unavailable(
    github: FakeGitHub, shop: Repository, nowhere: Checkout, match: str, fault: Any
) -> None:
    shop.commit(files={PATH: TRUSTED}, on="main")
    github.fault(match, fault)
    assert unknown(read(github, nowhere)).cause is Cause.UNAVAILABLE
