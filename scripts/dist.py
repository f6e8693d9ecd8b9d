"""
Build the files of a release, and show that the built files work.

    python3 -I bootstrap.py --release scripts/dist.py build FOLDER
    python3 scripts/dist.py smoke FOLDER [--home DIR]

The folder gets, the same bytes whenever the same commit is built:

    packages/       the source archive, and the wheel that is built from it
    ci-guard.cdx.json   the bill of materials: CycloneDX, from the largest hash lock that the action installs
    SHA256SUMS      of all of them, by file name
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import uuid
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements/runtime.txt"
LOCKS: Final = (LOCK, ROOT / "requirements/gitlab.txt")
"""What every pipeline runs with, on whichever platform."""
LARGEST: Final = ROOT / "requirements/sigstore.txt"
"""What a pipeline can run with at most, the above included."""
BILL: Final = "ci-guard.cdx.json"
SUMS: Final = "SHA256SUMS"
INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")


class Wrong(Exception):
    """The files are not what a release may be; the message says which and why."""


def run(
    *command: str | Path, cwd: Path = ROOT, expected: int = 0, env: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Run a program with little of our environment and return what it says; raise Wrong for another exit code."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != expected:
        shown = " ".join(str(part) for part in command)
        raise Wrong(f"`{shown}` ended with {done.returncode}, expected {expected}:\n{done.stdout}")
    return done.stdout


# --- build ------------------------------------------------------------------------------------------------------------


def build(folder: Path) -> None:
    """Build into a new folder."""
    if folder.exists():
        raise Wrong(f"{folder} exists; a release is built into a new folder.")
    packages = folder / "packages"
    packages.mkdir(parents=True)
    # The time of the commit, not of the build. Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    epoch = run("git", "log", "-1", "--format=%ct").strip()
    hatchling = (sys.executable, "-m", "hatchling", "build", "--directory", packages.absolute(), "--target")
    run(*hatchling, "sdist", env={"SOURCE_DATE_EPOCH": epoch})
    (archive,) = packages.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive) as sources:
        # The wheel comes out of the archive, as for whoever installs from that: it has to be complete.
        sources.extractall(scratch, filter="data")
        unpacked = Path(scratch, archive.name.removesuffix(".tar.gz"))
        run(*hatchling, "wheel", cwd=unpacked, env={"SOURCE_DATE_EPOCH": epoch})
    bill_of_materials(folder / BILL, version_of(archive), epoch)
    files = sorted([*packages.iterdir(), folder / BILL])
    (folder / SUMS).write_text("".join(f"{digest(file)}  {file.name}\n" for file in files), encoding="utf-8")


PIN: Final = r"^[A-Za-z0-9](?:.*\\\n)+.+$"
"""A package of a lock with its hashes."""


def bill_of_materials(file: Path, version: str, epoch: str) -> None:
    """Write what the locks hold, numbered by its content; raise Wrong if the schema of CycloneDX refuses it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        # The tool knows no version that a build backend finds out.
        described = Path(scratch, "pyproject.toml")
        described.write_text(project.replace('dynamic = ["version"]', f'version = "{version}"'), encoding="utf-8")
        locked = Path(scratch, "locked.txt")
        locked.write_text(
            "\n".join(re.findall(PIN, LARGEST.read_text(encoding="utf-8"), re.MULTILINE)), encoding="utf-8"
        )
        tool = (sys.executable, "-m", "cyclonedx_py", "requirements", locked, "--pyproject", described)
        options = (
            "--output-format=JSON",
            "--spec-version=1.6",
            "--output-reproducible",
            "--output-file",
            file.absolute(),
        )
        run(*tool, *options, env={"SOURCE_DATE_EPOCH": epoch})
    # A reproducible bill gets none from the tool, but actions/attest takes none without.
    bill = json.loads(file.read_text(encoding="utf-8"))
    bill["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill)).urn
    text = json.dumps(bill, indent=2) + "\n"
    refused = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if refused is not None:
        raise Wrong(f"The bill of materials does not fit the schema of CycloneDX 1.6: {refused}")
    file.write_text(text, encoding="utf-8")


def version_of(archive: Path) -> str:
    """Return the version in the name of a source archive or wheel."""
    return archive.name.removesuffix(".tar.gz").split("-")[1]


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


# --- smoke ------------------------------------------------------------------------------------------------------------

ASKS_FOR_NOTHING_ELSE: Final = """
from importlib.metadata import requires, version

from pip._vendor.packaging.requirements import Requirement

for requirement in map(Requirement, requires("ci-guard")):
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        assert version(requirement.name) in requirement.specifier, requirement
"""
"""Fails where the wheel asks this Python for a package, or a version of it, that the lock lacks."""


def smoke(folder: Path, home: Path) -> None:
    """Raise Wrong unless the files are whole and, installed by the lock alone, do their work."""
    check_sums(folder)
    (wheel,) = (folder / "packages").glob("*.whl")
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as scratch:
        command = installed(wheel, Path(scratch), home)
        told = run(command, "--version", cwd=Path(scratch))
        if told.split() != ["ci-guard", version_of(wheel)]:
            raise Wrong(f"`ci-guard --version` says {told!r}; the wheel is {version_of(wheel)}.")
        clean, leaky = Path(scratch, "clean"), Path(scratch, "leaky")
        for place in (clean, leaky):
            place.mkdir()
            (place / "settings.py").write_text("DEBUG = False\n", encoding="utf-8")
        # Put together here, because the scanner reads this file too.
        key = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"
        (leaky / "settings.py").write_text(f'KEY = "{key}"\n', encoding="utf-8")
        run(command, "scan", clean, cwd=clean)
        if key in run(command, "scan", leaky, cwd=leaky, expected=1):
            raise Wrong("`ci-guard scan` printed the secret that it found.")


def check_sums(folder: Path) -> None:
    """Raise Wrong unless every file is listed with its digest, and nothing else is there."""
    expected = Counter((folder / SUMS).read_text(encoding="utf-8").splitlines())
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / SUMS]
    # Counted, because the sums name no folders: a second file of a name must not stand for the first.
    seen = Counter(f"{digest(path)}  {path.name}" for path in files)
    if seen != expected:
        names = sorted({line.partition("  ")[2] for line in (seen - expected) + (expected - seen)})
        raise Wrong(f"{SUMS} does not fit: {', '.join(names)}.")


