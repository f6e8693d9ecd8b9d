"""A GitLab on this machine: repositories over git's smart HTTP, their files as they are, and the API of a fake."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from tests.fakes import githttp
from tests.fakes.hub.router import Answer, Call
from tests.fakes.server import LoopbackServer, Reply

GIT = re.compile(r"/(.+?)(?:\.git)?/(info/refs|git-upload-pack|HEAD|objects/.+)")
RAW = re.compile(r"/(.+?)/-/raw/([^/]+)/(.+)")

Api = Callable[[Call], Reply]


class Instance:
    """Serves every bare repository `group/name.git` below a folder; `api` answers what lies below `/api/v4`."""

    def __init__(self, root: Path, api: Api | None = None) -> None:
        self.root = root
        self.api = api
        self.private: dict[str, str] = {}
        """By path of a project: the token without which git fetches nothing from it."""
        self.calls: list[str] = []
        """Method, path and kind of token of each call of the API."""
        self._server = LoopbackServer(self._answer)
        self._server.start()
        self.url = self._server.origin

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop()

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
        if found := GIT.fullmatch(call.path):
            return Reply(answer=self._git(call, found[1], found[2]))
        if found := RAW.fullmatch(call.path):
            shown = subprocess.run(
                ["git", "show", f"{found[2]}:{unquote(found[3])}"],
                cwd=self.root / f"{found[1]}.git",
                capture_output=True,
                check=False,
            )
            found_it = shown.returncode == 0
            return Reply(answer=Answer(status=200 if found_it else 404, body=shown.stdout if found_it else b""))
        if call.path.startswith("/api/") and self.api is not None:
            kinds = [name for name in ("job-token", "private-token", "authorization") if name in call.headers]
            self.calls.append(f"{call.method} {call.path} {'+'.join(kinds)}")
            return self.api(call)
        return Reply(answer=Answer(status=404, body={"message": "404 Not Found"}))

    def _git(self, call: Call, path: str, rest: str) -> Answer:
        wanted = self.private.get(path)
        if wanted is not None and not self._opens(call, wanted):
            return Answer(status=401, body=b"", headers={"WWW-Authenticate": 'Basic realm="GitLab"'})
        return githttp.backend(self.root, f"{path}.git/{rest}", call)

    @staticmethod
    def _opens(call: Call, token: str) -> bool:
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "basic" and b64decode(value).decode() == f"gitlab-ci-token:{token}"


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it says."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
