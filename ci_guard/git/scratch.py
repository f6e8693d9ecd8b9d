"""A repository of our own for the time of one task, which fetches and pushes one branch of one remote."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ci_guard.errors import GitUnavailable, unrevealing
from ci_guard.git import ssh
from ci_guard.git.command import ENVIRONMENT, OVERRIDES, find_git
from ci_guard.git.process import Begun, Launch
from ci_guard.git.ssh import Ssh
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass

SECONDS: Final = 60.0
"""For one call; a remote that is silent is given up earlier."""

SETTINGS: Final[Mapping[str, str]] = {
    "core.repositoryFormatVersion": "1",
    "extensions.partialClone": "origin",
    "remote.origin.promisor": "true",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "15",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
"""Of the repository: contents are not fetched where names are enough, and nothing is sent elsewhere than asked."""

_IDENTITY: Final = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "ci-guard"), ("EMAIL", "ci-guard@localhost"))
}


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A remote and what it is reached by; nothing comes from the environment or from anybody's configuration."""

    url: str
    """`https`, `http`, `file` or SSH in either form; without credentials."""
    header: str = ""
    """A header with credentials, which travels in no argument and in no file."""
    proxy: str = ""
    """For HTTP; SSH goes by none."""
    ca_bundle: str = ""
    ssh: Ssh | None = None


@dataclass(frozen=True)
class Scratch:
    """
    The repository. No hook, filter or helper runs on this side.

    Raises: every method `GitUnavailable` with git's own words.
    """

    launch: Launch

    def run(self, *arguments: str, stdin: bytes = b"", accept: tuple[int, ...] = (0,)) -> bytes:
        """Return what git writes."""
        return Begun(self.launch, arguments, stdin).output(SECONDS, accept)

    def fetch(self, branch: str, *, contents: bool = False) -> str | None:
        """Fetch the newest commit of a branch and return its id, None where there is no such branch."""
        ref = f"refs/heads/{branch}"
        listed = self.run("ls-remote", "--refs", "origin", ref).decode("ascii", "replace").split("\n")
        named = [line.partition("\t")[0] for line in listed if line.partition("\t")[2] == ref]
        if not named:
            return None
        kept = () if contents else ("--filter=blob:none",)
        self.run(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", *kept, "origin", f"+{ref}:{ref}"
        )
        return self.run("rev-parse", "--verify", "--quiet", ref).decode("ascii").strip()

    def push(self, commit: str, branch: str) -> None:
        """Send a commit that continues the branch; a remote whose branch went on meanwhile refuses it."""
        sent = f"{commit}:refs/heads/{branch}"
        said = self.run("push", "--porcelain", "--no-verify", "origin", sent, accept=(0, 1))
        for line in said.decode("utf-8", "replace").split("\n"):
            if line.startswith("!\t"):
                reason = unrevealing("".join(sign for sign in line.rpartition("\t")[2] if sign.isprintable()))[:300]
                raise GitUnavailable(f"git push failed: {reason}")
        if not said.rstrip().endswith(b"Done"):
            raise GitUnavailable("git push failed: the server took nothing and gave no reason")

    def message(self, commit: str) -> bytes:
        """Return the message of a commit."""
        return self.run("cat-file", "commit", commit).partition(b"\n\n")[2]

    def files(self, commit: str) -> dict[str, str]:
        """Return the ids of a commit's files by path, in git's order."""
        found = {}
        for line in self.run("ls-tree", "-r", "-z", commit).decode("utf-8", "surrogateescape").split("\0"):
            about, _, path = line.partition("\t")
            if path:
                found[path] = about.split(" ")[2]
        return found

    def read(self, objects: Iterable[str], longest: int) -> Iterator[bytes]:
        """Yield the contents of files, each as it is asked for and at most so many bytes."""
        process = self.launch.start(("cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            for stream in process.ask_all(objects):
                if stream.kind != "blob" or stream.size > longest:
                    raise GitUnavailable(f"{stream.oid} is no file of at most {longest:,} bytes")
                yield stream.read(longest)
        finally:
            process.end()

    def commit(self, parent: str | None, files: Mapping[str, bytes], message: str) -> str:
        """
        Return a new commit that adds files to those of its parent.

        None of these is read, and none may be replaced: a pack would be made against it, which was not fetched.
        """
        self.run("read-tree", parent or "--empty")
        lines = []
        for path, content in files.items():
            blob = self.run("hash-object", "-w", "--no-filters", "--stdin", stdin=content).decode("ascii").strip()
            lines.append(f"100644 {blob}\t{path}\n")
        self.run("update-index", "--add", "--index-info", stdin="".join(lines).encode())
        tree = self.run("write-tree", "--missing-ok").decode("ascii").strip()
        after = ("-p", parent) if parent else ()
        made = self.run("commit-tree", *after, tree, stdin=message.encode()).decode("ascii").strip()
        if not OBJECT_ID.fullmatch(made):
            raise GitUnavailable("git commit-tree named no commit")
        return made


@contextmanager
def scratch(remote: Remote) -> Iterator[Scratch]:
    """Give a repository that is gone afterwards."""
    git = find_git(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="ci-guard-git-") as folder:
        place = Path(folder, "log.git")
        secret = ssh.environment(Path(folder), remote.ssh) if remote.ssh else {}
        around = {**environment(folder, remote), **secret}
        made = Scratch(Launch(command=command(git, remote), cwd=Path(folder), environ=around))
        made.run("init", "--quiet", "--bare", "--template=", os.fspath(place))
        settings = {**SETTINGS, "remote.origin.url": remote.url}
        for key, value in settings.items():
            made.run("config", "--file", os.fspath(place / "config"), key, value)
        yield Scratch(Launch(command=made.launch.command, cwd=place, environ={**around, "GIT_DIR": os.fspath(place)}))


def command(git: str, remote: Remote) -> list[str]:
    """Return how git is called up to the subcommand; what `-c` says wins over every file."""
    overrides = {
        **OVERRIDES,
        **{key: value for key, value in SETTINGS.items() if key.startswith("http.")},
        "http.proxy": remote.proxy,
        **({"http.sslCAInfo": remote.ca_bundle} if remote.ca_bundle else {}),
    }
    return [git, "--no-pager", *(part for key, value in overrides.items() for part in ("-c", f"{key}={value}"))]


def environment(home: str, remote: Remote) -> dict[str, str]:
    """Return the whole environment of git, but for the place of its repository."""
    scheme = "ssh" if remote.ssh else remote.url.partition(":")[0]
    secret = (
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": remote.header}
        if remote.header
        else {}
    )
    return ENVIRONMENT | _IDENTITY | {"HOME": home, "GIT_ALLOW_PROTOCOL": scheme} | secret
