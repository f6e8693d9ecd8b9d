"""Nothing of a planted secret is in what a run leaves behind: whatever it prints, writes, starts or breaks on."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ci_guard.entrypoints import cli
from ci_guard.entrypoints.options import FORMATS
from ci_guard.git import find_git
from ci_guard.secrets import findings
from ci_guard.secrets.matcher import Matcher
from tests.e2e import consumer
from tests.fakes.github import FakeGitHub
from tests.secrets.made_up import github_token, private_key
from tests.secrets.repositories import Repo

KEPT = 6
"""Signs of a secret that may stand anywhere by chance; its format's public prefix is shorter."""


def encodings(secret: str) -> Iterator[bytes]:
    """Yield what a secret may look like in an artefact: by itself, escaped, and within any encoded text."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret).encode()[1:-1]
    yield quote(secret, safe="").encode()
    yield quote(quote(secret, safe=""), safe="").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for codec in ("utf-16-le", "utf-16-be"):
        yield secret.encode(codec)
    for lead in range(3):  # base64 of a text depends on where in it the secret stands
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * lead + raw)
            yield whole[(lead * 8 + 5) // 6 : len(whole) - 4]


class Planted:
    """Secrets by the place at which they were planted; a secret is its body, without what its format says."""

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}

    def token(self, place: str) -> str:
        """Return a token for a place."""
        token = github_token(len(self.bodies))
        self.bodies[place] = token.removeprefix("ghp_")
        return token

    def key(self, place: str) -> str:
        """Return a private key for a place."""
        key = private_key(seed=len(self.bodies), lines=3)
        self.bodies[place] = key.split("\n")[2]
        return key

    def found_in(self, artefact: bytes) -> list[str]:
        """Return the places whose secrets an artefact holds, whole or in a half."""
        found = []
        for place, body in self.bodies.items():
            halves = (body, body[: len(body) // 2], body[len(body) // 2 :])
            if any(form in artefact for half in halves for form in encodings(half)):
                found.append(place)
        return found


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


BODIES = ("Vb8Nq3" + "Zr6Tm2Kx", "x9Kq2" + "Lw7vRt4Zp")
"""Of secrets that only the name beside them makes telling."""

ALLOWED = "version: 1\nallow: [{{paths: [{path}], rules: [key-file-ssh], reason: 'see {reason}'}}]\n"
POLICY = """\
version: 1
extends: builtin:baseline
waivers:
  - {{control: secret-free, requirement: no-secrets, subject: url-password, reason: "{reason}", until: 2999-01-01}}
"""


def planted(path: Path) -> tuple[Repo, Planted, str]:
    """Return a repository with a secret at every kind of place, what was planted, and its first commit."""
    repo, secrets = Repo.create(path), Planted()
    base = repo.commit({"README.md": "hello\n"})
    repo.commit({"gone.py": f"T = '{secrets.token('history')}'\n"}, f"Use {secrets.token('commit message')}")
    (path / "gone.py").unlink()
    suppressed = f"T = '{secrets.token('suppressed')}'  # ci-guard:allow github-pat made up\n"
    suppressed += f"T = '{secrets.token('no reason')}'  # ci-guard:allow github-pat\n"
    encoded = base64.b64encode(f"the token is {secrets.token('base64')}".encode()).decode()
    repo.commit(
        {
            "plain.py": f"T = '{secrets.token('plain')}'\n",
            "two.py": f"T = '{secrets.token('one of two')}', '{secrets.token('other of two')}'\n",
            "wide.txt": f"T = '{secrets.token('utf-16')}'\n".encode("utf-16"),
            "encoded.yml": f"data: {encoded}\n",
            "url.txt": "q=" + quote(secrets.token("url").replace("_", "%5F"), safe="%"),
            "login.py": "".join(("URL = 'postgres://admin:", BODIES[0], "@db.acme.internal/x'\n")),
            "password.py": "".join(("DB_PASSWORD = '", BODIES[1], "'\n")),
            "a.zip": zipped(f"in/{secrets.token('name in an archive')}/b.py", secrets.token("archive")),
            "a.gz": gzip.compress(secrets.token("gzip").encode()),
            "id_rsa": secrets.key("key"),
            "suppressed.py": suppressed,
            f"{secrets.token('file name')}.txt": f"T = '{secrets.token('beside a telling name')}'\n",
            f"{secrets.token('folder name')}/.env": "A_TOKEN=b\n",
            f"{secrets.token('name of an archive')}.zip": b"PK\3\4 damaged",
            ".ci-guard-secrets.yml": ALLOWED.format(reason=secrets.token("reason"), path="id_rsa"),
            ".ci-guard.yml": POLICY.format(reason=secrets.token("reason of a waiver")),
            ".gitleaksignore": f"plain.py:{secrets.token('ignore file')}:1\n",
            ".gitleaks.toml": f"[allowlist]\nregexes = ['''({secrets.token('pattern')}''']\n",
        }
    )
    secrets.bodies |= {"login": BODIES[0], "password": BODIES[1]}
    repo.git("tag", "-a", secrets.token("tag name"), "-m", secrets.token("tag message"))
    repo.git("branch", secrets.token("branch name"))
    (path / "untracked.py").write_text(f"T = '{secrets.token('untracked')}'\n")
    return repo, secrets, base


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, Planted, str]:
    return planted(tmp_path_factory.mktemp("artefacts") / "r")


WRAPPER = """\
#!/bin/sh
{{ tr '\\0' '\\n' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; tr '\\0' '\\n' < /proc/$PPID/cmdline
  tr '\\0' '\\n' < /proc/$PPID/environ; echo; }} >> {trace}
