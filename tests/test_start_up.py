"""Start-up is part of the product: no command loads what it does not use. Counted in modules, not in seconds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.e2e import consumer, gitlab_shop
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab

ROOT = Path(__file__).resolve().parent.parent

FORGES = frozenset({"github", "gitlab", "requests", "urllib3", "certifi", "jwt", "nacl", "cryptography"})
HEAVY = FORGES | {"yaml", "jsonschema", "hyperscan", "argparse", "subprocess", "concurrent", "asyncio", "ssl"}
HEAVY |= {"typing", "pathlib", "re"}

UNASKED = {
    *("ci_guard.controls.admission", "ci_guard.controls.guard_integrity", "ci_guard.evidence.survey"),
    *("ci_guard.evidence.github.glass", "ci_guard.evidence.github.workflow", "ci_guard.evidence.github.enforcement"),
    *("ci_guard.evidence.gitlab.glass", "ci_guard.evidence.gitlab.pipeline", "ci_guard.evidence.gitlab.enforcement"),
}
"""What judges, or tells, what the policies here do not ask."""

RUN = """\
import sys
sys.path.insert(0, sys.argv[1])
from ci_guard.entrypoints.cli import main
code = main(sys.argv[3:])
modules = sorted(sys.modules)
import json
with open(sys.argv[2], "w") as file:
    json.dump({"code": code, "modules": modules}, file)
"""


def modules_of(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> set[str]:
    """Run the command in a process of its own and return the modules that it has loaded at its end."""
    told = folder / "told.json"
    command = [sys.executable, "-I", "-c", RUN, str(ROOT), str(told), *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    found = json.loads(told.read_text(encoding="utf-8"))
    assert found["code"] == 0, done.stdout
    return set(found["modules"])


def test_the_version_loads_next_to_nothing(tmp_path: Path) -> None:
    modules = modules_of(tmp_path, "--version")
    assert HEAVY.isdisjoint(modules)
    assert {name for name in modules if name.startswith("ci_guard")} == {
        "ci_guard",
        "ci_guard.entrypoints",
        "ci_guard.entrypoints.cli",
        "ci_guard.entrypoints.process",
    }


def test_a_scan_that_finds_nothing_loads_what_it_takes_and_no_more(tmp_path: Path) -> None:
    repository = tmp_path / "clean"
    repository.mkdir()
    (repository / "clean.txt").write_text("nothing to hide\n", encoding="utf-8")
    for words in (("init",), ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "Begin")):
        subprocess.run(["git", *words], cwd=repository, capture_output=True, check=True)
    ours = sorted(name for name in modules_of(repository, "scan") if name.partition(".")[0] == "ci_guard")
    assert ours == (ROOT / "tests/scan_modules.txt").read_text(encoding="utf-8").split()


def test_a_scan_that_finds_nothing_loads_of_the_standard_library_nothing_slow(tmp_path: Path) -> None:
    (tmp_path / "clean.txt").write_text("nothing to hide\n", encoding="utf-8")
    slow = {"concurrent", "dataclasses", "inspect", "json", "logging", "secrets", "shutil", "tempfile", "traceback"}
    slow |= {"base64", "_hashlib", "pathlib", "urllib"}
    assert slow & modules_of(tmp_path, "scan") == set()


@pytest.mark.parametrize("command", ["check", "scan"])
def test_outside_ci_no_forge_library_is_loaded(tmp_path: Path, command: str) -> None:
    (tmp_path / "clean.txt").write_text("nothing to hide\n", encoding="utf-8")
    modules = modules_of(tmp_path, command)
    assert FORGES.isdisjoint(modules)
    assert "jsonschema" not in modules


@pytest.mark.parametrize(("lock", "environment"), [("runtime", ""), ("signing", "production")])
def test_a_gate_loads_of_its_forge_library_only_what_asks_and_of_the_others_nothing(
    github: FakeGitHub, tmp_path: Path, lock: str, environment: str
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token().value)
    environ |= github.id_tokens.grant(environ, "production")
    named = ("--environment", environment) if environment else ()
    modules = modules_of(shop.path, "check", "--platform", "github", "--enforce", *named, environ=environ)
    assert "github.Requester" in modules
    assert {"github.MainClass", "github.Repository", "nacl", "gitlab", "jsonschema", *UNASKED}.isdisjoint(modules)
    assert ({"jwt", "cryptography"} & modules != set()) == bool(environment), "loaded where a token is verified"
    assert used(modules) <= locked(lock), "the environment has what a gate loads"
    assert {"pygithub", "requests", "hyperscan", "pyyaml"} <= used(modules)


@pytest.mark.parametrize("token", [False, True], ids=["job token", "ID token"])
def test_a_gate_on_gitlab_loads_what_its_lock_has_and_verifies_only_what_is_there(
    gitlab: FakeGitLab, tmp_path: Path, token: bool
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\ncontrols: {actor-permissions: {require: {actor: write}}}\n", encoding="utf-8")
    job = shop.push()
    environ = gitlab.job_environment(job, **({"CI_GUARD_ID_TOKEN": gitlab.id_token(job)} if token else {}))
    options = ("--enforce", "--server", gitlab.url, "--audience", "ci-guard", "--policy", str(policy))
    modules = modules_of(shop.path, "check", "--platform", "gitlab", *options, environ=environ)
    assert "gitlab.client" in modules
    assert {"gitlab.v4.objects", "github", "nacl", "jsonschema", *UNASKED}.isdisjoint(modules)
    assert ({"jwt", "cryptography"} <= modules) == token
    assert used(modules) <= locked("gitlab")
    assert {"python-gitlab", "requests", "pyyaml"} <= used(modules)


def locked(kind: str) -> set[str]:
    """Return the packages of a lock."""
    lock = (ROOT / f"requirements/{kind}.txt").read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def used(modules: set[str]) -> set[str]:
    """Return the packages that modules come from."""
    owners = packages_distributions()
    return {owner.lower().replace("_", "-") for name in modules if "." not in name for owner in owners.get(name, ())}


def test_a_package_of_which_a_part_was_loaded_is_whole_for_whoever_asks_for_more(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from ci_guard.evidence.github.pygithub import Requester\n"
        "import github\n"
        "assert 'github.MainClass' not in sys.modules and not hasattr(github, '__wrapped__')\n"
        "from github import Auth, Github, GithubException\n"
        "assert isinstance(Github(auth=Auth.Token('t')).requester, Requester)\n"
        "assert github.Requester.Requester is Requester and github.Github is Github\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program], cwd=tmp_path, check=True)
