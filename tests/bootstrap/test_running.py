"""How the program is run: isolated, from this checkout, with its own exit code, arguments and signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bootstrap.checkout import ROOT, Checkout, site_packages, sole_environment, told


def tree(folder: Path) -> list[str]:
    """Return every path below a folder with its time of change."""
    return sorted(f"{path} {path.lstat().st_mtime_ns}" for path in folder.rglob("*"))


def test_the_program_is_this_checkouts_and_sees_its_environment_only(checkout: Checkout, built_home: Path) -> None:
    facts = told(checkout.run("--home", built_home, "check", environment={}))
    site = site_packages(sole_environment(built_home))
    assert facts["path"][0] == str(checkout.folder)
    assert facts["path"][-1] == str(site)
    assert [entry for entry in facts["path"] if "site-packages" in entry or "dist-packages" in entry] == [str(site)]
    assert facts["module"] == str(site / "greeting/__init__.py")
    assert (facts["isolated"], facts["utf8"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("check", "--platform", "gitlab"), "gitlab"),
        (("check", "--audit-log", "log,key"), "signing"),
        (("check", "--audit-log", "log,sigstore"), "sigstore"),
    ],
)
def test_what_needs_more_runs_as_isolated_in_an_environment_of_its_own(
    checkout: Checkout, tmp_path: Path, arguments: tuple[str, ...], kind: str
) -> None:
    facts = told(checkout.run("--home", tmp_path, *arguments))
    assert facts["module"] == str(site_packages(sole_environment(tmp_path, kind)) / "greeting/__init__.py")
    assert (facts["isolated"], facts["utf8"]) == (1, 1)


@pytest.mark.parametrize(
    "arguments", [[], ["check", "a b", "", "--home", "x"], ["check", "--tests", "*", "$HOME", "é"], ["-m", "x"]]
)
def test_arguments_arrive_as_they_are(checkout: Checkout, built_home: Path, arguments: list[str]) -> None:
    assert told(checkout.run("--home", built_home, *arguments, environment={}))["arguments"] == arguments


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_the_exit_code_is_the_programs(checkout: Checkout, built_home: Path, code: int) -> None:
    assert checkout.run("--home", built_home, "exit", str(code), environment={}).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_program(checkout: Checkout, built_home: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        checkout.command("--home", built_home, "wait"), env={}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.wait(timeout=10) == -number


@pytest.mark.parametrize(("isolated", "fresh"), [(True, True), (True, False), (False, False)])
def test_hostile_files_and_variables_change_nothing(
    checkout: Checkout, home: Path, tmp_path: Path, isolated: bool, fresh: bool
) -> None:
    """In the current folder and on PYTHONPATH lie modules that the bootstrap, pip or the program would import."""
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("hashlib", "zipfile", "subprocess", "pip", "json", "greeting", "ci_guard", "usercustomize"):
        (hostile / f"{name}.py").write_text("import sys; print('EVIL', file=sys.stderr); sys.exit('evil')\n")
    variables = {
        "PYTHONPATH": str(hostile),
        "PYTHONSTARTUP": str(hostile / "json.py"),
        "PYTHONUSERBASE": str(hostile),
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "PYTHONINSPECT": "1",
        "PYTHONPYCACHEPREFIX": str(tmp_path / "byte-code"),
    }
    if fresh:
        shutil.rmtree(sole_environment(home))
    environment = checkout.environment(**variables)
    run = checkout.run("--home", home, "check", environment=environment, cwd=hostile, isolated=isolated)
    facts = told(run)
    assert facts["greeting"] == "hello"
    assert "EVIL" not in run.stderr
    assert facts["folder"] == str(hostile)
    assert facts["environment"].keys().isdisjoint(variables)


def test_the_program_inherits_all_but_what_loads_code(checkout: Checkout, built_home: Path) -> None:
    kept = {"GITHUB_TOKEN": "t", "CI_GUARD_TOKEN": "t", "CI": "true", "HTTPS_PROXY": "p", "PATH": "/bin", "HOME": ""}
    dropped = {"LD_AUDIT": "", "OPENSSL_CONF": "/dev/null", "PYTHONHASHSEED": "0", "DYLD_INSERT_LIBRARIES": ""}
    facts = told(checkout.run("--home", built_home, "check", environment=kept | dropped))
    inherited = facts["environment"]
    assert {name: inherited.get(name) for name in kept} == kept
    assert inherited.keys().isdisjoint(dropped)


@pytest.mark.parametrize("variables", [{"HOME": ""}, {"HOME": "/dev/null"}])
def test_no_home_folder_is_needed(checkout: Checkout, tmp_path: Path, variables: dict[str, str]) -> None:
    """The other tests have no HOME at all."""
    run = checkout.run("--home", tmp_path / "home", "check", environment=checkout.environment(**variables))
    assert told(run)["greeting"] == "hello"


def test_nothing_is_written_outside_its_own_folder(tmp_path: Path) -> None:
    checkout = Checkout.create(tmp_path / "checkout")
    for folder in ("home", "temporary", "current"):
        (tmp_path / folder).mkdir()
    environment = checkout.environment(HOME=str(tmp_path / "home"), TMPDIR=str(tmp_path / "temporary"))
    before = tree(tmp_path)
    for _ in range(2):
        told(checkout.run("check", environment=environment, cwd=tmp_path / "current"))
    changed = set(tree(tmp_path)) ^ set(before)
    own = (f"{checkout.folder}/.bootstrap", f"{checkout.folder} ")
    assert changed
    assert not [line for line in changed if not line.startswith(own)]


def test_the_development_environment_runs_in_the_checkout(checkout: Checkout, built_home: Path, tmp_path: Path) -> None:
    tests = checkout.run("--home", built_home, "--tests", "-k", "a b", environment={}, cwd=tmp_path)
    assert tests.stdout == f"{checkout.folder} ['-k', 'a b']\n", tests.stderr
    program = "import ci_guard, greeting; print(ci_guard.__file__)"
    tool = checkout.run("--home", built_home, "--dev", "-c", program, environment={}, cwd=tmp_path)
    assert tool.stdout == f"{checkout.folder}/ci_guard/__init__.py\n", tool.stderr


@pytest.mark.parametrize("arguments", [["--home"], ["--home", ""]])
def test_a_missing_folder_is_a_usage_error(checkout: Checkout, arguments: list[str]) -> None:
    run = checkout.run(*arguments)
    assert (run.returncode, run.stderr) == (2, "ci-guard bootstrap: --home needs a folder.\n")


def test_a_folder_that_cannot_be_written_is_named(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = checkout.run("--home", tmp_path / "file/home", "check")
    assert run.returncode == 4
    assert f"{tmp_path}/file/home" in run.stderr
    assert "choose another with --home DIR" in run.stderr
    assert "Traceback" not in run.stderr


def works(python: str) -> bool:
    """Tell whether a Python runs; pyenv leaves commands on PATH that do not."""
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def old_python() -> str | None:
    """Return a Python older than 3.10 on this machine, if there is one."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    versions = [f"3.{minor}" for minor in range(9, 5, -1)]
    found = [shutil.which(f"python{version}") for version in versions]
    built = [next(iter(root.glob(f"{version}.*/bin/python3")), None) for version in versions]
    candidates = [str(python) for python in (*built, *found) if python]
    return next((python for python in candidates if works(python)), None)


def test_an_old_python_is_told_so() -> None:
    python = old_python()
    if python is None:
        pytest.skip("no Python older than 3.10 on this machine")
    run = subprocess.run(
        [python, "-I", str(ROOT / "bootstrap.py"), "check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 4
    assert "ci-guard needs Python 3.10 or newer" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_runs_as_a_module_and_as_a_file() -> None:
    """Run as a file, Python puts the package's own folder on the path, where its `secrets` hides another one."""
    path = str(ROOT / "ci_guard/__main__.py")
    for command in ([path], ["-I", path], ["-m", "ci_guard"]):
        version = [sys.executable, *command, "--version"]
        run = subprocess.run(version, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.stdout.startswith("ci-guard "), run.stderr
