"""Every target of the fuzzer stands up to what was found before; where atheris is installed, it looks for more."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.secrets.made_up import github_token, private_key

ROOT = Path(__file__).resolve().parent.parent.parent

SEEDS = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"version: 1\nallow: [{paths: [a], reason: x, until: 2027-01-31}]\n",
    b"version: 1\nextends: builtin:baseline\n",
    b"[allowlist]\npaths = ['''a\\.py''']\n[[rules]]\nid = 'a'\nregex = '''a{1,9}'''\n",
    b"a.py:github-pat:2\n",
    b'{"version": 1, "findings": []}',
    b'{"version": "1.5.0", "results": {"a": [{"type": "x", "hashed_secret": "00", "line_number": 1}]}}',
    b"tree " + b"0" * 40 + b"\nparent " + b"1" * 40 + b"\ncommitter a <b> 1 +0000\n\nx",
    b"100644 a\0" + b"\1" * 20 + b"40000 b\0" + b"\2" * 20,
    b"PK\3\4" + b"\0" * 60 + b"PK\1\2",
    b"\x1f\x8b\x08\0" + b"\0" * 20,
]


def seeds() -> list[bytes]:
    """Return the inputs that the fuzzer begins with; those with secrets are put together here."""
    return [*SEEDS, f"T = '{github_token()}'".encode(), private_key().encode(), github_token().encode("utf-16")]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_what_it_is_given(name: str) -> None:
    for seed in seeds():
        for data in (seed, seed[: len(seed) // 2], seed * 3, seed[::-1]):
            TARGETS[name](data)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed: pip install atheris")
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_finds_nothing_in_a_short_time(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / str(number)).write_bytes(seed)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, "-runs=3000", f"-artifact_prefix={tmp_path}/", str(corpus)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