exec {git} "$@"
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "--history"),
        pytest.param(("scan", "--range", "BASE..HEAD"), marks=pytest.mark.slow),
        ("check",),
        pytest.param(("check", "--enforce"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_no_artefact_of_a_run_holds_a_secret(
    scene: tuple[Repo, Planted, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    repo, secrets, base = scene
    places = {name: tmp_path / name for name in ("home", "scratch", "reports", "bin")}
    for place in places.values():
        place.mkdir()
    trace = tmp_path / "trace"
    wrapper = places["bin"] / "git"
    wrapper.write_text(WRAPPER.format(trace=trace, git=find_git(tmp_path)))
    wrapper.chmod(0o755)
    environment = {
        "PATH": f"{places['bin']}:{os.environ['PATH']}",
        "HOME": str(places["home"]),
        "XDG_CACHE_HOME": str(places["home"] / "cache"),
        "TMPDIR": str(places["scratch"]),
    }
    reports = [word for name in FORMATS for word in ("--report", f"{name}={places['reports'] / name}")]
    words = [word.replace("BASE", base) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(consumer.ROOT / "ci_guard/__main__.py"), *words, *reports],
        cwd=repo.path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    artefacts = {"stdout": done.stdout, "stderr": done.stderr, "processes": trace.read_bytes()}
    files = [path for place in places.values() for path in place.rglob("*") if path.is_file() and path != wrapper]
    artefacts |= {str(path): path.read_bytes() for path in files}
    assert b"cat-file" in artefacts["processes"]
    assert {path.name for path in files} == set(FORMATS)
    assert {name: held for name, text in artefacts.items() if (held := secrets.found_in(text))} == {}
    report = json.loads((places["reports"] / "json").read_text())
    assert len([one for one in report["judgements"] if one["requirement"] == "no-secrets"]) > 5


def test_every_secret_that_is_planted_would_be_noticed() -> None:
    """The test of the test: each form in which an artefact could hold one is known."""
    secrets = Planted()
    token = secrets.token("here")
    for text in (token, token[4:], base64.b64encode(b"x" + token.encode() + b"yz").decode(), token.encode().hex()):
        assert secrets.found_in(f"a{text}b".encode()) == ["here"]
    assert secrets.found_in(quote(token).encode()) == ["here"]
    assert secrets.found_in(b"ghp_ and nothing else") == []


FAULTS: dict[str, tuple[Any, str]] = {
    "matcher": (Matcher, "spans"),
    "findings": (findings, "gather"),
    "fingerprint": (findings, "fingerprint"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("command", ["scan", "check"])
def test_a_fault_in_the_middle_tells_where_and_nothing_of_what_was_read(
    scene: tuple[Repo, Planted, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str
) -> None:
    repo, secrets, _ = scene
    owner, function = FAULTS[name]
    read = (repo.path / "plain.py").read_text()

    def breaks(*given: object, **_: object) -> None:
        raise ValueError(f"{read} in {given!r}")

    monkeypatch.setattr(owner, function, breaks)
    monkeypatch.chdir(repo.path)
    stdout, stderr = io.StringIO(), io.StringIO()
    reports = [word for each in FORMATS for word in ("--report", f"{each}={tmp_path / each}")]
    assert cli.run([command, *reports], {}, stdout, stderr) == 4
    told = [stdout.getvalue(), stderr.getvalue(), *((tmp_path / each).read_text() for each in FORMATS)]
    assert re.search(r"broke with ValueError at\s+\w+", told[0])
    assert secrets.found_in("".join(told).encode()) == []


def test_no_exception_that_passes_through_shows_what_was_read(
    scene: tuple[Repo, Planted, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debuggers and other programs that call the package print tracebacks with locals of frames; ours hold excerpts."""
    from ci_guard.secrets.scan import ScanRequest, scan

    repo, secrets, _ = scene
    monkeypatch.setattr(findings, "gather", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        scan(ScanRequest(root=repo.path, work_tree=True))
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__) if "findings.py" in str(frame.f_code)]
    shown = "".join(traceback.format_exception(raised.value)) + repr([frame.f_locals for frame in frames])
    known = {"file name", "folder name", "name of an archive", "name in an archive"}
    assert frames
    assert set(secrets.found_in(shown.encode())) <= known


POLICIES = {
    "unknown key": "version: 1\n{secret}: 1\n",
    "unknown value": "version: 1\nextends: builtin:{secret}\n",
    "unknown control": "version: 1\ncontrols: {{{secret}: {{}}}}\n",
    "wrong type": "version: 1\ncontrols: {{secret-free: {{require: {secret}}}}}\n",
    "bad day": "version: 1\nextends: builtin:baseline\n"
    "waivers: [{{control: secret-free, requirement: no-secrets, reason: x, until: {secret}}}]\n",
    "twice": "version: 1\n{secret}: 1\n{secret}: 2\n",
    "no YAML": "version: 1\n'{secret}\n",
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("file", [".ci-guard.yml", ".ci-guard-secrets.yml"])
def test_an_error_in_a_file_of_ours_does_not_quote_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    secrets = Planted()
    text = POLICIES[name].format(secret=secrets.token("policy"))
    (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    stdout, stderr, report = io.StringIO(), io.StringIO(), tmp_path.parent / "report.json"
    command = ["check"] if file == ".ci-guard.yml" else ["scan"]
    assert cli.run([*command, "--report", f"json={report}"], {}, stdout, stderr) == 2
    told = stdout.getvalue() + stderr.getvalue() + report.read_text()
    assert f"{file}:" in told
    assert secrets.found_in(told.encode()) == []


NAMED = {
    "all that can be told": "version: 1\nextends: builtin:strict\ncontrols:\n"
    "  branch-protection: {branches: [current]}\n  required-reviews: {branches: [current]}\n"
    "  guard-integrity: {require: {policy-source: true}}\n",
    "no scan": "version: 1\ncontrols: {branch-protection: {branches: [current], require: {no-force-push: true}}}\n",
    "no policy that can be read": "version: 7\n",
}


@pytest.mark.parametrize(
    "policy",
    [pytest.param(text, id=name, marks=pytest.mark.slow if name == "no scan" else ()) for name, text in NAMED.items()],
)
def test_nothing_that_is_told_of_a_run_holds_a_secret_in_the_name_of_its_branch(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """Somebody pastes a token where a branch is named, and the audit log keeps what is told of the run for years."""
    secrets = Planted()
    branch = f"release/{secrets.token('branch')}"
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": policy})
    shop.repo.push(branch, shop.base, by="bob")
    shop.repo.push(branch, shop.merge, by="bob")
    run = shop.repo.run("push", actor="bob", sha=shop.merge, branch=branch)
    payload = github.events(shop.repo).push(branch, before=shop.base, sender="bob")
    told, job = tmp_path / "told", tmp_path / "job"
    (told / "temp").mkdir(parents=True)
    environ = github.job_environment(shop.repo, run, payload, job, RUNNER_TEMP=str(told / "temp"))
    environ |= {"GITHUB_TOKEN": github.token("job").value, "CI_GUARD_INPUT_ENVIRONMENT": branch}
    reports = [word for name in FORMATS for word in ("--report", f"{name}={told / name}")]
    stdout, stderr = io.StringIO(), io.StringIO()
    monkeypatch.chdir(shop.path)
    words = ["check", "--platform", "github", "--enforce", "--inputs", "--audit-log", str(told / "log"), *reports]
    assert cli.run(words, environ, stdout, stderr) in (1, 2, 3)
    artefacts = {"stdout": stdout.getvalue().encode(), "stderr": stderr.getvalue().encode()}
    artefacts |= {file.name: file.read_bytes() for file in told.rglob("*") if file.is_file()}
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        artefacts[name] = Path(environ[name]).read_bytes()
    assert {"log", "GITHUB_STEP_SUMMARY", *FORMATS} <= artefacts.keys()
    assert {name: held for name, text in artefacts.items() if (held := secrets.found_in(text))} == {}
    report = json.loads((told / "json").read_text())
    assert report["context"]["ref"] == "refs/heads/release/ghp_…"
    assert report["context"]["environment"] == "release/ghp_…"
