"""The fake as a process of its own, with TLS, and with git behind it."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.client import get
from tests.fakes.github import FakeGitHub, World
from tests.fakes.hub.world import FaultSpec

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str, cwd: Path) -> str:
    """Run git and return what it says."""
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a folder with the bare repository `acme/shop.git`: two commits and a tag."""
    work = tmp_path / "work"
    work.mkdir()
    git("init", "-q", "-b", "main", cwd=work)
    (work / "README.md").write_text("one\n", encoding="utf-8")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "One", cwd=work)
    (work / "sub").mkdir()
    (work / "sub" / "naïve.txt").write_text("two\n", encoding="utf-8")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "Two\n\nWith a body.", cwd=work)
    git("tag", "-a", "v1", "-m", "v1", cwd=work)
    bare = tmp_path / "served" / "acme" / "shop.git"
    git("clone", "-q", "--bare", str(work), str(bare), cwd=tmp_path)
    return tmp_path / "served"


def test_a_state_file_is_served_by_a_process_of_its_own(tmp_path: Path) -> None:
    world = World()
    world.repository("acme/shop").user("alice", role="write")
    token = world.token("job")
    world.faults.append(
        FaultSpec(match="GET /repos/*/activity", kind="too_many", arguments={"retry_after": 3}, times=1)
    )
    state, ready, log = tmp_path / "state.json", tmp_path / "ready.json", tmp_path / "calls.jsonl"
    state.write_text(json.dumps(world.to_json()), encoding="utf-8")
    command = [sys.executable, "-m", "tests.fakes.github", "--state", str(state), "--ready-file", str(ready)]
    process = subprocess.Popen([*command, "--log", str(log), "--ghes"], cwd=ROOT, env=dict(os.environ))
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        facts = json.loads(ready.read_text(encoding="utf-8"))
        headers = {"Authorization": f"token {token.value}"}
        path = f"{facts['url']}/repos/acme/shop"
        with urlopen(Request(f"{path}/collaborators/alice/permission", headers=headers), timeout=10) as answer:
            assert json.load(answer)["permission"] == "write"
        assert requests.get(f"{path}/activity", headers=headers, timeout=10).headers["Retry-After"] == "3"
        assert requests.get(f"{path}/activity", headers=headers, timeout=10).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["token"], line["status"]) for line in lines] == [("job", 200), ("job", 429), ("job", 200)]
    assert token.value not in log.read_text(encoding="utf-8")


def test_git_fetches_what_the_api_tells(history: Path, tmp_path: Path) -> None:
    with FakeGitHub(git_root=history) as fake:
        repo = fake.repository("acme/shop", private=True, empty=True)
        alice = fake.user("alice", email="author@example.invalid")
        repo.import_git(history / "acme" / "shop.git")
        token = fake.token()
        header = f"http.{fake.html_url}/.extraheader=Authorization: bearer {token.value}"
        clone = tmp_path / "clone"
        git("-c", header, "clone", "-q", f"{fake.html_url}/acme/shop", str(clone), cwd=tmp_path)
        head = git("rev-parse", "HEAD", cwd=clone)
        told = get(fake, "/repos/acme/shop/branches/main", token).json()["commit"]
        assert (told["sha"], told["author"]["id"]) == (head, alice.id)
        assert told["commit"]["tree"]["sha"] == git("rev-parse", "HEAD^{tree}", cwd=clone)
        assert told["commit"]["message"] == "Two\n\nWith a body."
        raw = get(fake, "/repos/acme/shop/contents/sub/na%C3%AFve.txt", token, accept="application/vnd.github.raw")
        assert raw.content == b"two\n"
        tag = get(fake, "/repos/acme/shop/git/ref/tags/v1", token).json()["object"]
        assert (tag["type"], tag["sha"]) == ("tag", git("rev-parse", "v1", cwd=clone))
        shallow = tmp_path / "shallow"
        git("-c", header, "clone", "-q", "--depth=1", f"{fake.html_url}/acme/shop.git", str(shallow), cwd=tmp_path)
        with pytest.raises(subprocess.CalledProcessError):
            git("clone", "-q", f"{fake.html_url}/acme/shop", str(tmp_path / "refused"), cwd=tmp_path)
    fake.check()


def test_the_server_speaks_tls_with_a_given_certificate(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with FakeGitHub(tls=(str(pem), str(secret))) as fake:
        fake.repository()
        assert requests.get(f"{fake.url}/repos/acme/shop", verify=str(pem), timeout=5).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{fake.url}/repos/acme/shop", timeout=5)
    fake.check()
