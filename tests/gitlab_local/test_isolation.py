"""
What a project, its pipelines or its other jobs plant opens no gate and closes none.

Each test runs one merge request that must stay denied and one that must be allowed. What cannot be kept out is tried as
well: it gets through, and docs/threat-model.md names it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.gitlab_local import runner
from tests.gitlab_local.runner import ROOT, Ran
from tests.gitlab_local.scene import Lab, Shop

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

both = pytest.mark.parametrize("verdict", ["deny", "allow"])


def module(mark: Path) -> str:
    """Return a Python module that ends the program as if all were well, and tells the test of it."""
    return f"import os; open({str(mark)!r}, 'w').close(); os._exit(0)\n"


def script(mark: Path) -> str:
    """Return a shell program that does the same."""
    return f"#!/bin/sh\n: > {mark}\nexit 0\n"


def plant(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def judge(
    lab: Lab, verdict: str, *, variables: Mapping[str, str] | None = None, ci: str | None = None, **settings: Any
) -> Ran:
    """Run the guard of a merge request that is in order or not, and require the verdict."""
    shop = lab.shop(ci or lab.pipeline(), sound=verdict == "allow", **settings)
    ran = lab.run(shop, shop.proposed(**(variables or {})), *([] if ci else ["ci-guard"]))
    assert ran.verdict == verdict, ran.log
    assert ran.jobs["ci-guard"] == (0 if verdict == "allow" else 1), ran.log
    assert not (lab.folder / "mark").exists(), "what was planted ran"
    return ran


@both
def test_variables_of_a_pipeline(lab: Lab, verdict: str) -> None:
    folder, mark = lab.folder / "planted", lab.folder / "mark"
    site = f"home/.local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    modules = ("requests.py", "gitlab.py", "sitecustomize.py", "usercustomize.py", f"{site}/usercustomize.py")
    programs = ("git-rev-parse", "git-cat-file", "git-remote-http", "ssh", "bin/git", "bin/python3", "bin/mktemp")
    plant(
        folder,
        {
            **dict.fromkeys(modules, module(mark)),
            f"{site}/planted.pth": module(mark),
            **dict.fromkeys(programs, script(mark)),
            "home/.gitconfig": f"[core]\n\tfsmonitor = {folder}/ssh\n",
            "home/.netrc": "machine 127.0.0.1\nlogin nobody\n",
            "empty.pem": "",
        },
    )
    here = str(folder)
    variables = {
        **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"), here),
        **dict.fromkeys(("PYTHONINSPECT", "PYTHONVERBOSE", "PYTHONOPTIMIZE"), "1"),
        "PYTHONSTARTUP": f"{here}/requests.py",
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_TARGET": here,
        "UV_PYTHON": f"{here}/bin/python3",
        "HOME": f"{here}/home",
        "GIT_DIR": f"{here}/nowhere",
        "GIT_EXEC_PATH": here,
        "GIT_CONFIG_GLOBAL": f"{here}/home/.gitconfig",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"{here}/ssh",
        **dict.fromkeys(("GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND", "GIT_ASKPASS", "GIT_PAGER"), f"{here}/ssh"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": here,
        "GIT_TRACE": "1",
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:1"),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), f"{here}/empty.pem"),
        "OPENSSL_CONF": f"{here}/nowhere",
        "CI_GUARD_INPUT_MODE": "report",
        "CI_GUARD_INPUT_CONTROLS": "actor-permissions",
        "CI_GUARD_INPUT_POLICY": "theirs.yml",
        "CI_GUARD_INPUT_SERVER": "http://127.0.0.1:1",
        "CI_GUARD_INPUT_SOURCE": here,
        "CI_GUARD_LIBRARY_PATH": here,
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": "http://127.0.0.1:1",
        "JENKINS_URL": "http://127.0.0.1:1",
        "RUNNER_TOOL_CACHE": here,
        "TMPDIR": f"{here}/nowhere",
        "POSIXLY_CORRECT": "1",
        "IFS": "x",
        "CDPATH": here,
    }
    judge(lab, verdict, variables=variables)


DEFAULTS = """\
default:
  image: busybox
  before_script: [MARK]
  after_script: [MARK]
  hooks: {pre_get_sources_script: [MARK]}
  cache: {paths: [planted]}
  artifacts: {paths: [planted]}
  interruptible: true
  retry: 2
