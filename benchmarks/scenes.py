"""What the measured programs are run on: a fresh checkout, and jobs on a GitHub that is served beside them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bootstrap  # noqa: E402 - the checkout is put on the path first
from tests.e2e import consumer, gitlab_shop  # noqa: E402
from tests.fakes.faults import latency  # noqa: E402
from tests.fakes.github import FakeGitHub  # noqa: E402
from tests.fakes.gitlab import FakeGitLab  # noqa: E402
from tests.fakes.hub.world import FaultSpec  # noqa: E402

HOME: Final = Path(sys.prefix).parent
"""The folder of environments that this very process runs from."""

PYTHON: Final = bootstrap.BASE_PYTHON


@dataclass(frozen=True)
class Checkout:
    """A copy of what a runner fetches: without the byte code that tests leave in this one."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Checkout:
        """Copy the programs and the locks."""
        folder.mkdir()
        shutil.copy2(ROOT / "bootstrap.py", folder)
        for helper in ROOT.glob("ci_guard_native*.so"):  # where somebody has built it
            shutil.copy2(helper, folder)
        for part in ("ci_guard", "requirements"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        return cls(folder)

    def bootstrapped(self, *arguments: str, home: Path = HOME) -> list[str]:
        """Return ci-guard's command as the README and the action run it."""
        return [PYTHON, "-I", str(self.folder / "bootstrap.py"), "--home", str(home), *arguments]

    def bare(self, *arguments: str) -> list[str]:
        """Return the same without the bootstrap's verification before it."""
        python = bootstrap.ready_environment(HOME, "runtime", None) / "bin/python"
        return [str(python), "-I", "-B", "-X", "utf8", str(self.folder / "ci_guard/__main__.py"), *arguments]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that the gate is run in."""

    path: Path
    """Its work tree."""
    environ: Mapping[str, str]
    report: Path
    """Where its JSON report goes."""
    wanted: tuple[str, ...] = ("check", "--platform", "github", "--enforce")
    """What the wiring asks of ci-guard."""


def small_repository(folder: Path) -> Path:
    """Make a repository of three commits and return its work tree."""
    return consumer.make(FakeGitHub(), folder).path


@contextmanager
def job(folder: Path, *, event: str, latency_seconds: float) -> Iterator[Job]:
    """Give a job about a pull request that two people approved: of the push of its merge, or of itself."""
    fake = FakeGitHub()
    shop = consumer.make(fake, folder / "shop", merged=event == "push", approved_by=("bob", "carol"))
    if event == "push":
        run = shop.repo.run("push", actor="olivia", sha=shop.merge)
        payload = fake.events(shop.repo).push("main", before=shop.base, sender="olivia")
    else:
        run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
        payload = fake.events(shop.repo).pull_request(shop.pull)
    token = fake.token("job", rate_limit=10**6).value
    environ = fake.job_environment(shop.repo, run, payload, folder / "job", GITHUB_TOKEN=token)
    if latency_seconds:
        slow = FaultSpec(match="GET /**", kind="latency", arguments={"seconds": latency_seconds})
        fake.world.faults.append(slow)
    with served(fake, folder) as address:
        environ |= {"GITHUB_API_URL": address["url"], "GITHUB_SERVER_URL": address["html_url"]}
        environ |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
        yield Job(path=shop.path, environ=environ, report=folder / "report.json")


@contextmanager
def gitlab_job(folder: Path, *, merged: bool, latency_seconds: float) -> Iterator[Job]:
    """Give a job on a GitLab with the job token and an ID token: of the push of a merge, or of the merge request."""
    with FakeGitLab() as fake:
        # Whoever merges has a level that the job token shows; of others it takes a stronger token.
        shop = gitlab_shop.make(fake, folder / "shop", merged=merged, approved_by=("carol",))
        started = shop.push() if merged else shop.change("merge")
        if latency_seconds:
            fake.fault("GET /**", latency(latency_seconds))
        environ = fake.job_environment(started, CI_GUARD_ID_TOKEN=fake.id_token(started))
        environ |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
        wanted = ("check", "--platform", "gitlab", "--enforce", "--server", fake.url, "--audience", "ci-guard")
        yield Job(path=shop.path, environ=environ, report=folder / "report.json", wanted=wanted)


@contextmanager
def served(fake: FakeGitHub, folder: Path) -> Iterator[dict[str, str]]:
    """Serve what a fake knows by a process of its own and give its addresses."""
    state, ready = folder / "state.json", folder / "ready.json"
    state.write_text(json.dumps(fake.world.to_json()), encoding="utf-8")
    command = [sys.executable, "-m", "tests.fakes.github", "--state", str(state), "--ready-file", str(ready)]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        while not ready.exists():
            if server.poll() is not None:
                raise RuntimeError("the fake GitHub did not start")
            time.sleep(0.02)
        yield json.loads(ready.read_text(encoding="utf-8"))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
