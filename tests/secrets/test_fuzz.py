"""Whatever is read, the scan ends with a result or a clear error: contents, archives, damaged repositories, configs."""

from __future__ import annotations

import io
import json
import random
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.errors import CiGuardError
from ci_guard.model.scan import SecretScan
from ci_guard.secrets.matcher import PIECE, Matcher
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.rule import load
from ci_guard.secrets.scan import ScanRequest, scan
from ci_guard.secrets.suppression_files import MODULES
from tests.drawing import examples
from tests.secrets.made_up import github_token, jwt, openssh_key, private_key, rules, text_for
from tests.secrets.repositories import Repo

SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

TOKENS = [text_for(rule).encode() for rule in list(rules().values())[::9]]
PARTS = st.one_of(
    st.sampled_from(TOKENS),
    st.sampled_from([private_key().encode(), openssh_key().encode(), jwt(random.Random(1)).encode()]),
    st.sampled_from([b"\n", b"\0", b"\r\n", b"'", b'"', b"=", b"%5F", b"\\u005f", b"\xff\xfe", b"\xfe\xff", b"PK\3\4"]),
    st.sampled_from(
        [b"password = ", b"Authorization: Basic ", b"https://user:", b"-----BEGIN ", b"eyJ", b"\x1f\x8b\x08"]
    ),
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-16")),
    st.builds(lambda piece, times: piece * times, st.binary(min_size=1, max_size=6), st.integers(1, 4000)),
)
CONTENTS = st.lists(PARTS, max_size=12).map(b"".join)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    matcher = Matcher(load())
    matcher.ready()
    return matcher


def read(matcher: Matcher, content: bytes, path: str = "a.txt") -> None:
    """Read a content as a stream and as an object of a repository's, with a name that is suspect."""
    reading = Reading(matcher, "sha1")
    oid = reading.stream(io.BytesIO(content))
    for match in reading.contents[oid].matches:
        assert match.line >= 1
        assert match.column >= 1
        assert len(match.excerpt.secret) < 12 or match.excerpt.secret.decode("latin-1") not in repr(match)
    reading._judge(oid, content[:PIECE], [path])


@settings(max_examples=examples(120), suppress_health_check=SHARED)
@given(content=CONTENTS, path=st.sampled_from(["id_rsa", ".env", "a.p12", "x.jks.gz", ".netrc", "terraform.tfstate"]))
def test_any_content_is_read_to_its_end(matcher: Matcher, content: bytes, path: str) -> None:
    read(matcher, content, path)


def packed(kind: str, members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name or "x", content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:" + kind.removeprefix("tar")) as tar:  # type: ignore[call-overload]
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
ARCHIVES = st.builds(
    packed,
    st.sampled_from(["zip", "tar", "targz", "tarbz2", "tarxz"]),
    st.lists(st.tuples(NAMES, CONTENTS), max_size=3),
)
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8), st.integers(0, 40)), max_size=6)


def damaged(content: bytes, changes: list[tuple[float, bytes, int]]) -> bytes:
    """Return a content in which bytes were replaced by others, of another number."""
    for where, put, out in changes:
        at = int(where * len(content))
        content = content[:at] + put + content[at + out :]
    return content


@settings(max_examples=examples(80), suppress_health_check=SHARED)
@given(archive=ARCHIVES, changes=CHANGES, end=st.floats(0.2, 1))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_archive_is_read_or_told(
    matcher: Matcher, archive: bytes, changes: list[tuple[float, bytes, int]], end: float
) -> None:
    read(matcher, damaged(archive, changes)[: int(end * len(archive)) + 1])


