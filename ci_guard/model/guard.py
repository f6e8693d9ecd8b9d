"""How the guard stands in the pipeline that it is a part of. Texts are strangers' data."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ci_guard.model.fact import Cause, Fact, Unknown
from ci_guard.records import dataclass, field

UNWANTED: Final = Unknown(reason="no control that was run asked for it", cause=Cause.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Something that stands in a file."""

    text: str
    line: int
    """1-based."""
    path: str = ""
    """The file, where it may be another than that of the job; one of another project is `group/project//file`."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A place that brings ci-guard in, and what it names of it."""

    name: str
    """Such as `ci-guard/ci-guard`."""
    ref: str
    """The commit, tag, branch or digest behind it, empty where none is named."""
    line: int
    path: str = ""
    """As that of a spot."""
    condition: Spot | None = None
    """GitLab: what may leave the include out."""
    stage: str = ""
    """GitLab: the stage that the include asks for; empty for the one before all others."""
    starts: str = ""
    """GitLab: the commit of ci-guard that the include is told to start; empty where it is told none."""
    commit: str = ""
    """GitLab: the commit that the included file is of, where that is known."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a job; on GitLab the job's script is one."""

    line: int
    guard: bool = False
    """Whether it runs ci-guard."""
    pin: Pin | None = None
    """Set where it brings ci-guard in from another repository."""
    local: bool = False
    """Whether it is an action that lies in the workspace, as what was checked out last has it."""
    condition: Spot | None = None
    tolerated: tuple[Spot, ...] = ()
    """`continue-on-error`, as it is written."""
    swallowed: Spot | None = None
    """What keeps the exit code of ci-guard's command from the shell that runs it, such as `||`."""
    checkout: Spot | None = None
    """What it checks out of the judged repository, where it names something."""
    verdict: Spot | None = None
    """Of an action of the repository that runs ci-guard: its output `verdict`, where that is not ci-guard's word."""
    acts: bool = False
    """
    Whether it may deploy before a guard behind it, or in it, has a say: it does more than GitHub's own actions do, such
    as `actions/checkout`.
    """


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it is written, with what it takes from others of the same files."""

    name: str
    label: str
    """What its check is called: `name`, else the id. An expression that nobody can fill in stays in it."""
    path: str
    line: int
    guard: bool = False
    """Whether it runs ci-guard, or is a reusable workflow of it."""
    environment: bool = False
    """Whether it deploys: it, or the workflow of this repository that it calls, has an environment."""
    needs: tuple[str, ...] | None = None
    """The jobs that it waits for by name; None where it names none, which on GitLab means all earlier stages."""
    otherwise: tuple[tuple[str, ...], ...] = ()
    """GitLab: the `needs` of its rules, any of which may take the place of its own."""
    condition: Spot | None = None
    tolerated: tuple[Spot, ...] = ()
    """`continue-on-error` or `allow_failure`, of its rules too."""
    whens: tuple[Spot, ...] = ()
    """GitLab: `when`, of its rules too."""
    overrides: tuple[str, ...] = ()
    """GitLab: the keys by which it changes a job of the same name that an include brings."""
    stage: str = ""
    """GitLab: empty where nothing is known of it."""
    pin: Pin | None = None
    """Set for a reusable workflow of ci-guard."""
    labels: tuple[str, ...] = ()
    """GitHub: what its checks are called, where a matrix makes several."""
    verdict: Spot | None = None
    """GitHub: its output `verdict`, where that is not what ci-guard said in it."""
    calls: Spot | None = None
    """A workflow of another repository that it calls, or a project whose pipeline it starts, which may deploy."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """The pipeline's file at the run's own commit, and the files of this repository that it is made of."""

    path: str
    commit: str
    jobs: tuple[Job, ...]
    own: str = ""
    """The job in which this ci-guard runs, as the platform calls it; empty where nothing says it."""
    includes: tuple[Pin, ...] = ()
    """GitLab: includes that bring ci-guard in."""
    namesakes: tuple[Job, ...] = ()
    """GitHub: other jobs, of this workflow too, whose check may have the name of the guard's."""
    stages: tuple[str, ...] = ()
    """GitLab: in their order, with the two that are always there."""
    doubts: tuple[Unknown, ...] = ()
    """What could not be read and may change how the guard stands."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """
    What of this repository its pipelines are made of, beside the places that always count.

    As the judged commit has it, which is enough: whatever drops a reference edits the file that holds it, and that file
    is a part as well, wherever it was referred to from.
    """

    names: frozenset[str]
    """Files and folders; of a folder everything below counts. What is referred to and missing is among them."""
    patterns: frozenset[str] = field(default_factory=frozenset)
    """GitLab: of files, in which `*` stops at `/` and `**` does not."""
    doubts: tuple[Unknown, ...] = ()
    """References that were not followed."""


class HoldKind(str, Enum):
    """By what the platform makes sure that the guard runs."""

    WORKFLOW = "workflow"
    """GitHub: a workflow that a ruleset requires."""
    CHECK = "check"
    """GitHub: a required check."""
    CONFIG = "config"
    """GitLab: the file that defines the project's pipelines."""
    POLICY = "policy"
    """GitLab: a pipeline execution policy."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One thing that may make sure that the guard runs."""

    kind: HoldKind
    name: str
    """The workflow's or file's path, or the check's name."""
    elsewhere: bool = False
    """Whether it is held in another repository."""
    own: bool = False
    """Whether it is what this very run is of."""
    commit: str = ""
    """Which it is pinned to; empty for none."""
    app: int | None = None
    """The app that alone may report the check; 15368 for GitHub Actions, whatever its number is on this server."""
    wiring: Fact[Wiring] = UNWANTED
    """What the workflow is, where it is held in another repository and is not what this run is of."""


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """What makes sure that the guard runs, and what may that was not seen."""

    where: str
    """The branch or project that it holds for."""
    holds: tuple[Hold, ...] = ()
    hidden: tuple[Unknown, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Program:
    """The ci-guard that judges."""

    version: str
    commit: Fact[str]
    released: bool
    """Whether its commit is the one that the version's tag names; True where it is no checkout, which says nothing."""
    altered: bool = False
    """Whether the files that run are others than those of the commit; False where it is no checkout."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What is known of the guard itself. What no control wants is unknown, and costs nothing."""

    wiring: Fact[Wiring] = UNWANTED
    parts: Fact[Parts] = UNWANTED
    enforcement: Fact[Enforcement] = UNWANTED
    program: Fact[Program] = UNWANTED
    variables: Fact[frozenset[str]] = UNWANTED
    """Names of the variables that are set and by which programs, connections or trust are steered; never a value."""
