"""The one safe way to run git: reading only, blind to the environment, deaf to the repository's own configuration."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from ci_guard.errors import GitUnavailable

TIMEOUT_SECONDS: Final = 120.0

_NULL: Final = os.devnull

_ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": _NULL,
    "GIT_CONFIG_GLOBAL": _NULL,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",
    # Replacement objects and grafts show other commits than the ones that were named.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": _NULL,
    # A partial clone would fetch what it lacks with whatever transport its configuration names.
    # The older way to forbid that, for a git that does not know the first variable, is to allow no protocol at all.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}

# An earlier step can have planted anything in the repository's own configuration; what `-c` says wins over it.
_OVERRIDES: Final = {
    "safe.directory": "*",  # a container job's checkout belongs to another user; nothing of it is executed here
    "core.hooksPath": _NULL,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.commitGraph": "false",  # a planted graph file lies about parents
    "core.useReplaceRefs": "false",
    "core.excludesFile": _NULL,
    "core.attributesFile": _NULL,
    "core.ignoreCase": "false",
    "core.pager": "cat",
    "core.askPass": "",
    "core.sshCommand": "false",
    "credential.helper": "",
    "diff.external": "",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}

_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CREDENTIALS_IN_URL: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/]*@")


class EntryKind(str, Enum):
    """What stands at a path of a tree."""

    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    FOLDER = "folder"


class TreeEntry(NamedTuple):
    """One line of a tree."""

    mode: bytes
    oid: str
    path: bytes
    """From the root of the tree, with `/`, as git stores it."""

    @property
    def kind(self) -> EntryKind:
        """What the mode says this is."""
        special = {b"120000": EntryKind.SYMLINK, b"160000": EntryKind.SUBMODULE, b"040000": EntryKind.FOLDER}
        return special.get(self.mode, EntryKind.FILE)


@dataclass(frozen=True, kw_only=True)
class Blob:
    """What a commit has at one path."""

    kind: EntryKind
    size: int = 0
    content: bytes | None = None
    """Of a file that is not larger than asked for; else None."""


class Walk(NamedTuple):
    """The commits of a range, newest first: each before its parents."""

    commits: tuple[str, ...]
    complete: bool
    """False when a shallow clone cuts the range short."""


class ObjectStream:
    """One object of a batch; its content is read once, in order, before the next object is asked for."""

    def __init__(self, oid: str, kind: str | None, size: int, source: IO[bytes]) -> None:
        """Stand before the first byte of the content."""
        self.oid = oid
        self.kind = kind
        """`blob`, `tree`, `commit`, `tag`, or None when this clone does not have the object."""
        self.size = size
        self._left = size
        self._source = source

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; empty at the end."""
        piece = self._source.read(min(size, self._left))
        if not piece and self._left:
            raise GitUnavailable(f"git cat-file stopped inside object {self.oid}", hint="check the clone with git fsck")
        self._left -= len(piece)
        return piece


