"""A reused environment is exactly what the lock makes, or it is built again before anything of it is imported."""

from __future__ import annotations

import os
import py_compile
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import Untrusted, marker_variables, read_lock, verify
from tests.bootstrap.checkout import Checkout, lock_lines, make_wheel, site_packages, sole_environment, told

pytestmark = pytest.mark.slow  # each builds environments in processes of its own

EVIL = "import sys; print('EVIL', file=sys.stderr); WORD = 'evil'\n"


def test_builds_once_and_then_reuses_without_a_word_or_a_network(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.run("--home", tmp_path / "home", "check")
    assert told(first)["greeting"] == "hello"
    assert first.stderr.startswith("ci-guard bootstrap: Fetching 1 locked packages into ")
    built = sole_environment(tmp_path / "home").stat().st_ino

    again = checkout.run("--home", tmp_path / "home", "check", environment={})
    assert told(again)["greeting"] == "hello"
    assert again.stderr == ""
    assert sole_environment(tmp_path / "home").stat().st_ino == built


def append_to_a_module(environment: Path) -> None:
    with (site_packages(environment) / "greeting/word.py").open("a") as module:
        module.write(EVIL)


def change_a_module_but_not_its_size_and_time(environment: Path) -> None:
    module = site_packages(environment) / "greeting/word.py"
    status = module.stat()
    module.write_text("WORD = 'HELLO'\n")
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))


def change_a_library(environment: Path) -> None:
    (site_packages(environment) / "greeting/fast.so").write_text("a worse library\n")


def change_a_script(environment: Path) -> None:
    (environment / "bin/greet").write_text("#!/bin/sh\necho evil\n")


def change_a_record(environment: Path) -> None:
    (site_packages(environment) / "greeting-1.0.dist-info/RECORD").write_text("")


def remove_a_module(environment: Path) -> None:
    (site_packages(environment) / "greeting/word.py").unlink()


def link_to_a_module(environment: Path) -> None:
    module = site_packages(environment) / "greeting/word.py"
    module.rename(environment.parent / "word.py")
    module.symlink_to(environment.parent / "word.py")


def link_to_all_packages(environment: Path) -> None:
    site = site_packages(environment)
    site.rename(environment.parent / "site-packages")
    site.symlink_to(environment.parent / "site-packages")


def put_a_pipe_for_a_module(environment: Path) -> None:
    module = site_packages(environment) / "greeting/word.py"
    module.unlink()
    os.mkfifo(module)


def add_sitecustomize(environment: Path) -> None:
    (site_packages(environment) / "sitecustomize.py").write_text(EVIL)


def add_a_pth_file(environment: Path) -> None:
    (site_packages(environment) / "evil.pth").write_text(EVIL)


def add_an_extension_that_goes_before_a_module(environment: Path) -> None:
    (site_packages(environment) / "greeting/word.abi3.so").write_text("")


def add_byte_code_without_source(environment: Path) -> None:
    (site_packages(environment) / "json.pyc").write_bytes(b"")


def add_an_empty_folder(environment: Path) -> None:
    (site_packages(environment) / "brotli").mkdir()


def add_a_file_outside_the_packages(environment: Path) -> None:
    (environment / "bin/python3").write_text("")


def let_the_machine_s_packages_in(environment: Path) -> None:
    settings = (environment / "pyvenv.cfg").read_text()
    (environment / "pyvenv.cfg").write_text(settings.replace("= false", "= true"))


def put_a_script_for_the_interpreter(environment: Path) -> None:
    (environment / "bin/python").unlink()
    (environment / "bin/python").write_text("#!/bin/sh\necho EVIL >&2\n")
    (environment / "bin/python").chmod(0o755)


def link_to_another_interpreter(environment: Path) -> None:
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("/bin/echo")


def remove_the_interpreter(environment: Path) -> None:
    (environment / "bin/python").unlink()


def add_a_wheel(environment: Path) -> None:
    make_wheel(environment / "wheels", "evil", {"evil.py": EVIL})


def change_wheel_and_module_alike(environment: Path) -> None:
    make_wheel(environment / "wheels", "greeting", {"greeting/__init__.py": EVIL})
    (site_packages(environment) / "greeting/__init__.py").write_text(EVIL)


def remove_wheel_and_package(environment: Path) -> None:
    shutil.rmtree(site_packages(environment) / "greeting")
    for wheel in (environment / "wheels").iterdir():
        wheel.unlink()


def link_to_the_environment(environment: Path) -> None:
    environment.rename(environment.parent / "elsewhere")
    environment.symlink_to("elsewhere")


def put_a_file_for_the_environment(environment: Path) -> None:
    shutil.rmtree(environment)
    environment.write_text("")