variables:
  PYTHONPATH: $CI_PROJECT_DIR
  BASH_ENV: $CI_PROJECT_DIR/planted.sh
  CI_GUARD_INPUT_MODE: report
  CI_API_V4_URL: http://127.0.0.1:1/api/v4
  CI_COMMIT_SHA: '0000000000000000000000000000000000000000'
  GITLAB_USER_LOGIN: carol
"""


@both
def test_defaults_and_variables_of_the_project_s_file(lab: Lab, verdict: str) -> None:
    mark = lab.folder / "mark"
    more = DEFAULTS.replace("MARK", f"touch {mark}")
    shop = lab.shop(
        lab.pipeline(more=more), sound=verdict == "allow", files={"planted.sh": script(mark), "yaml.py": module(mark)}
    )
    # Variables of a file lie below a pipeline's, and gitlab-ci-local takes what the runner sets for a pipeline's.
    kept = {"CI_API_V4_URL", "CI_COMMIT_SHA", "GITLAB_USER_LOGIN"}
    variables = {name: value for name, value in shop.proposed().items() if name not in kept}
    ran = lab.run(shop, variables, "ci-guard")
    assert ran.verdict == verdict, ran.log
    assert not mark.exists(), "what was planted ran"


@both
def test_variables_that_an_earlier_job_leaves(lab: Lab, verdict: str) -> None:
    mark = lab.folder / "mark"
    left = [
        "CI_GUARD_INPUT_MODE=report",
        f"PYTHONPATH={lab.folder}",
        f"BASH_ENV={lab.folder}/planted.sh",
        "CI_API_V4_URL=http://127.0.0.1:1/api/v4",
        "GITLAB_USER_LOGIN=carol",
    ]
    plant(lab.folder, {"planted.sh": script(mark), "yaml.py": module(mark)})
    sneaky = {
        "stage": "build",
        "script": [f"echo {line} >> left.env" for line in left],
        "artifacts": {"reports": {"dotenv": "left.env"}},
    }
    ci = lab.pipeline(lab.inputs(stage="test"), more=f"stages: [build, test]\nsneaky: {json.dumps(sneaky)}")
    ran = judge(lab, verdict, ci=ci)
    assert ran.jobs["sneaky"] == 0


@both
def test_files_of_the_checkout(lab: Lab, verdict: str) -> None:
    mark = lab.folder / "mark"
    names = ("yaml.py", "gitlab.py", "sitecustomize.py", "ci_guard/__init__.py", "ci_guard/__main__.py", "bootstrap.py")
    files = {
        **dict.fromkeys(names, module(mark)),
        **dict.fromkeys(("launch.sh", "git", "python3", ".bashrc", ".profile"), script(mark)),
        "pip.conf": "[global]\nindex-url = http://127.0.0.1:1/simple\n",
        "pyvenv.cfg": "home = /nowhere\n",
        ".ci-guard-reports/report.json": '{"verdict": "allow"}\n',
        ".ci-guard.yml": "version: 1\nmode: report\ncontrols: {actor-permissions: {require: {actor: read}}}\n",
    }
    judge(lab, verdict, files=files)


def forged(shop: Shop) -> dict[str, dict[str, str]]:
    """Return predefined variables as somebody might set them, by what they claim."""
    other = shop.project.run("push", user="carol", ref="main")
    return {
        "another server": {"CI_API_V4_URL": "http://127.0.0.1:1/api/v4"},
        "another instance": {"CI_SERVER_URL": "http://127.0.0.1:1"},
        "another project": {"CI_PROJECT_ID": "4711"},
        "another path": {"CI_PROJECT_PATH": "acme/other"},
        "another commit": {"CI_COMMIT_SHA": shop.base},
        "somebody else": {"GITLAB_USER_ID": "4711", "GITLAB_USER_LOGIN": "carol"},
        "another source": {"CI_PIPELINE_SOURCE": "schedule"},
        "another pipeline": {"CI_PIPELINE_ID": "4711"},
        "another job": {"CI_JOB_ID": "4711"},
        "another merge request": {"CI_MERGE_REQUEST_IID": "4711"},
        "another target": {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "unprotected"},
        "another ref": {"CI_COMMIT_REF_NAME": "main"},
        "the ID token of another job": {"CI_GUARD_ID_TOKEN": shop.instance.id_token(other)},
        "an ID token that is none": {"CI_GUARD_ID_TOKEN": ".".join(["e30"] * 3)},
        "the token of another job": {"CI_JOB_TOKEN": shop.instance.world.job_token(other).value},
    }


FORGED = (
    *("another server", "another instance", "another project", "another path", "another commit", "somebody else"),
    *("another source", "another pipeline", "another job", "another merge request", "another target", "another ref"),
    *("the ID token of another job", "an ID token that is none", "the token of another job"),
)


@pytest.mark.parametrize("claim", FORGED)
def test_an_overridden_predefined_variable_is_caught(lab: Lab, claim: str) -> None:
    shop = lab.shop(lab.pipeline())
    variables = shop.proposed()
    claims = forged(shop)
    assert set(claims) == set(FORGED)
    ran = lab.run(shop, {**variables, **claims[claim]}, "ci-guard")
    assert ran.verdict != "allow", ran.log
    assert ran.jobs["ci-guard"] != 0, ran.log
    assert not any(value in ran.log for name, value in claims[claim].items() if name.endswith("_TOKEN"))


THREATS: dict[str, tuple[str, str]] = {
    "the job by its name, with another script": ("ci-guard: {script: ['true']}", "a job of the same name"),
    "the job by its name, which may fail": ("ci-guard: {allow_failure: true}", "`allow_failure`"),
    "the job by its name, never": ("ci-guard: {rules: [{when: never}]}", "`rules`"),
}


@pytest.mark.parametrize(("more", "named"), THREATS.values(), ids=THREATS.keys())
def test_what_only_an_execution_policy_stops_is_named(lab: Lab, more: str, named: str) -> None:
    shop = lab.shop(lab.pipeline(more=more), sound=False)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs["build"]) == (0, 0), ran.log
    assert named in threat_model()


@pytest.mark.parametrize(("name", "value"), [("BASH_ENV", "planted/start.sh"), ("HOME", "planted")])
def test_code_in_the_runner_s_own_shell_is_named(lab: Lab, name: str, value: str) -> None:
    """The runner's shell reads this before the first line of the job; `HOME` where it takes itself for a login."""
    mark = lab.folder / "mark"
    plant(lab.folder / "planted", dict.fromkeys(("start.sh", ".bashrc", ".profile"), f": > {mark}; exit 0\n"))
    shop = lab.shop(lab.pipeline(), sound=False)
    ran = lab.run(shop, shop.proposed(**{name: f"{lab.folder}/{value}"}), "ci-guard")
    assert mark.exists(), ran.log
    assert f"`{name}`" in threat_model()


def test_a_later_job_that_does_not_need_the_guard_is_named(lab: Lab) -> None:
    eager = {"stage": "build", "needs": [], "script": ["echo at once"]}
    shop = lab.shop(lab.pipeline(more=f"eager: {json.dumps(eager)}"), sound=False)
    ran = lab.run(shop, shop.proposed())
    assert (ran.jobs["eager"], ran.jobs["ci-guard"]) == (0, 1), ran.log
    assert "`needs: []`" in threat_model()


def threat_model() -> str:
    """Return what the threat model says of GitLab."""
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    return text.partition("## On GitLab\n")[2].partition("\n## ")[0]
