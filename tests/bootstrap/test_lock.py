"""What the bootstrap reads from a lock, and that the locks of this repository are such locks."""

from __future__ import annotations

import re

import pytest

from bootstrap import Fault, asked, marker_holds, marker_variables, read_lock
from tests.bootstrap.checkout import ROOT

DIGEST = "0123456789abcdef" * 4
LINUX = {
    **marker_variables(),
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.10.4",
    "python_version": "3.10",
    "sys_platform": "linux",
}


def test_reads_pins_hashes_and_comments() -> None:
    text = f"# by hand\nsix==1.17.0 \\\n    --hash=sha256:{DIGEST} \\\n    --hash=sha256:{DIGEST[::-1]}\n    # via us\n"
    (requirement,) = read_lock(text, LINUX)
    assert requirement.name == "six"
    assert requirement.digests == {DIGEST, DIGEST[::-1]}
    assert requirement.text.startswith("six==1.17.0 \\\n    --hash=sha256:")


@pytest.mark.parametrize(
    "text",
    [
        "six==1.17.0\n",
        f"six>=1.17.0 \\\n    --hash=sha256:{DIGEST}\n",
        f"six==1.* \\\n    --hash=sha256:{DIGEST}\n",
        "six==1.17.0 \\\n    --hash=md5:0123\n",
        f"six==1.17.0 \\\n    --hash=sha256:{DIGEST[:-1]}\n",
        f"six @ https://packages.example/six.whl \\\n    --hash=sha256:{DIGEST}\n",
        f"--index-url https://packages.example/simple\nsix==1.17.0 \\\n    --hash=sha256:{DIGEST}\n",
        f"-r other.txt\nsix==1.17.0 \\\n    --hash=sha256:{DIGEST}\n",
        f"six==1.17.0 \\\n    --hash=sha256:{DIGEST} \\\n    --config-settings=x=y\n",
    ],
)
def test_refuses_a_lock_with_anything_but_pinned_and_hashed_packages(text: str) -> None:
    with pytest.raises(Fault, match="not a pinned package with its hashes"):
        read_lock(text, LINUX)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("python_full_version >= '3.10'", True),
        ("python_full_version < '3.10'", False),
        ("python_full_version >= '3.9'", True),  # as numbers, not as text
        ("python_version == '3.10'", True),
        ("python_full_version == '3.10.4'", True),
        ("sys_platform == 'win32'", False),
        ("sys_platform != 'win32' and implementation_name == 'cpython'", True),
        ("sys_platform == 'win32' or (python_version < '3.11' and implementation_name != 'PyPy')", True),
    ],
)
def test_evaluates_markers(marker: str, expected: bool) -> None:
    assert marker_holds(marker, LINUX) is expected


@pytest.mark.parametrize(
    "marker",
    [
        "extra == 'x'",
        "'x' in sys_platform",
        "not sys_platform",
        "sys_platform == os_name",
        "'3.9' < python_version < '3.11'",
    ],
)
def test_refuses_a_marker_that_it_does_not_understand(marker: str) -> None:
    with pytest.raises(Fault, match="a marker that the bootstrap does not understand"):
        marker_holds(marker, LINUX)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("python", ["3.10.0", "3.11.7", "3.12.1", "3.13.0"])
