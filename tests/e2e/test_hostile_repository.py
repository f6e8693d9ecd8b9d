"""One repository with every trick in it, scanned by the real command: nothing of it runs, and nothing is lost."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e import consumer
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo
from tests.secrets.test_hostile import HOSTILE

COMMAND = [sys.executable, "-I", "-B", str(consumer.ROOT / "ci_guard/__main__.py")]

NAMES = {
    "line end": "a\nb.txt",
    "workflow command": "::error title=x::y\n::set-output name=z::1",
    "escape sequence": "\x1b[2J\x1b]0;x\x07.txt",
    "option": "--upload-pack=touch canary",
    "dash": "-",
    "pathspec": ":(exclude)*",
    "quote": "a'b\"c$(touch canary)`touch canary`.txt",
    "backslash": "a\\..\\b.txt",
    "blank": " ",
    "tab": "\t.txt",
    "no UTF-8": "n\udcffve.txt",
    "right to left": "\u202egpj.txt",
    "glob": "*",
    "long": "x" * 200,
    "deep": "/".join(["d"] * 60) + "/f.txt",
    "git's own, almost": ".git2/config",
    "home": "~/x",
}

ATTRIBUTES = """\
* filter=evil diff=evil merge=evil ident text eol=crlf working-tree-encoding=UTF-16 export-ignore
*.txt -diff -text binary
"""


class Hostile(NamedTuple):
    repo: Repo
    base: str
    canary: Path
    planted: dict[str, str]
    """Where each secret stands, by how a report calls it; the secrets differ."""


def archives() -> dict[str, str | bytes]:
    """Return archives whose members would leave their folder."""
    as_zip, as_tar = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(as_zip, "w") as file:
        file.writestr("../../../tmp/canary", github_token(900))
        file.writestr("/etc/canary", github_token(901))
    with tarfile.open(fileobj=as_tar, mode="w:gz") as tar:
        for name, kind, link in (("link", tarfile.SYMTYPE, "/"), ("hard", tarfile.LNKTYPE, "/etc/passwd")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            tar.addfile(member)
        member = tarfile.TarInfo("link/../../canary")
        member.size = len(github_token(902))
        tar.addfile(member, io.BytesIO(github_token(902).encode()))
    return {"a.zip": as_zip.getvalue(), "a.tgz": as_tar.getvalue()}


def tricks(repo: Repo, outside: Path) -> None:
    """Put into the work tree what is no plain file, and what leads out of it."""
    outside.mkdir()
    (outside / "secret.txt").write_text(github_token(990))
    path = repo.path
    (path / "loop").symlink_to("loop")
    (path / "one").symlink_to("other")
    (path / "other").symlink_to("one")
    (path / "out").symlink_to(outside)
    (path / "out.txt").symlink_to(outside / "secret.txt")
    (path / "up").symlink_to("..")
    os.mkfifo(path / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        here = Path.cwd()
        os.chdir(path)
        try:
            end.bind("socket")
        finally:
            os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(path / "device", 0o20666, os.makedev(1, 5))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    folder = tmp_path_factory.mktemp("hostile")
    repo, canary = Repo.create(folder / "repo"), folder / "canary"
    run = f"touch {canary}"
    base = repo.commit({"README.md": "hello\n", "gone.txt": "soon gone"})
    planted: dict[str, str] = {}
    for number, name in enumerate(NAMES.values()):
        repo.write({os.fsencode(name).decode("utf-8", "surrogateescape"): github_token(number)})
        planted[name] = github_token(number)
    repo.write(archives())
    planted |= {
        "a.zip!/../../../tmp/canary": github_token(900),
        "a.zip!//etc/canary": github_token(901),
        "a.tgz!/link/../../canary": github_token(902),
    }
    repo.write({f"many/{n % 7}/{n}.txt": str(n) for n in range(1000)})
    repo.write({"line.txt": b"x" * (5 << 20) + b" " + github_token(903).encode() + b" " + b"y" * (3 << 20)})
    planted["line.txt"] = github_token(903)
    repo.write(
        {".gitmodules": f'[submodule "x"]\n\tpath = mod\n\turl = ext::sh -c {run}\n\tupdate = !{run}\n\tbranch = --x\n'}
    )
    repo.git("add", "-A", "-f")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{base},mod")
    attributes = repo.git("hash-object", "-w", "--stdin", stdin=ATTRIBUTES)
    for path in (".gitattributes", "deep/.gitattributes"):
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{attributes},{path}")
    head = repo.commit_index("Everything at once")
    # Last, for they hold for the git that makes this repository, too.
    repo.write({".gitattributes": ATTRIBUTES, "deep/.gitattributes": ATTRIBUTES})
    for ref in ("refs/heads/-upload", "refs/heads/--output=canary", "refs/tags/-x", "refs/remotes/origin/$(id)"):
        repo.git("update-ref", ref, head)
    nested = Repo.create(repo.path / "nested")
    nested.commit({"inner.txt": github_token(904), "gone.txt": "soon gone"})
    planted["nested/inner.txt"] = github_token(904)
    for plant in HOSTILE.values():
        plant(nested, run)
        plant(repo, run)
    repo.write({"untracked.txt": github_token(905), "README.md": "changed"})
    planted["untracked.txt"] = github_token(905)
    tricks(repo, folder / "outside")
    info = repo.path / ".git/objects/info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"/nowhere\n{nested.path / '.git/objects'}\n# --x\n../../../..\n")
    (repo.path / ".git/refs/replace").mkdir()
    (repo.path / f".git/refs/replace/{head}").write_text(f"{base}\n")
    (repo.path / ".git/info/grafts").write_text(f"{head}\n")
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        hook = repo.path / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\n{run}\n")
        hook.chmod(0o755)
    canary.unlink(missing_ok=True)  # the git that made all this may have obeyed
    return Hostile(repo, base, canary, planted)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return everything below a folder, the git folder included, with size and time of change."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(root, name))
            found[os.path.join(root, name)] = (status.st_size, status.st_mtime_ns)
    return found


def findings(report: Path) -> Iterator[dict[str, object]]:
    for judgement in json.loads(report.read_text())["judgements"]:
        if (judgement["requirement"], judgement["outcome"]) == ("no-secrets", "fail"):
            yield judgement


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        pytest.param(("check",), marks=pytest.mark.slow),
        pytest.param(("scan", "--range", "BASE..HEAD"), marks=pytest.mark.slow),
        pytest.param(("scan", "--staged"), marks=pytest.mark.slow),
        pytest.param(("scan", "--history"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_nothing_runs_and_nothing_is_lost(hostile: Hostile, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    report = tmp_path / "report.json"
    words = [word.replace("BASE", hostile.base) for word in arguments]
    before = files_of(hostile.repo.path.parent)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PAGER": f"touch {hostile.canary}"}
    done = subprocess.run(
        [*COMMAND, *words, "--report", f"json={report}"],
        cwd=hostile.repo.path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert not hostile.canary.exists()
    assert files_of(hostile.repo.path.parent) == before
    found = {str(one["location"]["path"]) for one in findings(report)}  # type: ignore[index]
    expected = set(hostile.planted)
    if {"--range", "--staged", "--history"}.intersection(arguments):
        expected -= {"untracked.txt", "nested/inner.txt"}
    if "--staged" in arguments:  # all of it was committed
        expected = set()
    assert expected <= found, done.stdout.decode()
    assert "out.txt" not in found
    assert not any(path.startswith(("out/", "up/", "loop")) for path in found)
    told = json.loads(report.read_text())
    assert told["scan"]["complete"] is False, "replaced objects and grafts are told"
    text = done.stdout + done.stderr + report.read_bytes()
    assert not [name for name, secret in hostile.planted.items() if secret[4:20].encode() in text]
    assert b"\x1b" not in done.stdout + done.stderr
