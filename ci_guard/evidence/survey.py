"""What a clone shows of itself before ci-guard is set up: where it came from, its branches, and what lies in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import ci_guard
from ci_guard.errors import GitUnavailable
from ci_guard.evidence import remotes
from ci_guard.evidence.checkout import read_plain_file
from ci_guard.evidence.github import codeowners
from ci_guard.evidence.remotes import Remote
from ci_guard.git import Repository
from ci_guard.git.objects import object_id
from ci_guard.model import project
from ci_guard.model.run import Platform
from ci_guard.records import dataclass, field

WORKFLOWS: Final = ".github/workflows"
GITLAB_PIPELINE: Final = ".gitlab-ci.yml"
SUPPRESSIONS: Final = (".gitleaks.toml", ".gitleaksignore", ".secrets.baseline")
"""Where gitleaks and detect-secrets keep what they shall not report."""

MAXIMUM_WORKFLOWS: Final = 500

_HEADS: Final = "refs/heads/"
_USES: Final = re.compile(rf"^[ \t]*(?:-[ \t]+)?uses:[ \t]*['\"]?{re.escape(project.REPOSITORY)}[@/]", re.MULTILINE)
"""Within one line: what may run over line ends takes quadratic time for a file of empty lines."""
_INCLUDES: Final = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:remote|component|local|project|file):[^#\n]*?(?:gitlab-templates/|(?<![\w-])ci-guard/)",
    re.MULTILINE,
)
"""An include of one of our templates or components, the same way."""
_REPORTS: Final = re.compile(r"^[^#\n]*\bmode:[ \t]*['\"]?report\b", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What was seen, and how."""

    value: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Everything that was seen. Texts are a stranger's data."""

    root: Path | None
    """The work tree; None in a bare repository."""
    remote: Remote | None
    other_remotes: tuple[str, ...] = ()
    """Names of further ones."""
    platform: Platform | None
    because: str
    """How the platform is known, or why it is not."""
    branch: Sighting | None
    """The default branch."""
    suppressions: tuple[str, ...] = ()
    guarded_by: tuple[str, ...] = ()
    """Workflows that run ci-guard already."""
    included: bool = False
    """Whether the pipeline on GitLab includes ci-guard already."""
    reporting: tuple[str, ...] = ()
    """Those of them that ask for `mode: report`, as far as a look at their text can tell."""
    owners_file: str | None = None
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By path that was asked about: its owners by that file."""


def survey(repository: Repository, environ: Mapping[str, str], *, owned: tuple[str, ...] = ()) -> Survey:
    """
    Return what the clone shows; `owned` are the paths whose owners are wanted.

    Raises: `GitUnavailable` where git cannot read the repository.
    """
    addresses = repository.remotes()
    remote = remotes.choose(addresses)
    root = Path(repository.work_tree) if repository.work_tree else None
    branch = default_branch(repository, remote)
    platform, because = platform_of(remote, root, environ)
    owners_file = first_plain(root, codeowners.PLACES)
    workflows = guarded(root)
    rules = codeowners.parse(read(root, owners_file)) if root and owners_file else ()
    return Survey(
        root=root,
        remote=remote,
        other_remotes=tuple(sorted(name for name in addresses if remote is None or name != remote.name)),
        platform=platform,
        because=because,
        branch=branch,
        suppressions=tuple(name for name in SUPPRESSIONS if root and (root / name).is_file()),
        included=included(root),
        guarded_by=tuple(workflows),
        reporting=tuple(name for name, text in workflows.items() if _REPORTS.search(text)),
        owners_file=owners_file,
        owners={path: codeowners.owners_of(rules, path) for path in owned},
    )


def platform_of(remote: Remote | None, root: Path | None, environ: Mapping[str, str]) -> tuple[Platform | None, str]:
    """Return the platform: by the remote, else by what lies in the repository; and how that is known."""
    platform, because = remotes.platform_of(remote, environ) if remote else (None, "there is no remote on a server")
    if platform or root is None:
        return platform, because
    has_workflows, has_pipeline = (root / WORKFLOWS).is_dir(), (root / GITLAB_PIPELINE).is_file()
    if has_workflows and not has_pipeline:
        return Platform.GITHUB, f"{because}; there is a folder {WORKFLOWS}"
    if has_pipeline and not has_workflows:
        return Platform.GITLAB, f"{because}; there is a file {GITLAB_PIPELINE}"
    return None, because


def default_branch(repository: Repository, remote: Remote | None) -> Sighting | None:
    """Return the default branch, as far as a clone can tell without asking its server."""
    if remote and (name := repository.remote_head(remote.name)):
        return Sighting(value=name, because=f"what {remote.name} had as its HEAD when this was cloned")
    for name in ("main", "master"):
        if repository.rev_parse(_HEADS + name):
            return Sighting(value=name, because=f"there is a branch {name}, and nothing says more")
    current = repository.branch()
    if current and current.startswith(_HEADS) and repository.head() is None:
        return Sighting(value=current.removeprefix(_HEADS), because="checked out, and there is no commit yet")
    return None


def commit_of(repository: Repository, remote: Remote | None, branch: str) -> str | None:
    """Return what the branch is at on the remote, as of the last fetch, else here."""
    tracked = repository.rev_parse(f"refs/remotes/{remote.name}/{branch}") if remote else None
    return tracked or repository.rev_parse(_HEADS + branch)


def guarded(root: Path | None) -> dict[str, str]:
    """Return the workflows that run ci-guard already, with their texts."""
    if root is None or not (root / WORKFLOWS).is_dir():
        return {}
    files = sorted(path for path in (root / WORKFLOWS).iterdir() if path.suffix in (".yml", ".yaml"))
    names = [f"{WORKFLOWS}/{path.name}" for path in files[:MAXIMUM_WORKFLOWS]]
    texts = {name: read(root, name).decode("utf-8", "replace") for name in names}
    return {name: text for name, text in texts.items() if _USES.search(text)}


def included(root: Path | None) -> bool:
    """Tell whether the pipeline on GitLab includes ci-guard already."""
    return root is not None and _INCLUDES.search(read(root, GITLAB_PIPELINE).decode("utf-8", "replace")) is not None


def first_plain(root: Path | None, names: tuple[str, ...]) -> str | None:
    """Return the first of these that is a file."""
    return next((name for name in names if root and (root / name).is_file()), None)


def read(root: Path, name: str) -> bytes:
    """Return a file's bytes, none of one that cannot be read."""
    try:
        return read_plain_file(root / name, limit_bytes=codeowners.SIZE_LIMIT_BYTES)
    except OSError:
        return b""


