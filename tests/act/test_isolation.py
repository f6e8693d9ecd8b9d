"""
What the checkout or an earlier step of the same job plants opens no gate and closes none.

Each test runs one job in which an unreviewed merge must stay denied, and one in which a reviewed one must be allowed.
What cannot be kept out is named in docs/threat-model.md.
"""

from __future__ import annotations

import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.act import runner
from tests.act.scene import Act, pushed, shop_with
from tests.fakes.github import FakeGitHub

pytestmark = [pytest.mark.act, pytest.mark.parametrize("verdict", ["deny", "allow"])]

IN_THE_GUARD = "CI_GUARD_INPUT_PROXY"
"""A variable that only the step of the guard has: what is planted runs in the workflow's own later steps as well."""

LIBRARY = """
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
/* Ends every process of the guard as if all were well, and tells the test of it. */
__attribute__((constructor)) static void planted(void) {
  char line[65536];
  int in = open("/proc/self/cmdline", O_RDONLY), out;
  ssize_t size = in < 0 ? 0 : read(in, line, sizeof line);
  for (ssize_t i = 0; i < size; i++) if (!line[i]) line[i] = ' ';
  if (!memmem(line, size, "launch.sh", 9) && !memmem(line, size, "bootstrap.py", 12) &&
      !memmem(line, size, "ci_guard", 8) && !memmem(line, size, "site.getsitepackages", 20)) return;
  out = open(MARK, O_WRONLY | O_CREAT | O_APPEND, 0600);
  write(out, line, size);
  _exit(0);
}
"""


def module(mark: Path) -> str:
    """Return a Python module that ends the program as if all were well, and tells the test of it."""
    return f"import os; open({str(mark)!r}, 'w').close(); os._exit(0)\n"


def script(mark: Path, *, always: bool = True) -> str:
    """Return a shell program that does the same; not `always`: in the guard's step alone."""
    condition = "" if always else f'[ -z "${{{IN_THE_GUARD}+x}}" ] || '
    return f"#!/bin/sh\n{condition}: > {mark}\nexit 0\n"


def step(*lines: str) -> str:
    """Return a step of the workflow that runs these lines."""
    return "      - run: |\n" + "".join(f"          {line}\n" for line in lines)


def setting(variables: Mapping[str, str]) -> str:
    """Return a step that sets variables for all later ones."""
    return step(*(f"echo '{name}={value}' >> \"$GITHUB_ENV\"" for name, value in variables.items()))


def judge(
    github: FakeGitHub,
    act: Act,
    tmp_path: Path,
    verdict: str,
    *,
    before: str,
    inputs: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> runner.Ran:
    """Run the guard after `before` and require the verdict."""
    flow = runner.workflow(before=before, inputs=inputs)
    approved_by = ("bob",) if verdict == "allow" else ()
    shop = shop_with(github, tmp_path / "shop", flow, files=files, approved_by=approved_by)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs.get("verdict"), ran.built) == (verdict, verdict == "allow"), ran.log
    assert not (tmp_path / "mark").exists(), "what was planted ran"
    return ran


