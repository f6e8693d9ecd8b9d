"""A GitLab on this machine: the fake's API, and its repositories as git fetches them and as plain files."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode
from pathlib import Path
from urllib.parse import unquote

from tests.fakes import githttp
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.router import Answer, Call
from tests.fakes.lab.world import World
from tests.fakes.server import Reply

GIT = re.compile(r"/(.+?)(?:\.git)?/(info/refs|git-upload-pack|HEAD|objects/.+)")
RAW = re.compile(r"/(.+?)/-/raw/([^/]+)/(.+)")


class Instance(FakeGitLab):
    """A fake GitLab that also serves every bare repository `group/name.git` below a folder."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.private: dict[str, str] = {}
        """By path of a project: the job token without which git fetches nothing from it."""

    def forget(self) -> None:
        """Begin anew, but for the repositories."""
        self.world = World()
        self.requests.clear()
        self.violations.clear()
        self.clear_faults()
        self.private.clear()

    def publish(self, source: Path, path: str) -> str:
        """Serve what a repository on disk has now as the project `path`; return its commit."""
        bare = self.root / f"{path}.git"
        if not bare.exists():
            bare.parent.mkdir(parents=True, exist_ok=True)
            git(self.root, "init", "-q", "--bare", "-b", "main", str(bare))
            for name in ("allowFilter", "allowAnySHA1InWant"):
                git(bare, "config", f"uploadpack.{name}", "true")
        git(source, "push", "-q", "--force", str(bare), "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        return git(source, "rev-parse", "HEAD")

    def _answer(self, call: Call) -> Reply:
        if found := RAW.fullmatch(call.path):
            return Reply(answer=self._raw(*found.groups()))
        if not call.path.startswith("/api/") and (found := GIT.fullmatch(call.path)):
            return Reply(answer=self._git(call, found[1], found[2]))
        return super()._answer(call)

    def _raw(self, path: str, ref: str, file: str) -> Answer:
        shown = subprocess.run(
            ["git", "show", f"{ref}:{unquote(file)}"], cwd=self.root / f"{path}.git", capture_output=True, check=False
        )
        return Answer(status=200 if shown.returncode == 0 else 404, body=shown.stdout)

    def _git(self, call: Call, path: str, rest: str) -> Answer:
        wanted = self.private.get(path)
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        given = b64decode(value).decode() if scheme.lower() == "basic" else ""
        if wanted is not None and given != f"gitlab-ci-token:{wanted}":
            return Answer(status=401, body=b"", headers={"WWW-Authenticate": 'Basic realm="GitLab"'})
        return githttp.backend(self.root, f"{path}.git/{rest}", call)


def git(folder: Path, *arguments: str, who: str = "olivia") -> str:
    """Run git as one of the people and return what it says."""
    named = ["-c", f"user.name={who}", "-c", f"user.email={who}@example.invalid"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
    done = subprocess.run(
        ["git", *named, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
