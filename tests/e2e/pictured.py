"""The denied runs that the documentation shows: made anew each time, from the same repository and people."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.runs import Run
from tests.secrets.made_up import github_token

SETTING: Final = {
    "GIT_AUTHOR_DATE": "2026-11-20T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-20T09:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""What the caller's environment has to hold, so that every commit has the same id each time."""

RECORD: Final = "\n### Record\n"
"""Where the summary stops to be the same each time: its record tells seconds and the version."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the gate told, with the server's address as GitHub's own."""

    exit_code: int
    summary: str
    """The step summary, in Markdown, up to its record."""
    annotations: str
    """The workflow commands, one a line."""
    log: str
    """What follows them in the job's log, up to its record."""

    @property
    def sample(self) -> str:
        """The verdict and the first of what denies, as a page shows it."""
        verdict = self.log[self.log.index("✘ Denied") :]
        head, first, *_ = verdict.split("\n  ✘ ")
        return f"{head}\n  ✘ {first.rstrip()}\n\n  …\n"


def merged(folder: Path) -> Told:
    """
    Run the gate on a push to `main`.

    Bob approved pull request #1; alice pushed a token to it afterwards, and olivia merged it all the same.
    """
    with FakeGitHub() as github:
        shop = consumer.make(
            github,
            folder / "shop",
            head_files={"shop/cart.py": "ITEMS = []\n"},
            later_files={
                "shop/stock.py": f'import os\n\nSTOCK = os.environ["STOCK_URL"]\nTOKEN = "{github_token()}"\n'
            },
        )
        run = shop.repo.run("push", actor="olivia", sha=shop.merge)
        return tell(github, shop, run, github.events(shop.repo).push("main", before=shop.base, sender="olivia"), folder)


def proposed(folder: Path) -> Told:
    """Run the gate on a pull request of alice's, in a repository where nobody has protected `main` yet."""
    with FakeGitHub() as github:
        shop = consumer.make(github, folder / "shop", merged=False, approved_by=(), protected=False)
        run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
        return tell(github, shop, run, github.events(shop.repo).pull_request(shop.pull), folder)


SAMPLES: Final[Mapping[str, Callable[[Path], Told]]] = {"README.md": merged, "docs/quickstart.md": proposed}
"""By page: the run of which it shows a sample."""

BLOCK: Final = re.compile(r"(^```text\n)(✘.*?)(^```$)", re.DOTALL | re.MULTILINE)
"""The sample in a page."""


def tell(github: FakeGitHub, shop: Consumer, run: Run, payload: dict[str, Any], folder: Path) -> Told:
    """Run the gate, as a process, in a job of this run."""
    job = github.job_environment(shop.repo, run, payload, folder / "job", GITHUB_TOKEN=github.token("job").value)
    done = subprocess.run(
        [sys.executable, "-I", consumer.ROOT / "ci_guard" / "__main__.py", "check", "--platform", "github"],
        cwd=shop.path,
        env={"PATH": os.environ["PATH"], **job},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = Path(job["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    github.check()
    here, there = github.html_url, "https://github.com"
    lines = done.stdout.replace(here, there).splitlines(keepends=True)
    commands = [line for line in lines if line.startswith(("::error ", "::warning ", "::notice "))]
    return Told(
        exit_code=done.returncode,
        summary=summary.replace(here, there).partition(RECORD)[0],
        annotations="".join(commands),
        log="".join(line for line in lines if not line.startswith("::")).partition("\nRecord\n")[0],
    )