def test_the_locks_of_this_repository_agree_on_every_platform(python: str, platform: str) -> None:
    variables = {**LINUX, "python_full_version": python, "python_version": python[:4], "sys_platform": platform}
    pins = {}
    for kind in ("runtime", "signing", "gitlab", "sigstore", "dev", "release"):
        lock = read_lock((ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8"), variables)
        pins[kind] = {requirement.name: requirement.digests for requirement in lock}
        assert len(pins[kind]) == len(lock), "a package is locked twice"
    assert pins["runtime"].items() < pins["signing"].items()
    assert pins["signing"].items() | pins["gitlab"].items() < pins["sigstore"].items() < pins["dev"].items()
    added = {"cffi", "cryptography", "pycparser", "pyjwt"}
    assert (
        pins["signing"].keys() - pins["runtime"].keys()
        == added
        == pins["signing"].keys() & (pins["gitlab"].keys() - pins["runtime"].keys())
    )
    assert "sigstore" in pins["sigstore"]
    assert {"python-gitlab", "pyjwt", "cryptography"} <= pins["gitlab"].keys() - pins["runtime"].keys()
    assert {"hyperscan", "pygithub", "pyyaml", "requests"} <= pins["runtime"].keys()
    assert {"pytest", "mypy", "ruff"} <= pins["dev"].keys() - pins["runtime"].keys()
    both = pins["release"].keys() & pins["dev"].keys()
    assert all(pins["release"][name] == pins["dev"][name] for name in both)


@pytest.mark.parametrize(
    ("implementation", "python", "platform", "machine", "expected"),
    [
        ("CPython", "3.10.0", "linux", "x86_64", True),
        ("CPython", "3.13.0", "linux", "aarch64", True),
        ("CPython", "3.12.0", "darwin", "arm64", True),
        ("CPython", "3.10.0", "darwin", "x86_64", True),
        ("CPython", "3.15.2", "linux", "x86_64", True),
        ("CPython", "3.16.0", "linux", "x86_64", False),
        ("CPython", "3.12.0", "linux", "riscv64", False),
        ("CPython", "3.12.0", "linux", "armv7l", False),
        ("CPython", "3.12.0", "linux", "ppc64le", False),
        ("CPython", "3.12.0", "freebsd14", "amd64", False),
        ("PyPy", "3.11.0", "linux", "x86_64", False),
    ],
)
def test_hyperscan_is_locked_where_it_has_wheels_and_nowhere_else(
    implementation: str, python: str, platform: str, machine: str, expected: bool
) -> None:
    """So that an environment is made elsewhere, too, where the scanner's engine in Python runs."""
    variables = {
        "implementation_name": implementation.lower(),
        "platform_machine": machine,
        "platform_python_implementation": implementation,
        "python_full_version": python,
        "python_version": python[:4],
        "sys_platform": platform,
    }
    for kind in ("runtime", "signing", "gitlab", "sigstore", "dev"):
        text = (ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8")
        assert ("hyperscan" in {requirement.name for requirement in read_lock(text, variables)}) is expected


@pytest.mark.parametrize("kind", ["runtime", "signing", "gitlab", "sigstore", "dev", "release"])
def test_the_locks_of_this_repository_name_no_index(kind: str) -> None:
    """So a mirror serves as well."""
    assert not re.search(
        r"://|^\s*-", (ROOT / "requirements" / f"{kind}.txt").read_text().replace("    --hash=", ""), re.MULTILINE
    )


GITLAB = {"GITLAB_CI": "true"}
ID_TOKEN = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.example", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
SECRET_KEY = {"CI_GUARD_AUDIT_KEY": " PRIVATE+KEY+audit.example+0+0"}
SHARED = {"CI_GUARD_AUDIT_KEY": "whsec_" + "x"}


@pytest.mark.parametrize(
    ("arguments", "environ", "kind"),
    [
        ("check --platform gitlab --enforce", {}, "gitlab"),
        ("check --enforce --platform=gitlab", {}, "gitlab"),
        ("doctor --platform gitlab", {}, "gitlab"),
        ("facts --platform gitlab --out f", {}, "gitlab"),
        ("audit reconcile log --platform gitlab", {}, "gitlab"),
        ("check", GITLAB, "gitlab"),
        ("check", {}, "runtime"),
        ("check --platform github", GITLAB, "runtime"),
        ("check --platform", GITLAB, "runtime"),
        ("audit query log", GITLAB, "runtime"),
        ("scan", GITLAB, "runtime"),
        ("", GITLAB, "runtime"),
        ("check --platform github", ID_TOKEN, "signing"),
        ("facts --out f", ID_TOKEN, "signing"),
        ("doctor", ID_TOKEN, "signing"),
        ("check --platform gitlab", ID_TOKEN, "gitlab"),
        ("check", {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.example"}, "runtime"),
        ("scan", ID_TOKEN, "runtime"),
        ("check --audit-log a.jsonl", {}, "runtime"),
        ("check --audit-log a.jsonl,key", {}, "signing"),
        ("check --audit-log=a.jsonl,key", {}, "signing"),
        ("check --audit-log a.jsonl", SECRET_KEY, "signing"),
        ("check --audit-log https://audit.example/", SHARED, "runtime"),
        ("check", SECRET_KEY, "runtime"),
        ("check --audit-log a.jsonl --platform gitlab", SECRET_KEY, "gitlab"),
        ("check --audit-log a.jsonl,sigstore", {}, "sigstore"),
        ("check --audit-log a.jsonl --audit-log=b.jsonl,sigstore=c.json --platform gitlab", {}, "sigstore"),
        ("check --audit-log a.jsonl,sigstore.key", {}, "signing"),
        ("check --inputs", {"CI_GUARD_INPUT_AUDIT_LOG": "https://x\n/t/a.jsonl,sigstore"}, "sigstore"),
        ("check --inputs", {"CI_GUARD_INPUT_AUDIT_LOG": "/t/a.jsonl,/t/key"}, "signing"),
        ("check --inputs", {"CI_GUARD_INPUT_AUDIT_LOG": "/t/a.jsonl", **SECRET_KEY}, "signing"),
        ("check --inputs", {"CI_GUARD_INPUT_AUDIT_LOG": "/t/a.jsonl"}, "runtime"),
        ("check", {"CI_GUARD_INPUT_AUDIT_LOG": "/t/a.jsonl,sigstore"}, "runtime"),
        ("check --floor-signature {sigstore:{identity:i,issuer:j}}", {}, "sigstore"),
        ("check --inputs", {"CI_GUARD_INPUT_FLOOR_SIGNATURE": "sigstore: {identity: i, issuer: j}"}, "sigstore"),
        ("check --inputs", {"CI_GUARD_INPUT_FLOOR_SIGNATURE": "ssh: {allowed-signers: x}"}, "runtime"),
        ("audit keygen audit.example --out key", {}, "signing"),
        ("audit verify log --key key.pub", {}, "signing"),
        ("audit verify log --identity who --issuer whom", {}, "sigstore"),
        ("audit verify log", {}, "runtime"),
    ],
)
def test_the_smallest_lock_with_all_that_is_loaded_is_taken(
    monkeypatch: pytest.MonkeyPatch, arguments: str, environ: dict[str, str], kind: str
) -> None:
    for name in (*GITLAB, *ID_TOKEN, "CI_GUARD_AUDIT_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert asked(arguments.split()).kind == kind