def library(folder: Path, mark: Path) -> Path:
    """Build the library that ends the guard; skip where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to build a library with")
    folder.mkdir()
    (folder / "planted.c").write_text(LIBRARY)
    command = [compiler, "-shared", "-fPIC", "-D_GNU_SOURCE", f'-DMARK="{mark}"', "-o", "planted.so", "planted.c"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "planted.so"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def test_variables_of_every_kind(github: FakeGitHub, act: Act, tmp_path: Path, verdict: str) -> None:
    folder, mark = tmp_path / "planted", tmp_path / "mark"
    site = f"home/.local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    names = ("requests.py", "sitecustomize.py", "usercustomize.py", "encodings/__init__.py", f"{site}/usercustomize.py")
    write(
        folder,
        {
            **dict.fromkeys(names, module(mark)),
            f"{site}/planted.pth": module(mark),
            **dict.fromkeys(("start.sh", "home/.bashrc", "home/.profile"), script(mark, always=False)),
            **dict.fromkeys(("git-rev-parse", "git-cat-file", "ssh"), script(mark)),
            "home/.gitconfig": f"[core]\n\tfsmonitor = {folder}/ssh\n",
            "home/.config/pip/pip.conf": "[global]\nindex-url = http://127.0.0.1:1/simple\n",
            "empty.pem": "",
        },
    )
    here = str(folder)
    variables = {
        **dict.fromkeys(("BASH_ENV", "ENV"), f"{here}/start.sh"),
        **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"), here),
        **dict.fromkeys(("PYTHONINSPECT", "PYTHONVERBOSE", "PYTHONDEBUG", "PYTHONOPTIMIZE"), "1"),
        "PYTHONSTARTUP": f"{here}/requests.py",
        "PYTHONWARNINGS": "error",
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_CONFIG_FILE": f"{here}/home/.config/pip/pip.conf",
        "PIP_TARGET": here,
        "UV_INDEX_URL": "http://127.0.0.1:1/simple",
        "UV_PYTHON": f"{here}/python3",
        "GIT_DIR": f"{here}/nowhere",
        "GIT_EXEC_PATH": here,
        "GIT_CONFIG_GLOBAL": f"{here}/home/.gitconfig",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"{here}/ssh",
        "GIT_SSH": f"{here}/ssh",
        "GIT_SSH_COMMAND": f"{here}/ssh",
        "GIT_PROXY_COMMAND": f"{here}/ssh",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": here,
        "GIT_TRACE": "1",
        "GIT_PAGER": f"{here}/ssh",
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy"), "http://127.0.0.1:1"),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), f"{here}/empty.pem"),
        "OPENSSL_CONF": f"{here}/nowhere",
        "SSLKEYLOGFILE": f"{here}/keys",
        "HOSTALIASES": f"{here}/nowhere",
        "GLIBC_TUNABLES": "glibc.malloc.check=3",
        "LC_ALL": "C",
        "CDPATH": here,
        "HOME": f"{here}/home",
        "XDG_CONFIG_HOME": f"{here}/home/.config",
        "TMPDIR": f"{here}/nowhere",
        "SHELLOPTS": "xtrace",
        "PS4": f'$([ -z "${{{IN_THE_GUARD}+x}}" ] || : > {mark})',
        **dict.fromkeys(("BASH_FUNC_exec%%", "BASH_FUNC_export%%", "BASH_FUNC_compgen%%"), "() { exit 0; }"),
        "GITHUB_WORKSPACE": here,
        "GITHUB_ACTION_PATH": here,
        "CI_GUARD_INPUT_MODE": "report",
        "CI_GUARD_INPUT_CONTROLS": "actor-permissions",
        "CI_GUARD_INPUT_POLICY": "planted.yml",
        "CI_GUARD_INPUT_WHEELS": f"{here}/nowhere",
        "CI_GUARD_LIBRARY_PATH": here,
        "CI_GUARD_TOKEN": "planted",
    }
    judge(github, act, tmp_path, verdict, before=setting(variables))
    assert not (folder / "keys").exists()


def test_files_of_the_checkout_and_beside_it(github: FakeGitHub, act: Act, tmp_path: Path, verdict: str) -> None:
    mark = tmp_path / "mark"
    modules = ("requests.py", "sitecustomize.py", "usercustomize.py", "yaml.py", "github/__init__.py", "bootstrap.py")
    checkout = {
        **dict.fromkeys((*modules, "ci_guard/__init__.py", "lib/python3.11/site-packages/requests.py"), module(mark)),
        **dict.fromkeys(("launch.sh", "python3", "git", "bash"), script(mark)),
        "planted.pth": module(mark),
        "pyvenv.cfg": "home = /nonexistent\ninclude-system-site-packages = true\n",
        "pip.conf": "[global]\nindex-url = http://127.0.0.1:1/simple\n",
    }
    beside = [
        "chmod +x python3 git bash",
        'for folder in .. "$RUNNER_TEMP" "$RUNNER_TOOL_CACHE" "$RUNNER_TOOL_CACHE/ci-guard"; do',
        '  cp -r pyvenv.cfg pip.conf planted.pth sitecustomize.py requests.py lib "$folder/"',
        "done",
        *(f"git config {key} ./git" for key in ("core.pager", "core.sshCommand", "diff.external", "alias.cat-file")),
        *("mkdir -p .git/hooks", "cp git .git/hooks/post-index-change"),
        *("git config filter.planted.clean ./git", "echo '* filter=planted' > .git/info/attributes"),
        "git config core.fsmonitor ./git",
    ]
    judge(github, act, tmp_path, verdict, before=step(*beside), files=checkout)


def test_programs_on_path(github: FakeGitHub, act: Act, tmp_path: Path, verdict: str) -> None:
    """They are the workflow's own later steps' too, so only the guard's answer is looked at."""
    names = ("python3", "python", "git", "bash", "sh", "env", "dirname", "readlink", "pip", "python3.11")
    write(tmp_path / "planted", dict.fromkeys(names, script(tmp_path / "mark", always=False)))
    flow = runner.workflow(before=step(f'echo {tmp_path}/planted >> "$GITHUB_PATH"'))
    approved_by = ("bob",) if verdict == "allow" else ()
    shop = shop_with(github, tmp_path / "shop", flow, approved_by=approved_by)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.outputs.get("verdict") == verdict, ran.log
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"])
def test_libraries(github: FakeGitHub, act: Act, tmp_path: Path, verdict: str, name: str) -> None:
    mark = tmp_path / "mark"
    planted = library(tmp_path / "planted", mark)
    for other in ("libz.so.1", "libexpat.so.1"):  # Python's, not bash's: the workflow's own steps go on
        shutil.copy(planted, planted.parent / other)
    value = str(planted.parent if name == "LD_LIBRARY_PATH" else planted)
    judge(github, act, tmp_path, verdict, before=setting({name: value}))
    assert not mark.exists(), mark.read_text()
    told = [shutil.which("python3", path="/usr/local/bin:/usr/bin") or sys.executable, "-I", "-c", "'launch.sh'"]
    affected = subprocess.run(told, env={name: value}, check=False, capture_output=True)
    assert mark.exists() or affected.returncode, "the library would not have been loaded anyway"


