"""Pip hears where an index is and nothing else of the caller, and its failures are told in one paragraph."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import pip_environment, pip_failure
from tests.bootstrap.checkout import ROOT, Checkout, lock_lines, make_wheel, told


def test_no_pip_variable_changes_what_is_done(checkout: Checkout, tmp_path: Path) -> None:
    evil = make_wheel(tmp_path / "evil-wheels", "evil", {"evil.py": "print('EVIL')\n"})
    (tmp_path / "evil.txt").write_text(lock_lines(evil))
    (tmp_path / "pip.conf").write_text(
        f"[global]\ntarget = {tmp_path}/target\nlog = {tmp_path}/log\nindex_url = http://127.0.0.1:1/\n"
    )
    hostile = {
        "PIP_TARGET": f"{tmp_path}/target",
        "PIP_DEST": f"{tmp_path}/dest",
        "PIP_PREFIX": f"{tmp_path}/prefix",
        "PIP_LOG": f"{tmp_path}/log",
        "PIP_REQUIREMENT": f"{tmp_path}/evil.txt",
        "PIP_CONSTRAINT": f"{tmp_path}/evil.txt",
        "PIP_PYTHON": "/bin/false",
        "PIP_PLATFORM": "win32",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_NO_BINARY": ":all:",
        "PIP_CACHE_DIR": f"{tmp_path}/cache",
        "PIP_CONFIG_FILE": f"{tmp_path}/pip.conf",
    }
    before = sorted(tmp_path.iterdir())
    run = checkout.run("--home", tmp_path / "home", "check", environment=checkout.environment(**hostile))
    assert told(run)["greeting"] == "hello"
    assert sorted(path for path in tmp_path.iterdir() if path.name != "home") == before


def test_an_index_in_pips_configuration_is_used(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {checkout.wheels}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert told(checkout.run("--home", tmp_path / "home", "check", environment=environment))["greeting"] == "hello"


def test_settings_of_pip_override_each_other_as_pip_has_it(tmp_path: Path) -> None:
    """User files before the named file, sections `global`, `install`, `download`; a variable before them all."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/pip.conf").write_text("[global]\nproxy = user\ncert = user\nlog = user\n[install]\ntimeout = 7\n")
    (tmp_path / "named.conf").write_text("[global]\ncert = named\ntrusted-host = named\n[download]\ntimeout = 8\n")
    environ = {
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "PIP_CONFIG_FILE": str(tmp_path / "named.conf"),
        "PIP_TRUSTED_HOST": "variable",
        "PIP_INDEX_URL": "",
        "PIP_TARGET": "variable",
        "GIT_DIR": "variable",
        "https_proxy": "variable",
    }
    result = pip_environment(environ)
    expected = {"PIP_PROXY": "user", "PIP_CERT": "named", "PIP_TIMEOUT": "8", "PIP_TRUSTED_HOST": "variable"}
    assert {name: result[name] for name in expected} == expected
    assert result.keys().isdisjoint({"PIP_LOG", "PIP_TARGET", "PIP_INDEX_URL", "GIT_DIR"})
    assert result["https_proxy"] == "variable"
    assert result["PIP_CONFIG_FILE"] == os.devnull


def test_no_configuration_file_is_read_when_pip_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/pip.conf").write_text("[global]\nproxy = user\n")
    result = pip_environment({"XDG_CONFIG_HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull})
    assert result == {"PIP_CONFIG_FILE": os.devnull}


def refused(run: subprocess.CompletedProcess[str], home: Path) -> str:
    """Return what was said when no environment could be made; nothing may have run or stayed behind."""
    assert run.returncode == 4, run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert [path.name for path in home.iterdir()] == ["lock"]
    return run.stderr


def test_another_file_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    checkout = Checkout.create(tmp_path / "checkout")
    make_wheel(checkout.wheels, "greeting", {"greeting/__init__.py": "WORD = 'evil'\n"})
    run = checkout.run("--home", tmp_path / "home", "check")
    assert "A package is not the one that the lock names: its SHA-256 differs." in refused(run, tmp_path / "home")


def test_an_index_out_of_reach_is_named_as_such(checkout: Checkout, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "PIP_INDEX_URL": f"http://u:p4ss@127.0.0.1:{port}/", "PIP_RETRIES": "1"}
    run = checkout.run("--home", tmp_path / "home", "check", environment=environment)
    message = refused(run, tmp_path / "home")
    assert "The package index cannot be reached. Check the network" in message
    assert "p4ss" not in message


def test_a_package_that_the_index_lacks_is_named(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    environment = checkout.environment(PIP_FIND_LINKS=str(tmp_path / "empty"))
    message = refused(checkout.run("--home", tmp_path / "home", "check", environment=environment), tmp_path / "home")
    assert "The index has no wheel of a locked package for this Python" in message
    assert "greeting==1.0" in message


def test_a_broken_configuration_file_is_named(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section\n")
    environment = checkout.environment(PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    message = refused(checkout.run("--home", tmp_path / "home", "check", environment=environment), tmp_path / "home")
    assert f"Pip's configuration file {tmp_path}/pip.conf cannot be read" in message


def test_a_full_disk_is_named() -> None:
    assert pip_failure("ERROR: Could not install: [Errno 28] No space left on device\n").startswith("The disk is full.")


def test_what_pip_says_cannot_speak_to_the_runner_nor_show_a_password() -> None:
    hostile = "::error::x\n  ::set-output name=verdict::allow\r::stop-commands::y\n##[warning]z\nhttps://user:p4ss@packages.example/\n"
    shown = pip_failure(hostile)
    assert "p4ss" not in shown
    assert "##[" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())


def test_a_python_without_pip_uses_the_one_that_ensurepip_carries() -> None:
    """Without `site` there are no site-packages, hence no pip."""
    program = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r}); import bootstrap; bootstrap.BASE_PYTHON = '/bin/false'; "
        "print(json.dumps(bootstrap.pip_command()))"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program], capture_output=True, text=True, check=False
    )
    if "has no pip to fetch the packages with" in found.stderr:
        pytest.skip("this Python carries no pip")
    _python, *arguments = json.loads(found.stdout)
    version = subprocess.run([sys.executable, *arguments, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("pip ")
