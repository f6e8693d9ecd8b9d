"""A small checkout that the real `bootstrap.py` serves, and wheels for it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

RUNNING = ("runtime", "signing", "gitlab", "sigstore")
"""The locks of environments that ci-guard runs in."""

PROGRAM = """\
import json, os, sys

def command():
    sys.exit(main())

def main():
    import greeting
    if sys.argv[1:] == ["wait"]:
        import time
        print("waiting", flush=True)
        time.sleep(60)
    if sys.argv[1:2] == ["exit"]:
        return int(sys.argv[2])
    print(json.dumps({
        "greeting": greeting.WORD, "module": greeting.__file__, "arguments": sys.argv[1:], "path": sys.path,
        "isolated": sys.flags.isolated, "utf8": sys.flags.utf8_mode, "modules": sorted(sys.modules),
        "environment": dict(os.environ), "folder": os.getcwd(),
    }))
"""
"""What stands for ci-guard: it tells how it was run."""


def make_wheel(folder: Path, name: str, files: Mapping[str, str], *, version: str = "1.0") -> Path:
    """Write a wheel of a pure package with these files, and with a RECORD as installers expect it."""
    info = f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in content.items()]
    content[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def lock_lines(*wheels: Path) -> str:
    """Return a hash lock of these wheels."""
    lines = []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return "".join(lines)


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A folder with `bootstrap.py`, locks and a program; `wheels` is where pip finds the packages."""

    folder: Path
    wheels: Path

    @classmethod
    def create(cls, folder: Path) -> Checkout:
        """Make a checkout whose program needs one package, and whose tests need another one too."""
        made = cls.at(folder)
        wheels = made.wheels
        greeting = make_wheel(
            wheels,
            "greeting",
            {
                "greeting/__init__.py": "from greeting.word import WORD\n",
                "greeting/word.py": "WORD = 'hello'\n",
                "greeting/fast.so": "not really a library\n",
                "greeting-1.0.data/scripts/greet": "#!/bin/sh\necho hello\n",
            },
        )
        runner = make_wheel(
            wheels, "pytest", {"pytest/__main__.py": "import greeting, os, sys; print(os.getcwd(), sys.argv[1:])\n"}
        )
        for path in ("bootstrap.py", "ci_guard/__init__.py", "ci_guard/__main__.py"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
        for path, text in {
            "ci_guard/entrypoints/__init__.py": "",
            "ci_guard/entrypoints/cli.py": PROGRAM,
            **{
                f"requirements/{kind}.txt": lock_lines(greeting)
                for kind in ("runtime", "gitlab", "signing", "sigstore")
            },
            "requirements/dev.txt": lock_lines(greeting, runner),
        }.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        return made

    @classmethod
    def at(cls, folder: Path) -> Checkout:
        """Return the checkout that was made there."""
        return cls(folder=folder, wheels=folder.parent / f"{folder.name}-wheels")

    def command(self, *arguments: str | Path, isolated: bool = True) -> list[str]:
        """Return the bootstrap's command line."""
        python = [sys.executable, *(["-I"] if isolated else [])]
        return [*python, str(self.folder / "bootstrap.py"), *map(str, arguments)]

    def environment(self, **variables: str) -> dict[str, str]:
        """Return what a run inherits: nothing but how to find programs and wheels, and these variables."""
        return {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), **variables}

    def run(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        isolated: bool = True,
        command: list[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the bootstrap to its end, or another command; environment is all that it inherits."""
        return subprocess.run(
            command or self.command(*arguments, isolated=isolated),
            env=self.environment() if environment is None else environment,
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def told(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what the program told of itself, once it ran well."""
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def sole_environment(home: Path, kind: str = "runtime") -> Path:
    """Return the only environment of a kind in a folder."""
    (environment,) = home.glob(f"{kind}-*")
    return environment


def site_packages(environment: Path) -> Path:
    """Return where an environment's packages are."""
    (site,) = environment.glob("lib/python3*/site-packages")
    return site
