"""A release, rehearsed: what is built from a commit is complete, the same again, described, and works."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.parser import Parser
from pathlib import Path

import pytest

from bootstrap import marker_variables, read_lock
from tests.release.checkout import ROOT, git

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]

OF_A_RELEASE = (
    *("ci_guard/", "requirements/", "scripts/", "bootstrap.py", "pyproject.toml"),
    *(".gitignore", "CHANGELOG.md", "LICENSE", "README.md"),
)
"""What building and trying the files reads."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the environment that runs the tests, so that others are made once."""
    prefix = Path(sys.prefix)
    return prefix.parent if prefix.name.startswith("dev-") else tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home: Path, host_environment: Mapping[str, str]) -> Run:
    """Run a program of a checkout, with the machine's own settings for the package index."""

    def run(checkout: Path, *arguments: str | Path, release: bool = False) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-I", "bootstrap.py", "--home", home, "--release"] if release else [sys.executable]
        command = [str(part) for part in [*python, *arguments]]
        environment = {name: value for name, value in host_environment.items() if not name.startswith("PYTHON")}
        return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a commit of what is here now."""
    folder = tmp_path_factory.mktemp("release") / "first"
    asked = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, git(ROOT, *asked).split("\0")):
        if name.startswith(OF_A_RELEASE) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    identity = ("-c", "user.name=Releaser", "-c", "user.email=releaser@example.invalid")
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "A release"]):
        git(folder, *arguments)
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, run: Run) -> Path:
    done = run(checkout, "scripts/dist.py", "build", "dist", release=True)
    assert done.returncode == 0, done.stderr
    return checkout / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = (built / "packages").glob("*.whl")
    return wheel


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_commit_gives_the_same_bytes_elsewhere_and_later(built: Path, checkout: Path, run: Run) -> None:
    """A clone by somebody else: other folder, other times of files, other permissions."""
    again = checkout.parent / "second"
    before = os.umask(0o077)
    try:
        git(checkout.parent, "clone", "-q", str(checkout), str(again))
        done = run(again, "scripts/dist.py", "build", "dist", release=True)
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    assert content(again / "dist") == content(built)


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "ci_guard").split("\0")
    assert names == set(tracked) - {""}
    assert {Path(name).suffix for name in names} == {".py", ".json", ".txt", ".yml", ".typed", ".hyperscan", ".regexes"}
    assert {"ci_guard/py.typed", "ci_guard/policy/profiles/strict.yml", "ci_guard/secrets/rules/cloud.json"} <= names
    assert not [name for name in names if "test" in name]


def test_the_wheel_asks_for_what_the_project_declares(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["Requires-Python"] == ">=3.10"
    required = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    asked = {re.split(r"[<>=!~ ;]", requirement)[0].lower() for requirement in required}
    assert metadata.get_all("Provides-Extra") == ["sigstore"]
    gitlab = {"pyjwt[crypto]", "python-gitlab"}
    assert asked == {"certifi", "hyperscan", "pygithub", "pyyaml", "requests", "rfc8785", "tomli"} | gitlab


def test_the_archive_holds_what_the_wheel_is_built_from_and_no_tests(built: Path) -> None:
    (archive,) = (built / "packages").glob("*.tar.gz")
    with tarfile.open(archive) as sources:
        tops = {name.split("/")[1] for name in sources.getnames()}
    files = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert tops == {"ci_guard", "requirements", *files}


def test_the_bill_of_materials_lists_the_lock_with_its_hashes(built: Path) -> None:
    """It was checked against the schema of CycloneDX when it was written; actions/attest wants a serial number."""
    bill = json.loads((built / "ci-guard.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    described = bill["metadata"]["component"]
    (wheel,) = (built / "packages").glob("*.whl")
    assert (described["name"], described["version"]) == ("ci-guard", wheel.name.split("-")[1])
    listed = {
        (component["name"], frozenset(entry["content"] for entry in component["externalReferences"][0]["hashes"]))
        for component in bill["components"]
    }
    for kind in ("runtime", "signing", "gitlab", "sigstore"):
        lock = read_lock((ROOT / f"requirements/{kind}.txt").read_text(encoding="utf-8"), marker_variables())
        assert {(requirement.name, requirement.digests) for requirement in lock} <= listed
    assert len(listed) == len(bill["components"])


def test_the_built_files_install_by_the_lock_alone_and_work(built: Path, checkout: Path, run: Run, home: Path) -> None:
    done = run(checkout, "scripts/dist.py", "smoke", built, "--home", home)
    assert (done.returncode, done.stderr) == (0, "")


def test_refuses_to_build_over_what_is_there(built: Path, checkout: Path, run: Run) -> None:
    done = run(checkout, "scripts/dist.py", "build", built, release=True)
    assert (done.returncode, "is built into a new folder" in done.stderr) == (1, True)


@pytest.fixture
def spoiled(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the built files that a test may spoil."""
    return shutil.copytree(built, tmp_path / "dist")


def test_smoke_refuses_a_file_that_was_changed_after_it_was_built(spoiled: Path, checkout: Path, run: Run) -> None:
    (wheel,) = (spoiled / "packages").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b" ")
    done = run(checkout, "scripts/dist.py", "smoke", spoiled)
    assert (done.returncode, f"SHA256SUMS does not fit: {wheel.name}" in done.stderr) == (1, True), done.stderr


def test_smoke_refuses_a_file_that_was_put_beside_them(spoiled: Path, checkout: Path, run: Run) -> None:
    (spoiled / "packages/extra.whl").write_bytes(b"")
    done = run(checkout, "scripts/dist.py", "smoke", spoiled)
    assert (done.returncode, "SHA256SUMS does not fit: extra.whl" in done.stderr) == (1, True), done.stderr


def test_smoke_refuses_a_changed_file_although_the_listed_one_lies_in_another_folder(
    spoiled: Path, checkout: Path, run: Run
) -> None:
    """The sums name no folders."""
    (wheel,) = (spoiled / "packages").glob("*.whl")
    (spoiled / "zzz").mkdir()
    shutil.copy(wheel, spoiled / "zzz")
    wheel.write_bytes(wheel.read_bytes() + b" ")
    done = run(checkout, "scripts/dist.py", "smoke", spoiled)
    assert (done.returncode, f"SHA256SUMS does not fit: {wheel.name}" in done.stderr) == (1, True), done.stderr


def test_smoke_refuses_a_wheel_that_lacks_a_file_of_the_package(
    spoiled: Path, checkout: Path, run: Run, tmp_path: Path
) -> None:
    (wheel,) = (spoiled / "packages").glob("*.whl")
    lacking = tmp_path / "lacking.whl"
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(lacking, "w") as part:
        for name in whole.namelist():
            if name != "ci_guard/secrets/rules/cloud.json":
                part.writestr(name, whole.read(name))
    lacking.replace(wheel)
    sums = spoiled / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines(keepends=True) if wheel.name not in line]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    sums.write_text("".join([*lines, f"{digest}  {wheel.name}\n"]))
    done = run(checkout, "scripts/dist.py", "smoke", spoiled)
    assert (done.returncode, "The wheel and git differ: ci_guard/secrets/rules/cloud.json" in done.stderr) == (1, True)