@pytest.fixture(scope="module", params=["loose", "packed"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = Repo.create(tmp_path_factory.mktemp("template") / "repo")
    repo.commit({"a.py": f"T = '{github_token(1)}'\n", "src/b.py": "x = 1\n" * 50})
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.commit({"src/c.py": f"T = '{github_token(2)}'\n" + "y = 2\n" * 50, "src/b.py": "x = 1\n" * 51})
    repo.git("checkout", "-q", "-b", "other", "HEAD~1")
    repo.commit({"d.py": "z"})
    repo.git("checkout", "-q", "main")
    repo.merge("other")
    if request.param == "packed":
        repo.git("repack", "-q", "-a", "-d")
        repo.git("pack-refs", "--all")
        repo.git("commit-graph", "write")
    for sample in (repo.path / ".git/hooks").iterdir():
        sample.unlink()
    return repo.path


DAMAGE = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["flip", "cut", "empty", "delete", "grow", "folder", "loop"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=4,
)
SOURCES: dict[str, dict[str, Any]] = {
    "tree": {"tree": True, "work_tree": True},
    "range": {"range": ("HEAD~2", "HEAD")},
    "staged": {"staged": True},
    "history": {"history": True},
}


def spoil(git: Path, damage: list[tuple[float, str, float, bytes]]) -> None:
    """Damage files of a git folder at random."""
    for which, kind, where, put in damage:
        files = sorted(path for path in git.rglob("*") if path.is_file() and not path.is_symlink())
        if not files:
            return
        file = files[int(which * len(files))]
        content = file.read_bytes()
        at = int(where * len(content))
        file.unlink()
        match kind:
            case "flip":
                file.write_bytes(content[:at] + put + content[at + len(put) :])
            case "cut":
                file.write_bytes(content[:at])
            case "empty":
                file.write_bytes(b"")
            case "grow":
                file.write_bytes(content[:at] + put * 1000 + content[at:])
            case "folder":
                file.mkdir()
            case _:
                file.symlink_to(file.name)


def ended(request: ScanRequest) -> SecretScan | CiGuardError:
    """Scan, and return the result or the error that a person can act on; anything else fails the test."""
    try:
        return scan(request)
    except CiGuardError as error:
        return error


@pytest.mark.parametrize("source", SOURCES)
class TestDamagedRepositories:
    @settings(max_examples=examples(2), suppress_health_check=SHARED)
    @given(damage=DAMAGE)
    def test_some(
        self, template: Path, tmp_path_factory: pytest.TempPathFactory, source: str, damage: list[Any]
    ) -> None:
        self.spoilt(template, tmp_path_factory, source, damage)

    @pytest.mark.slow
    @settings(max_examples=60, suppress_health_check=SHARED)
    @given(damage=DAMAGE)
    def test_many(
        self, template: Path, tmp_path_factory: pytest.TempPathFactory, source: str, damage: list[Any]
    ) -> None:
        self.spoilt(template, tmp_path_factory, source, damage)

    def spoilt(self, template: Path, tmp_path_factory: pytest.TempPathFactory, source: str, damage: list[Any]) -> None:
        path = tmp_path_factory.mktemp("damaged") / "repo"
        shutil.copytree(template, path, symlinks=True)
        spoil(path / ".git", damage)
        found = ended(ScanRequest(root=path, **SOURCES[source]))
        if isinstance(found, CiGuardError):
            assert found.exit_code in (2, 3), found.message
            assert github_token(1)[4:] not in found.message
        elif source != "staged":  # where nothing is new, nothing is read
            assert found.blobs or found.commits or not found.complete, "nothing read is never clean"
        shutil.rmtree(path)


WORDS = [
    "version",
    "allow",
    "rules",
    "paths",
    "path-patterns",
    "secrets",
    "lines",
    "words",
    "commits",
    "reason",
    "until",
]
WORDS += [
    "id",
    "title",
    "severity",
    "pattern",
    "keywords",
    "entropy",
    "allowlist",
    "regexes",
    "regexTarget",
    "condition",
]
PATTERNS = st.text(alphabet="ab01.*+?|()[]{}\\^$-,dwsbxpPQEz:=!<>_ \n", max_size=30)
SCALARS = st.one_of(
    st.sampled_from([1, 2, 0, True, None, "high", "critical", "acme", "github-pat", "2027-01-31", "AND", "match", 3.5]),
    PATTERNS,
    st.integers(-5, 10**20),
)
ENTRIES = st.dictionaries(st.sampled_from(WORDS), st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=7)
DOCUMENTS = st.dictionaries(
    st.sampled_from(WORDS), st.one_of(SCALARS, ENTRIES, st.lists(ENTRIES, max_size=3)), max_size=4
)
LIKELY = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "allow": st.lists(
            st.fixed_dictionaries(
                {"reason": st.just("x")},
                optional={
                    name: st.lists(PATTERNS, min_size=1, max_size=2)
                    for name in ("paths", "path-patterns", "secrets", "lines", "words")
                },
            ),
            max_size=3,
        ),
        "rules": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.just("acme"),
                    "title": st.just("x"),
                    "severity": st.just("high"),
                    "pattern": PATTERNS.map(lambda pattern: f"acme{pattern}"),
                }
            ),
            max_size=1,
        ),
    },
)


def toml(document: dict[str, Any]) -> str:
    """Return what may be TOML."""
    lines: list[str] = []
    for key, value in document.items():
        for entry in value if isinstance(value, list) and value and isinstance(value[0], dict) else []:
            lines += [f"[[{key}]]", *(f"{name} = {word!r}" for name, word in entry.items())]
        if isinstance(value, dict):
            lines += [f"[{key}]", *(f"{name} = {word!r}" for name, word in value.items())]
    return "\n".join(lines)


@settings(max_examples=examples(40), suppress_health_check=SHARED)
@given(name=st.sampled_from(sorted(MODULES)), document=st.one_of(LIKELY, DOCUMENTS))
def test_any_configuration_is_understood_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, document: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("config")
    (root / "a.py").write_text(f"acme T = '{github_token()}'\n")
    (root / name).write_text(toml(document) if name.endswith(".toml") else json.dumps(document))
    found = ended(ScanRequest(root=root, work_tree=True))
    if isinstance(found, CiGuardError):
        assert found.exit_code == 2, found.message
    else:
        assert found.findings or found.suppressed, "hidden, and not counted"
    shutil.rmtree(root)
