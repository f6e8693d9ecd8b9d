"""How actions and templates start the bootstrap: with the machine's own Python, and of the job only what is listed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bootstrap.checkout import ROOT

STANDARD = "/usr/local/bin/python3 /usr/bin/python3 /opt/homebrew/bin/python3"

BOOTSTRAP = """\
import json, os, sys
print(json.dumps({"python": sys.executable, "isolated": sys.flags.isolated, "site": not sys.flags.no_site,
                  "arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}))
"""

KEPT = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "b",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.example/token",
    "CI": "true",
    "CI_GUARD_INPUT_POLICY": "p.yml",
    "CI_PIPELINE_SOURCE": "push",
    "CI_GUARD_TOKEN": "stronger",
    "GITHUB_TOKEN": "t",
    "GITHUB_WORKSPACE": "/somewhere",
    "GITLAB_USER_ID": "7",
    "HOME": "/home/somebody",
    "LANG": "C.UTF-8",
    "PIP_INDEX_URL": "https://packages.example/simple",
    "RUNNER_TEMP": "/temporary",
    "XDG_CONFIG_HOME": "/config",
    "https_proxy": "http://proxy.example",
}

PLANTED = {
    **dict.fromkeys(("BASH_ENV", "ENV", "LD_DEBUG_OUTPUT", "GLIBC_TUNABLES", "HOSTALIASES", "RES_OPTIONS"), "x"),
    **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONPLATLIBDIR"), "x"),
    **dict.fromkeys(
        ("GIT_DIR", "GIT_EXEC_PATH", "GIT_CONFIG_COUNT", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND"), "x"
    ),
    **dict.fromkeys(("OPENSSL_CONF", "SSLKEYLOGFILE", "UV_INDEX_URL", "UV_PYTHON", "NODE_OPTIONS", "TMPDIR"), "x"),
    **dict.fromkeys(("POSIXLY_CORRECT", "EXECIGNORE", "GLOBIGNORE", "TMOUT", "IFS", "BASH_LOADABLES_PATH"), "x"),
    **dict.fromkeys(("ACTIONS_RUNTIME_TOKEN", "ACTIONS_CACHE_URL", "ACTIONS_STEP_DEBUG"), "x"),
    **dict.fromkeys(("DYLD_INSERT_LIBRARIES", "__PYVENV_LAUNCHER__", "PS4", "SHELLOPTS", "BASHOPTS", "CDPATH"), "x"),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose bootstrap tells how it was started."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    shutil.copyfile(ROOT / "launch.sh", folder / "launch.sh")
    (folder / "bootstrap.py").write_text(BOOTSTRAP)
    return folder


def launch(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-p", str(checkout / "launch.sh"), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=checkout.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return dict(json.loads(done.stdout))


def without_standard_pythons(checkout: Path) -> None:
    """Let the launcher find nothing in the places where a machine has its own Python."""
    path = checkout / "launch.sh"
    text = path.read_text(encoding="utf-8")
    assert text.count(STANDARD) == 1
    path.write_text(text.replace(STANDARD, str(checkout / "no-python3")), encoding="utf-8")


def fits(python: str) -> bool:
    probe = re.search(r"fits='(.*?)'", (ROOT / "launch.sh").read_text(encoding="utf-8"), re.DOTALL)
    assert probe is not None
    return os.path.exists(python) and not subprocess.run([python, "-I", "-S", "-c", probe[1]], check=False).returncode


def test_nothing_is_heard_of_the_job_but_what_is_listed(checkout: Path) -> None:
    environment = told(launch(checkout, **KEPT, **PLANTED))["environment"]
    own = {"PATH": environment["PATH"], "TMPDIR": "/temporary"}
    shell = {name: environment[name] for name in ("_", "SHLVL", "PWD", "OLDPWD", "LC_CTYPE") if name in environment}
    assert environment == {**KEPT, **own, **shell}


def test_functions_and_options_of_the_environment_are_not_taken(checkout: Path) -> None:
    functions = {
        f"BASH_FUNC_{name}%%": "() { exit 0; }" for name in ("exec", "export", "compgen", "set", "unset", "[[")
    }
    assert told(launch(checkout, "x", **functions, SHELLOPTS="xtrace:noexec"))["arguments"] == ["x"]


@pytest.mark.parametrize("arguments", [(), ("check", "a b", "", "*", "$HOME", "é", "--home", "-x")])
def test_arguments_arrive_as_they_are_and_python_is_isolated(checkout: Path, arguments: tuple[str, ...]) -> None:
    facts = told(launch(checkout, *arguments))
    assert (facts["arguments"], facts["isolated"], facts["site"]) == (list(arguments), 1, False)
    assert facts["folder"] == str(checkout.parent)


def test_the_machines_own_python_comes_before_any_on_path(checkout: Path, tmp_path: Path) -> None:
    expected = next((python for python in STANDARD.split() if fits(python)), None)
    if expected is None:
        pytest.skip("no Python that fits stands in a standard place here")
    planted(tmp_path / "planted/python3")
    environment = {"PATH": f"{tmp_path}/planted", "CI_GUARD_LIBRARY_PATH": str(tmp_path)}
    facts = told(launch(checkout, **environment))
    assert facts["python"] == expected
    assert "LD_LIBRARY_PATH" not in facts["environment"]


def test_standard_places_come_first_for_git_as_well(checkout: Path, tmp_path: Path) -> None:
    path = told(launch(checkout, PATH=f"{tmp_path}/planted"))["environment"]["PATH"]
    assert path == f"/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:{tmp_path}/planted"


def test_without_one_the_first_on_path_outside_the_workspace_is_used(checkout: Path, tmp_path: Path) -> None:
    without_standard_pythons(checkout)
    planted(tmp_path / "workspace/bin/python3")
    (tmp_path / "tool cache").mkdir()
    (tmp_path / "tool cache/python3").symlink_to(os.path.realpath(sys.executable))
    path = f".:bin:{tmp_path}/workspace/bin:{tmp_path}/tool cache:/usr/bin"
    environment = {"PATH": path, "GITHUB_WORKSPACE": f"{tmp_path}/workspace", "CI_GUARD_LIBRARY_PATH": "/library"}
    facts = told(launch(checkout, **environment))
    assert facts["python"] == f"{tmp_path}/tool cache/python3"
    assert facts["environment"]["LD_LIBRARY_PATH"] == "/library"
    assert "CI_GUARD_LIBRARY_PATH" not in facts["environment"]


def test_a_machine_without_python_is_told_so(checkout: Path, tmp_path: Path) -> None:
    without_standard_pythons(checkout)
    done = launch(checkout, PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (4, "")
    assert "there is no python3 here" in done.stderr


def test_a_tool_cache_that_can_be_written_keeps_the_environment(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tool cache"
    tools.mkdir()
    assert told(launch(checkout, "check", RUNNER_TOOL_CACHE=str(tools)))["arguments"] == [
        *("--home", f"{tools}/ci-guard", "check"),
    ]


@pytest.mark.parametrize("value", ["", "{folder}/nowhere", "{folder}/file", "/proc"])
def test_without_such_a_tool_cache_the_environment_lies_beside_the_action(
    checkout: Path, tmp_path: Path, value: str
) -> None:
    """`/proc` stands for a folder that nobody may write to, the superuser included."""
    (tmp_path / "file").touch()
    tools = value.format(folder=tmp_path)
    if tools == "/proc" and os.access("/proc", os.W_OK):
        pytest.skip("this user may write everywhere")
    assert told(launch(checkout, "check", RUNNER_TOOL_CACHE=tools))["arguments"] == ["check"]


def test_the_folder_of_wheels_is_handed_on(checkout: Path) -> None:
    assert told(launch(checkout, "check", CI_GUARD_INPUT_WHEELS="-a folder"))["arguments"] == [
        *("--wheels", "-a folder", "check"),
    ]


def test_the_pythons_that_are_taken_are_those_that_the_package_names() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    minors = sorted(int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", text))
    bounds = re.search(r"\(3, (\d+)\) <= sys.version_info < \(3, (\d+)\)", (ROOT / "launch.sh").read_text())
    assert bounds is not None
    assert (int(bounds[1]), int(bounds[2])) == (minors[0], minors[-1] + 1)


def planted(path: Path) -> None:
    """Write a program that pretends that all is well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho '{}'\nexit 0\n")
    path.chmod(0o755)
