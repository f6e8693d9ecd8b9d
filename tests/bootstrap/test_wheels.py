"""Without a network: packages from a folder of wheels, of which only the lock says what they must be."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bootstrap import Fault, Requirement, allowed_wheels
from tests.bootstrap.checkout import Checkout, make_wheel, site_packages, sole_environment, told

pytestmark = pytest.mark.slow  # each builds environments in processes of its own

EVIL = {"greeting/__init__.py": "WORD = 'evil'\n"}


@pytest.fixture
def folder(checkout: Checkout, tmp_path: Path) -> Path:
    """Return a folder with the checkout's wheels, for one test to spoil."""
    return Path(shutil.copytree(checkout.wheels, tmp_path / "a folder"))


def unreachable(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose index and settings of pip would all fail, or serve another package."""
    make_wheel(tmp_path / "planted", "greeting", EVIL)
    return {
        "PATH": os.environ["PATH"],
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_FIND_LINKS": str(tmp_path / "planted"),
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }


def test_a_folder_of_wheels_replaces_the_network(checkout: Checkout, folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = checkout.run("--wheels", folder, "--home", home, "check", environment=unreachable(tmp_path))
    assert told(run)["greeting"] == "hello"
    assert run.stderr == (
        f"ci-guard bootstrap: Fetching 1 locked packages from {folder} into {sole_environment(home)}.\n"
    )
    again = checkout.run("--home", home, "--wheels", folder, "check", environment={})
    assert (told(again)["greeting"], again.stderr) == ("hello", "")


def test_a_relative_folder_is_taken_from_where_the_command_runs(checkout: Checkout, folder: Path) -> None:
    run = checkout.run("--home", "home", "--wheels", folder.name, "check", environment={}, cwd=folder.parent)
    assert told(run)["greeting"] == "hello"


def test_the_development_environment_comes_from_such_a_folder_too(
    checkout: Checkout, folder: Path, tmp_path: Path
) -> None:
    run = checkout.run("--home", tmp_path / "home", "--wheels", folder, "--dev", "-c", "import pytest", environment={})
    assert run.returncode == 0, run.stderr


def test_files_that_the_lock_does_not_name_do_not_count(checkout: Checkout, folder: Path, tmp_path: Path) -> None:
    """Neither another build of the package, which pip would prefer, nor hashes that the folder brings."""
    better = make_wheel(tmp_path / "better", "greeting", EVIL)
    better.rename(folder / "greeting-1.0-9-py3-none-any.whl")
    make_wheel(folder, "greeting", EVIL, version="2.0")
    make_wheel(folder, "evil", {"evil.py": ""})
    (folder / "requirements.txt").write_text("evil\n")
    (folder / "broken.whl").write_bytes(b"\0" * 100)
    (folder / "folder.whl").mkdir()
    os.mkfifo(folder / "pipe.whl")
    (folder / "index.html").write_text("<a href='http://127.0.0.1:1/greeting-3.0-py3-none-any.whl'>x</a>")
    run = checkout.run("--home", tmp_path / "home", "--wheels", folder, "check", environment={})
    assert told(run)["greeting"] == "hello"
    assert not (site_packages(sole_environment(tmp_path / "home")) / "evil.py").exists()


def test_links_to_wheels_are_wheels_and_no_link_is_taken_over(checkout: Checkout, folder: Path, tmp_path: Path) -> None:
    (wheel,) = folder.glob("greeting-*")
    wheel.rename(tmp_path / wheel.name)
    wheel.symlink_to(tmp_path / wheel.name)
    (folder / "endless.whl").symlink_to("/dev/zero")
    (folder / "nowhere.whl").symlink_to("nothing")
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    run = checkout.run("--home", tmp_path / "home", "--wheels", linked, "check", environment={})
    assert told(run)["greeting"] == "hello"
    assert not [path for path in sole_environment(tmp_path / "home").glob("wheels/*") if path.is_symlink()]


@pytest.mark.parametrize("spoilt", ["missing", "other", "changed"])
def test_a_wheel_that_is_missing_or_has_another_hash_is_named_and_nothing_is_made(
    checkout: Checkout, folder: Path, tmp_path: Path, spoilt: str
) -> None:
    (wheel,) = folder.glob("greeting-*")
    if spoilt == "missing":
        wheel.unlink()
    elif spoilt == "other":
        make_wheel(folder, "greeting", EVIL)
    else:
        wheel.write_bytes(wheel.read_bytes() + b"\0")
    run = checkout.run("--home", tmp_path / "home", "--wheels", folder, "check", environment=unreachable(tmp_path))
    assert (run.returncode, run.stdout) == (4, "")
    assert f"{folder} has no wheel with a hash that the lock allows for greeting==1.0." in run.stderr
    assert "Fill the folder again" in run.stderr
    assert list((tmp_path / "home").iterdir()) == [tmp_path / "home/lock"]


def test_a_wheel_for_other_machines_only_is_told_so(checkout: Checkout, tmp_path: Path) -> None:
    """The lock allows wheels for every machine, so a hash alone does not say that one fits here."""
    spoilt = Checkout.create(tmp_path / "checkout")
    (wheel,) = spoilt.wheels.glob("greeting-*")
    wheel.rename(wheel.with_name("greeting-1.0-cp27-cp27m-win32.whl"))
    run = spoilt.run("--home", tmp_path / "home", "--wheels", spoilt.wheels, "check", environment={})
    assert run.returncode == 4
    assert f"{spoilt.wheels} has the wheel of a locked package for other machines, but none for" in run.stderr
    assert checkout.folder.is_dir()


@pytest.mark.parametrize("value", ["", "nowhere", "pip.conf"])
def test_what_is_no_folder_is_a_usage_error(checkout: Checkout, tmp_path: Path, value: str) -> None:
    (tmp_path / "pip.conf").touch()
    run = checkout.run("--wheels", value, "check", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "--wheels needs a folder" in run.stderr


def test_the_folder_is_not_changed(checkout: Checkout, folder: Path, tmp_path: Path) -> None:
    def state() -> list[str]:
        return sorted(f"{path.name} {path.stat().st_mtime_ns}" for path in (folder, *folder.iterdir()))

    before = state()
    told(checkout.run("--home", tmp_path / "home", "--wheels", folder, "check", environment={}))
    assert state() == before


def test_every_package_without_a_wheel_is_named(tmp_path: Path) -> None:
    lock = [Requirement(name, f"{name}==1 \\\n", frozenset({"0" * 64})) for name in ("one", "two")]
    with pytest.raises(Fault, match=r"for one==1, two==1\."):
        allowed_wheels(tmp_path, lock, tmp_path / "target")


@pytest.mark.slow
def test_no_start_up_file_of_the_interpreters_own_packages_runs(checkout: Checkout, tmp_path: Path) -> None:
    """An interpreter whose packages an earlier step may write to, as a tool cache's: with `-S`, nor does pip's run."""
    python = own_interpreter(tmp_path / "python")
    (site,) = python.parent.parent.glob("lib/python3*/site-packages")
    mark = tmp_path / "ran"
    (site / "planted.pth").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n")
    (site / "sitecustomize.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n")
    (site / "usercustomize.py").write_text("raise SystemExit(0)\n")
    command = [str(python), "-I", "-S", *checkout.command("--home", tmp_path / "home", "check")[2:]]
    told(checkout.run(command=command))
    told(checkout.run(command=command))
    assert not mark.exists()
    told(checkout.run(command=[part for part in command if part != "-S"]))
    assert mark.exists(), "the files that were planted would not have run anyway"


def own_interpreter(folder: Path) -> Path:
    """Return a copy of this interpreter with links to its library, but for the packages, which are copied: pip."""
    base = Path(os.path.realpath(sys.executable))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    standard = Path(os.__file__).parent
    (folder / "bin").mkdir(parents=True)
    (folder / f"lib/{version}/site-packages").mkdir(parents=True)
    shutil.copy2(base, folder / "bin" / base.name)
    for entry in standard.iterdir():
        if entry.name not in ("site-packages", "dist-packages", "__pycache__"):
            (folder / f"lib/{version}" / entry.name).symlink_to(entry)
    return folder / "bin" / base.name
