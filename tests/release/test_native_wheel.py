"""The helper's wheel: the same bytes from the same commit, one for all Pythons, and what the scanner then reads by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = "1700000000"


def wheel(folder: Path) -> Path:
    """Build from a copy of the sources, as a release job checks them out; skip where nothing builds."""
    sources = folder / "native"
    shutil.copytree(
        ROOT / "native", sources, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "*.so")
    )
    command = [sys.executable, "-m", "venv", str(folder / "environment")]
    subprocess.run(command, check=True, capture_output=True)
    pip = [str(folder / "environment/bin/python"), "-m", "pip"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": SECONDS}
    if subprocess.run(
        [*pip, "download", "-q", "--no-deps", "-d", str(folder), "setuptools>=77"], check=False
    ).returncode:
        pytest.skip("no package index is reached")
    arguments = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "wheels"), str(sources)]
    subprocess.run([*pip, *arguments], check=True, env=environment)
    (made,) = (folder / "wheels").glob("*.whl")
    return made


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler")
def test_two_builds_are_the_same_and_a_scan_reads_by_it(tmp_path: Path) -> None:
    first, second = (wheel(tmp_path / name) for name in ("one", "another/deeper"))
    assert first.read_bytes() == second.read_bytes()
    assert first.name.startswith("ci_guard_native-1.0.0-cp310-abi3-")
    with zipfile.ZipFile(first) as archive:
        (module,) = (name for name in archive.namelist() if ".dist-info/" not in name)
        archive.extractall(tmp_path / "installed")
    assert module == "ci_guard_native.abi3.so"
    program = "import sys; sys.path[:0] = sys.argv[1:]; from ci_guard.git import helper; print(helper.native.__file__)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path / "installed"), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "installed" / module)