def own_checkout() -> Repository | None:
    """Return the checkout that this program is, None where it is installed."""
    root = Path(ci_guard.__file__).resolve().parent.parent
    if not (root / ".git").exists() or not (root / "action.yml").is_file():
        return None
    try:
        return Repository.open(root)
    except GitUnavailable:
        return None


def own_file(commit: str, path: str) -> bytes | None:
    """Return a file of the checkout that this program is, as one of its commits has it."""
    repository = own_checkout()
    try:
        blob = repository.read_blob(commit, path) if repository else None
    except GitUnavailable:
        return None
    return blob.content if blob else None


def own_commit() -> tuple[str, bool] | None:
    """Return the commit of the checkout that this program is, and whether this version's tag names it; else None."""
    repository = own_checkout()
    try:
        head = repository.head() if repository else None
        if repository is None:
            return None
        return (head, repository.rev_parse(f"refs/tags/{project.TAG}") == head) if head else None
    except GitUnavailable:
        return None


def own_files_differ(commit: str) -> bool:
    """
    Tell whether the Python files of the checkout that this program is are others than those of its commit.

    By their object ids (Git, "Git Objects"), not by the index, which whoever edits a file can edit as well. What cannot
    be compared differs.
    """
    repository, root = own_checkout(), Path(ci_guard.__file__).resolve().parent
    if repository is None:
        return True
    try:
        listed = repository.run("ls-tree", "-r", "-z", "--full-tree", commit, f"{root.name}/")
        there = {f"{root.name}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.py")}
    except (GitUnavailable, OSError):
        return True
    entries = (entry.partition("\t") for entry in os.fsdecode(listed).split("\0") if entry)
    known = {name: meta.split(" ")[2] for meta, _, name in entries if name.endswith(".py")}
    digits = max(map(len, known.values()), default=40)
    return known != {name: object_id("blob", content, digits) for name, content in there.items()}
