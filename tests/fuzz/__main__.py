"""
Fuzz a target with atheris, which follows what the code under test does: `python -m tests.fuzz TARGET [OPTIONS]`.

The options are libFuzzer's, such as `-max_total_time=300` or a folder of inputs to begin with.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["ci_guard"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run until something is found, or for as long as the options say."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"python -m tests.fuzz TARGET, with TARGET one of {', '.join(TARGETS)}")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