def empty_the_environment(environment: Path) -> None:
    shutil.rmtree(environment)
    environment.mkdir()


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (append_to_a_module, "greeting/word.py was changed"),
        (change_a_module_but_not_its_size_and_time, "greeting/word.py was changed"),
        (change_a_library, "greeting/fast.so was changed"),
        (change_a_script, "bin/greet was changed"),
        (change_a_record, "greeting-1.0.dist-info/RECORD was changed"),
        (remove_a_module, "greeting/word.py is missing"),
        (link_to_a_module, "greeting/word.py is a link that does not belong there"),
        (link_to_all_packages, "site-packages is a link that does not belong there"),
        (put_a_pipe_for_a_module, "greeting/word.py does not belong there"),
        (add_sitecustomize, "sitecustomize.py does not belong there"),
        (add_a_pth_file, "evil.pth does not belong there"),
        (add_an_extension_that_goes_before_a_module, "greeting/word.abi3.so does not belong there"),
        (add_byte_code_without_source, "json.pyc does not belong there"),
        (add_an_empty_folder, "brotli does not belong there"),
        (add_a_file_outside_the_packages, "bin/python3 does not belong there"),
        (let_the_machine_s_packages_in, "pyvenv.cfg was changed"),
        (put_a_script_for_the_interpreter, "bin/python does not belong there"),
        (link_to_another_interpreter, "bin/python is a link that does not belong there"),
        (remove_the_interpreter, "bin/python is missing"),
        (add_a_wheel, "evil-1.0-py3-none-any.whl has no hash that the lock allows"),
        (change_wheel_and_module_alike, "greeting-1.0-py3-none-any.whl has no hash that the lock allows"),
        (remove_wheel_and_package, "the wheel of greeting is missing"),
        (link_to_the_environment, "it is not a folder"),
        (put_a_file_for_the_environment, "it is not a folder"),
        (empty_the_environment, "the wheel of greeting is missing"),
    ],
)
def test_refuses_a_spoilt_environment(
    checkout: Checkout, home: Path, tamper: Callable[[Path], None], reason: str
) -> None:
    environment = sole_environment(home)
    lock = read_lock((checkout.folder / "requirements/runtime.txt").read_text(), marker_variables())
    verify(environment, lock)
    tamper(environment)
    with pytest.raises(Untrusted) as refusal:
        verify(environment, lock)
    assert str(refusal.value).endswith(reason)


@pytest.mark.parametrize(
    "tamper",
    [
        append_to_a_module,
        pytest.param(add_sitecustomize, marks=pytest.mark.slow),
        pytest.param(put_a_script_for_the_interpreter, marks=pytest.mark.slow),
        pytest.param(link_to_the_environment, marks=pytest.mark.slow),
    ],
)
def test_builds_a_spoilt_environment_again_and_imports_nothing_of_it(
    checkout: Checkout, home: Path, tamper: Callable[[Path], None]
) -> None:
    tamper(sole_environment(home))
    run = checkout.run("--home", home, "check")
    assert told(run)["greeting"] == "hello"
    assert "It is thrown away and built again." in run.stderr
    assert "EVIL" not in run.stderr
    again = checkout.run("--home", home, "check", environment={})
    assert told(again)["greeting"] == "hello"
    assert again.stderr == ""


def plant_byte_code(environment: Path) -> Path:
    """Give the program's package byte code that fits its source by time and size, but says something else."""
    module = site_packages(environment) / "greeting/word.py"
    source, status = module.read_bytes(), module.stat()
    module.write_bytes(b"WORD = 'evil!'".ljust(len(source)))
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    planted = py_compile.compile(str(module), doraise=True)
    assert planted is not None
    module.write_bytes(source)
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    return Path(planted)


def test_planted_byte_code_has_no_effect(checkout: Checkout, home: Path) -> None:
    planted = plant_byte_code(sole_environment(home))
    run = checkout.run("--home", home, "check", environment={})
    assert told(run)["greeting"] == "hello"
    assert run.stderr == ""
    assert not planted.exists()


@pytest.mark.parametrize(("variables", "expected"), [({}, "evil!"), ({"CI": "true"}, "hello")])
def test_byte_code_of_the_tests_environment_is_kept_outside_ci_only(
    checkout: Checkout, home: Path, variables: dict[str, str], expected: str
) -> None:
    """The first case also shows that byte code planted in this way would be believed."""
    plant_byte_code(sole_environment(home, "dev"))
    run = checkout.run("--home", home, "--dev", "-c", "import greeting; print(greeting.WORD)", environment=variables)
    assert run.stdout.strip() == expected, run.stderr