def check_contents(wheel: Path) -> None:
    """Raise Wrong unless the wheel holds the package's files that git has, its metadata, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not re.match(r"ci_guard-[^/]+\.dist-info/", name)}
    tracked = set(run("git", "ls-files", "-z", "--", "ci_guard").split("\0")) - {""}
    if names != tracked:
        raise Wrong(f"The wheel and git differ: {', '.join(sorted(names ^ tracked))}.")


def installed(wheel: Path, scratch: Path, home: Path) -> Path:
    """Install the wheel into a new environment, from the locks' wheels alone, and return its command."""
    bootstrap = (sys.executable, "-I", ROOT / "bootstrap.py", "--home", home)
    run(*bootstrap, "--version", env=index_settings())
    run(*bootstrap, "check", "--platform", "gitlab", "--help", env=index_settings())
    environment = scratch / "environment"
    run(sys.executable, "-m", "venv", environment)
    own = scratch / "own.txt"
    own.write_text(f"ci-guard @ {wheel.absolute().as_uri()} --hash=sha256:{digest(wheel)}\n", encoding="utf-8")
    # The lock leaves out what PyGithub asks for and ci-guard does not load, so pip must not resolve.
    pip = (environment / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    locked = ("--no-index", "--require-hashes", "--no-deps", "--only-binary=:all:")
    folders = [*home.absolute().glob("runtime-*/wheels"), *home.absolute().glob("gitlab-*/wheels")]
    found = [f"--find-links={folder}" for folder in folders]
    for file in (*LOCKS, own):  # one after the other, because pip takes no package twice
        run(*pip, *locked, f"--requirement={file}", *found, env={"PIP_CONFIG_FILE": os.devnull})
    run(environment / "bin/python", "-I", "-c", ASKS_FOR_NOTHING_ELSE)
    return environment / "bin/ci-guard"


def index_settings() -> dict[str, str]:
    """Return what the bootstrap may have to know to reach an index."""
    names = [name for name in os.environ if name.startswith("PIP_") or name.upper().endswith("_PROXY")]
    return {name: os.environ[name] for name in names}


def main(arguments: list[str]) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Build the files of a release, and show that they work.")
    parser.add_argument("command", choices=("build", "smoke"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=ROOT / ".bootstrap", help="the bootstrap's folder")
    given = parser.parse_args(arguments)
    try:
        if given.command == "build":
            build(given.folder)
        else:
            smoke(given.folder, given.home.absolute())
    except Wrong as wrong:
        sys.stderr.write(f"dist.py: {wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
