"""
Builds the helper that reads packs, for use from this checkout: `python native/build.py`.

It needs a C compiler, the headers of this Python, and zlib; with libdeflate in place of zlib it is faster. `CPPFLAGS`
and `LDFLAGS` say where that is, unless the compiler knows. The module works with every Python from 3.10 on.
`--sanitize` builds it with the address and undefined-behaviour sanitizers, and `--run COMMAND…` behind that runs a
command with what these need.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
NAME: Final = "ci_guard_native.abi3.so"
_SANITIZE: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer")


def build(folder: Path, *, sanitize: bool = False) -> Path:
    """
    Compile into a folder and return the module's path.

    Raises: `FileNotFoundError` without a compiler, `subprocess.CalledProcessError` where it fails.
    """
    compiler = find_compiler()
    if compiler is None:
        raise FileNotFoundError("there is no C compiler: cc, gcc or clang")
    module = folder / NAME
    command = [compiler, "-O1" if sanitize else "-O3", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    command += [f"-I{sysconfig.get_path('include')}", "-fvisibility=hidden", *_flags("CPPFLAGS")]
    command += _SANITIZE if sanitize else ()
    command += ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    libraries = ["-ldeflate"] if _has_libdeflate(compiler) else ["-lz"]
    command += ["-DWITH_LIBDEFLATE"] if libraries == ["-ldeflate"] else []
    sources = sorted(str(source) for source in FOLDER.glob("*.c"))
    subprocess.run([*command, *sources, *_flags("LDFLAGS"), *libraries, "-o", str(module)], check=True)
    return module


def find_compiler() -> str | None:
    """Return the C compiler that `CC` names, or one of the usual."""
    names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    return next((found for name in names if (found := shutil.which(name))), None)


def _flags(name: str) -> list[str]:
    return shlex.split(os.environ.get(name, ""))


def _has_libdeflate(compiler: str) -> bool:
    program = b"#include <libdeflate.h>\nint main(void) { return !libdeflate_alloc_decompressor(); }\n"
    probe = [compiler, *_flags("CPPFLAGS"), "-x", "c", "-", *_flags("LDFLAGS"), "-ldeflate", "-o", os.devnull]
    return subprocess.run(probe, input=program, capture_output=True, check=False).returncode == 0


def environment(compiler: str) -> dict[str, str]:
    """Return the environment in which a Python that is not sanitized itself loads a sanitized module."""
    runtime = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    options = "detect_leaks=0:abort_on_error=1"  # Python itself ends with memory that it does not give back
    return {**os.environ, "LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": options, "PYTHONMALLOC": "malloc"}


def main() -> int:
    """Build, and run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--run", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    print(build(FOLDER.parent, sanitize=options.sanitize))
    if not options.run:
        return 0
    compiler = find_compiler() or "cc"
    return subprocess.run(options.run, env=environment(compiler), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