@dataclass(frozen=True, kw_only=True)
class Repository:
    """
    A repository on this machine, opened for reading.

    Raises: every method `GitUnavailable` when git fails, is too slow, or an object that it needs is missing.
    """

    git: str
    git_dir: Path
    common_dir: Path
    """Where objects and refs are; differs from `git_dir` in a linked worktree."""
    work_tree: Path | None
    """None for a bare repository."""
    object_format: str
    """`sha1` or `sha256`."""
    timeout_seconds: float = TIMEOUT_SECONDS

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, timeout_seconds: float = TIMEOUT_SECONDS) -> Repository:
        """
        Open the repository that holds `path`, or the bare one at `path`.

        The work tree is where `.git` was found: `core.worktree` and `core.bare` are the repository's own word.

        Raises: `GitUnavailable` with one message each for no such folder, no repository, no git, and one that git
        cannot read.
        """
        if not Path(path).is_dir():
            raise GitUnavailable(f"{path} is not a folder", hint="name the folder of a checkout")
        folder = Path(path).resolve()
        found = locate(folder)
        if found is None:
            raise GitUnavailable(
                f"{folder} is not inside a git repository",
                hint="run in a checkout (actions/checkout, GIT_STRATEGY: clone), or name one",
            )
        git_dir, work_tree = found
        git = find_git(work_tree or git_dir)
        probe = cls(
            git=git,
            git_dir=git_dir,
            common_dir=git_dir,
            work_tree=work_tree,
            object_format="sha1",
            timeout_seconds=timeout_seconds,
        )
        answer = os.fsdecode(probe.run("rev-parse", "--show-object-format", "--git-common-dir"))
        object_format, _, common_dir = answer.removesuffix("\n").partition("\n")
        return cls(
            git=git,
            git_dir=git_dir,
            common_dir=Path(probe._folder, common_dir),
            work_tree=work_tree,
            object_format="sha256" if object_format == "sha256" else "sha1",
            timeout_seconds=timeout_seconds,
        )

    @property
    def _folder(self) -> Path:
        return self.work_tree or self.git_dir

    def _command(self, arguments: tuple[str | bytes, ...]) -> list[str | bytes]:
        overrides = [part for key, value in _OVERRIDES.items() for part in ("-c", f"{key}={value}")]
        return [self.git, "--no-pager", *overrides, *arguments]

    def _environment(self) -> dict[str, str]:
        places = {"GIT_DIR": str(self.git_dir)} | ({"GIT_WORK_TREE": str(self.work_tree)} if self.work_tree else {})
        kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
        return kept | _ENVIRONMENT | places

    def run(self, *arguments: str | bytes, stdin: bytes = b"", accept: tuple[int, ...] = (0,)) -> bytes:
        """Return what git writes. Text from outside belongs behind `--end-of-options` or `--`, or on standard input."""
        try:
            done = subprocess.run(
                self._command(arguments),
                input=stdin,
                capture_output=True,
                cwd=self._folder,
                env=self._environment(),
                timeout=self.timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GitUnavailable(
                f"git {_name(arguments)} did not finish within {self.timeout_seconds:g} seconds"
            ) from error
        except OSError as error:
            raise GitUnavailable(f"git could not be started: {error.strerror}") from error
        if done.returncode not in accept:
            raise _failure(arguments, done.stderr, done.returncode)
        return done.stdout

    def rev_parse(self, revision: str, kind: str = "commit") -> str | None:
        """Return the full id of the `kind` that a revision names, or None when there is none in this clone."""
        name = _encoded(revision)
        if not name or any(sign in name for sign in b"\n\r\0"):
            return None
        answer = self.run("cat-file", "--batch-check", stdin=b"%b^{%b}\n" % (name, kind.encode()))
        fields = answer.decode("utf-8", "replace").split()
        return fields[0] if len(fields) == 3 and fields[1] == kind and _OBJECT_ID.fullmatch(fields[0]) else None

    def head(self) -> str | None:
        """Return the commit that is checked out, or None in a repository without one."""
        return self.rev_parse("HEAD")

    def branch(self) -> str | None:
        """Return the full ref that is checked out (also one without a commit), or None when the head is detached."""
        name = self.run("symbolic-ref", "--quiet", "HEAD", accept=(0, 1))
        return os.fsdecode(name.rstrip(b"\n")) or None

    @property
    def is_bare(self) -> bool:
        """Whether there is no work tree."""
        return self.work_tree is None

    def is_empty(self) -> bool:
        """Return whether there is no commit at all, neither checked out nor under any ref."""
        return self.head() is None and not self.run("for-each-ref", "--count=1")

    def is_shallow(self) -> bool:
        """Return whether history is cut."""
        return bool(self.shallow_commits())

    def shallow_commits(self) -> frozenset[str]:
        """Return the commits whose parents this clone was told to forget."""
        return frozenset(_lines(self.common_dir / "shallow"))

    def has_grafts(self) -> bool:
        """Return whether a graft file would rewrite parents for a git that reads it."""
        return any(not line.startswith("#") for line in _lines(self.common_dir / "info" / "grafts"))

    def has_replacements(self) -> bool:
        """Return whether replacement objects would show other content to a git that honours them."""
        return bool(self.run("for-each-ref", "--count=1", "refs/replace/"))

    def remotes(self) -> dict[str, str]:
        """Return the address of each remote, without credentials."""
        answer = self.run(
            "config", "--local", "--no-includes", "-z", "--get-regexp", r"^remote\..*\.url$", accept=(0, 1)
        )
        pairs = (os.fsdecode(item).partition("\n") for item in answer.split(b"\0") if item)
        return {key[len("remote.") : -len(".url")]: _CREDENTIALS_IN_URL.sub(r"\1", url) for key, _, url in pairs}

    def commits(self, base: str | None, head: str, *, first_parent: bool = False) -> Walk:
        """Return the commits reachable from `head` but not from `base`; both are full ids of commits that are here."""
        options = ["--first-parent"] if first_parent else []
        ends = [_checked(head), *([f"^{_checked(base)}"] if base else [])]
        commits = tuple(self.run("rev-list", "--topo-order", *options, *ends, "--").decode().split())
        return Walk(commits, self.shallow_commits().isdisjoint(commits))

    def first_parents(self, base: str, head: str) -> Walk:
        """Return the commits that a branch gained on its way from `base` to `head`, without what merges brought in."""
        return self.commits(base, head, first_parent=True)

    def tree(self, commit: str) -> Iterator[TreeEntry]:
        """Yield every file, symbolic link and submodule of a commit."""
        return _entries(self.run("ls-tree", "-r", "-z", "--full-tree", _checked(commit)))

    def read_blob(self, commit: str, path: str, *, limit_bytes: int = 1 << 20) -> Blob | None:
        """Return what the commit (a full id) has at `path`, or None when it verifiably has nothing there."""
        wanted = _encoded(path)
        if not wanted or b"\0" in wanted:
            raise GitUnavailable(f"{path!r} is no path")
        listing = self.run("ls-tree", "-z", "--full-tree", _checked(commit), "--", wanted)
        entry = next((entry for entry in _entries(listing) if entry.path == wanted), None)
        if entry is None:
            return None
        if entry.kind is not EntryKind.FILE:
            return Blob(kind=entry.kind)
        for stream in self.objects([entry.oid]):
            if stream.kind == "blob":
                content = stream.read(stream.size) if stream.size <= limit_bytes else None
                return Blob(kind=EntryKind.FILE, size=stream.size, content=b"" if stream.size == 0 else content)
        raise GitUnavailable(
            f"the content of {path} at {commit[:12]} is not in this clone", hint="fetch without a filter"
        )

    def objects(self, oids: Iterable[str]) -> Generator[ObjectStream, None, None]:
        """
        Yield each object in the given order; one that this clone lacks has no kind.

        Contents are streamed, so that memory stays bounded. What was not read of one is passed over.
        """
        # Files rather than pipes, which would have to be fed and emptied while reading.
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as complaints:
            wanted.writelines(_checked(oid).encode() + b"\n" for oid in oids)
            wanted.seek(0)
            process = subprocess.Popen(
                self._command(("cat-file", "--batch", "--buffer")),
                stdin=wanted,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=1 << 18,
                cwd=self._folder,
                env=self._environment(),
            )
            deadline = threading.Timer(self.timeout_seconds, process.kill)
            deadline.daemon = True
            deadline.start()
            output = cast("IO[bytes]", process.stdout)
            try:
                yield from _batch(output)
                if process.wait() != 0:
                    complaints.seek(0)
                    raise _failure(("cat-file",), complaints.read(1 << 16), process.returncode)
            finally:
                deadline.cancel()
                process.kill()
                process.wait()
                output.close()


def locate(folder: Path) -> tuple[Path, Path | None] | None:
    """
    Return the git folder and the work tree that hold an absolute folder, or None.

    A bare repository counts only at `folder` itself and outside every work tree: else a folder that a change adds could
    pose as one.
    """
    for place in (folder, *folder.parents):
        if os.path.lexists(place / ".git"):
            return place / ".git", place
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
        return folder, None
    return None


def find_git(workspace: Path) -> str:
    """Return the absolute path of the first git on PATH that is not in the workspace, where anybody could put one."""
    inside = os.path.realpath(workspace)
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(folder, "git.exe" if os.name == "nt" else "git")
        places = (Path(candidate), Path(os.path.realpath(candidate)))
        if (
            os.path.isabs(folder)
            and os.path.isfile(candidate)
            and os.access(candidate, os.X_OK)
            and not any(place.is_relative_to(inside) for place in places)
        ):
            return candidate
    raise GitUnavailable("git was not found on PATH", hint="install git in this job's image")


def _batch(source: IO[bytes]) -> Iterator[ObjectStream]:
    while header := source.readline():
        fields = header.split()
        oid = fields[0].decode()
        if len(fields) != 3:
            yield ObjectStream(oid, None, 0, source)
            continue
        stream = ObjectStream(oid, fields[1].decode(), int(fields[2]), source)
        yield stream
        while stream.read(1 << 20):
            pass
        source.read(1)  # the line feed behind each content


def _entries(listing: bytes) -> Iterator[TreeEntry]:
    for line in listing.split(b"\0"):
        if line:
            fields, _, path = line.partition(b"\t")
            mode, _, oid = fields.split(b" ")
            yield TreeEntry(mode, oid.decode(), path)


def _encoded(text: str) -> bytes | None:
    """Return the bytes of a path or a ref as git has them, whatever the locale; None for what no bytes stand for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None


def _checked(oid: str) -> str:
    if not _OBJECT_ID.fullmatch(oid):
        raise GitUnavailable("a full object id was expected", hint="resolve the revision first")
    return oid


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8", "replace").split("\n") if line.strip()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise GitUnavailable(f"{path} cannot be read: {error.strerror}") from error


def _name(arguments: tuple[str | bytes, ...]) -> str:
    return os.fsdecode(arguments[0])


def _failure(arguments: tuple[str | bytes, ...], complaints: bytes, code: int) -> GitUnavailable:
    """Return the error with git's own words: the fatal line, without the warnings before and the advice after it."""
    lines = complaints.decode("utf-8", "replace").splitlines()
    fatal = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0] if lines else "")
    why = fatal.removeprefix("fatal: ").removeprefix("error: ")[:300] or f"exit {code}"
    return GitUnavailable(f"git {_name(arguments)} failed: {why}", hint="check the clone with git fsck")