def test_a_link_in_place_of_byte_code_is_found_and_its_target_left_alone(
    checkout: Checkout, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (site_packages(sole_environment(home)) / "greeting/__pycache__").symlink_to(tmp_path / "precious")
    run = checkout.run("--home", home, "check")
    assert told(run)["greeting"] == "hello"
    assert "__pycache__ is a link that does not belong there" in run.stderr
    assert (tmp_path / "precious/file").exists()


def test_a_file_name_cannot_speak_to_the_runner(checkout: Checkout, home: Path) -> None:
    (site_packages(sole_environment(home)) / "x\n::set-output name=verdict::allow ##[error]").touch()
    run = checkout.run("--home", home, "check")
    assert told(run)["greeting"] == "hello"
    assert "does not belong there" in run.stderr
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in run.stderr.splitlines())


def test_a_changed_lock_gets_an_environment_of_its_own(tmp_path: Path) -> None:
    checkout = Checkout.create(tmp_path / "checkout")
    assert told(checkout.run("check"))["greeting"] == "hello"
    newer = make_wheel(checkout.wheels, "greeting", {"greeting/__init__.py": "WORD = 'good day'\n"}, version="2.0")
    (checkout.folder / "requirements/runtime.txt").write_text(lock_lines(newer))
    assert told(checkout.run("check"))["greeting"] == "good day"


def test_an_environment_of_another_lock_is_not_taken_for_this_one(
    checkout: Checkout, home: Path, tmp_path: Path
) -> None:
    """A folder's name is a claim like any other: what is in it is judged."""
    name = sole_environment(home).name
    shutil.rmtree(home / name)
    other = Checkout.create(tmp_path / "other")
    evil = make_wheel(other.wheels, "greeting", {"greeting/__init__.py": EVIL})
    (other.folder / "requirements/runtime.txt").write_text(lock_lines(evil))
    assert told(other.run("--home", tmp_path / "poisoned", "check"))["greeting"] == "evil"
    sole_environment(tmp_path / "poisoned").rename(home / name)

    run = checkout.run("--home", home, "check")
    assert told(run)["greeting"] == "hello"
    assert "has no hash that the lock allows" in run.stderr


def test_a_source_archive_is_not_taken_for_a_wheel(home: Path) -> None:
    """A lock allows the hash of the source archive as well."""
    environment = sole_environment(home)
    (wheel,) = (environment / "wheels").iterdir()
    wheel.write_bytes(b"a tar archive")
    with pytest.raises(Untrusted, match="is no wheel"):
        verify(environment, read_lock(lock_lines(wheel), marker_variables()))


def test_three_at_once_build_one_environment(checkout: Checkout, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            checkout.command("--home", tmp_path / "home", "check"),
            env=checkout.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert all('"greeting": "hello"' in output for output, _errors in outputs)
    assert "".join(errors for _output, errors in outputs).count("Fetching") == 1
    assert sorted(path.name.split("-")[0] for path in (tmp_path / "home").iterdir()) == ["lock", "runtime"]


def test_a_killed_builder_does_not_block_the_next_one(checkout: Checkout, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        environment = {"PATH": os.environ["PATH"], "PIP_INDEX_URL": index}
        with subprocess.Popen(
            checkout.command("--home", home, "check"), env=environment, stderr=subprocess.PIPE, start_new_session=True
        ) as builder:
            connection, _address = silent.accept()
            assert len(list(home.glob("unfinished-*"))) == 1
            os.kill(builder.pid, signal.SIGKILL)
            builder.wait(timeout=10)
            run = checkout.run("--home", home, "check")
            connection.close()
            os.killpg(builder.pid, signal.SIGKILL)
    assert told(run)["greeting"] == "hello"
    assert not list(home.glob("unfinished-*"))


def test_the_environment_holds_the_wheels_files_and_nothing_else(built_home: Path) -> None:
    environment = sole_environment(built_home)
    (wheel,) = (environment / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".data/" not in name}
    site = site_packages(environment)
    assert {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()} == packed
    assert os.access(environment / "bin/greet", os.X_OK)
    assert os.path.realpath(environment / "bin/python") == os.path.realpath(sys.executable)


def test_what_nobody_used_for_long_makes_room_where_another_environment_is_built(
    checkout: Checkout, tmp_path: Path
) -> None:
    """In a folder that many versions share; what is not an environment stays."""
    home = tmp_path / "home"
    names = {
        "runtime-cpython-39-0123456789abcdef": False,
        "dev-cpython-39-0123456789abcdef": False,
        "tools-of-somebody-else": True,
        "runtime-cpython-39-fedcba9876543210": True,
    }
    for name in names:
        (home / name).mkdir(parents=True)
        age = 0 if name.endswith("3210") else 40 * 24 * 3600
        os.utime(home / name, (time.time() - age,) * 2)
    told(checkout.run("--home", home, "check"))
    assert {name: (home / name).exists() for name in names} == names


def test_use_keeps_an_environment(checkout: Checkout, home: Path) -> None:
    environment = sole_environment(home)
    os.utime(environment, (0, 0))
    told(checkout.run("--home", home, "check", environment={}))
    assert time.time() - environment.stat().st_mtime < 3600
