"""Git over smart HTTP for a fake platform: `git http-backend` on a folder of bare repositories, read only."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from pathlib import Path

from tests.fakes.hub.router import Answer, Call
from tests.fakes.hub.world import World

_GIT_PATH = re.compile(r"/[^/]+/[^/]+/(info/refs|git-upload-pack|HEAD|objects/.+)")


def is_git(path: str) -> bool:
    """Tell whether a path is one that git asks for."""
    return _GIT_PATH.fullmatch(path) is not None


def answer(world: World, root: Path, call: Call) -> Answer:
    """Answer a fetch of `<root>/owner/name.git`; a private repository wants any of the world's tokens."""
    owner, name, *rest = call.path.strip("/").split("/")
    name = name.removesuffix(".git")
    repo = world.repositories.get(f"{owner}/{name}".lower())
    if repo is not None and repo.private and not _authenticated(world, call):
        return Answer(status=401, body=b"", headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
    return backend(root, "/".join([f"{owner}/{name}.git", *rest]), call)


def backend(root: Path, path: str, call: Call) -> Answer:
    """Let git answer a call for what lies at `path` below the folder of repositories."""
    query = "&".join(f"{key}={value}" for key, value in call.query.items())
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        # The folder may belong to somebody else in a container.
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "PATH_INFO": f"/{path}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": call.method,
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(call.body)),
        "HTTP_CONTENT_ENCODING": call.headers.get("content-encoding", ""),
        "HTTP_GIT_PROTOCOL": call.headers.get("git-protocol", ""),
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(["git", "http-backend"], input=call.body, env=environment, capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, headers = 200, {}
    for line in head.decode("latin-1").split("\r\n"):
        key, _, value = line.partition(": ")
        if key.lower() == "status":
            status = int(value.split()[0])
        elif key:
            headers[key] = value
    return Answer(status=status, body=body, headers=headers)


def _authenticated(world: World, call: Call) -> bool:
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value).decode("utf-8", "replace").partition(":")[2]
        except ValueError:
            return False
    return any(token.value == value.strip() for token in world.tokens.values())