def test_a_tampered_environment_in_the_tool_cache(
    github: FakeGitHub, act: Act, tmp_path: Path, guard_checkout: Path, verdict: str
) -> None:
    """It is thrown away and built again, from a folder of wheels that also holds one of somebody else's."""
    cache = runner.tool_cache(guard_checkout) / "ci-guard"
    (environment,) = cache.glob("runtime-*")
    wheels = tmp_path / "wheels"
    shutil.copytree(environment / "wheels", wheels)
    shutil.copy(next(wheels.glob("requests-*")), wheels / "requests-99-py3-none-any.whl")
    (wheels / "requests-98-py3-none-any.whl").write_bytes(b"planted")
    site = f"{environment}/lib/python3*/site-packages"
    write(tmp_path, {"planted.py": module(tmp_path / "mark")})
    tampering = [f"cp {tmp_path}/planted.py $(echo {site})/{name}" for name in ("sitecustomize.py", "yaml/__init__.py")]
    inputs = {"wheels": str(wheels)}
    ran = judge(github, act, tmp_path, verdict, before=step(*tampering), inputs=inputs)
    assert "thrown away and built again" in ran.log
    assert f"from {wheels}" in ran.log


class HostileIndex(http.server.BaseHTTPRequestHandler):
    """Serves under the name of every wheel something else."""

    names: tuple[str, ...] = ()

    def do_GET(self) -> None:
        body = b"planted"
        if self.path.startswith("/simple/"):
            wanted = self.path.split("/")[2].replace("-", "_").lower()
            body = "".join(
                f'<a href="/files/{name}">{name}</a>' for name in self.names if name.lower().startswith(f"{wanted}-")
            ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path.startswith("/simple/") else "application/zip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


@pytest.fixture
def hostile_index(guard_checkout: Path) -> Iterator[str]:
    (environment,) = (runner.tool_cache(guard_checkout) / "ci-guard").glob("runtime-*")
    HostileIndex.names = tuple(wheel.name for wheel in (environment / "wheels").iterdir())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), HostileIndex) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_a_hostile_package_index_can_only_make_the_run_fail(
    github: FakeGitHub, act: Act, tmp_path: Path, hostile_index: str, verdict: str
) -> None:
    flow = runner.workflow(before=setting({"PIP_INDEX_URL": hostile_index, "PIP_TRUSTED_HOST": "127.0.0.1"}))
    approved_by = ("bob",) if verdict == "allow" else ()
    shop = shop_with(github, tmp_path / "shop", flow, approved_by=approved_by)
    ran = act(shop, pushed(github, shop, tmp_path / "job"), cold=True)
    assert (ran.outputs.get("verdict") or None, ran.built, ran.exit_code) == (None, False, 1)
    assert "A package is not the one that the lock names" in ran.log
