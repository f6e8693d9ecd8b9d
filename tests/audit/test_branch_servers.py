"""A log on a branch of a real server: git over HTTPS and over SSH, several writers at once, refusals in its words."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_guard.audit import branch, sinks
from ci_guard.errors import AuditError, UsageError
from ci_guard.evidence.rest.transport import Transport
from tests.audit import logs
from tests.audit.test_branch import bare, exported, git, record  # noqa: F401 - a fixture
from tests.fakes import githttp
from tests.fakes.certificates import make_certificates
from tests.fakes.hub.router import Call
from tests.fakes.server import LoopbackServer, Reply

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PRIVILEGES = Path("/run/sshd")
"""Where a server of root's wants to be nobody."""

WHY_NOT = (
    "there is no sshd (Debian: openssh-server)"
    if SSHD is None or shutil.which("ssh-keygen") is None
    else "sshd of root's needs the folder /run/sshd"
    if os.geteuid() == 0 and not PRIVILEGES.is_dir()
    else ""
)

needs_sshd = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
slow = pytest.mark.slow
"""Each delivery is a dozen processes."""


@pytest.fixture
def https(bare: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:  # noqa: F811 - the fixture
    """Serve the repository by `git http-backend`; return its address and the authorities that vouch for it."""
    made = make_certificates(tmp_path)

    def app(call: Call) -> Reply:
        return Reply(answer=githttp.backend(bare.parent, call.path.strip("/"), call))

    server = LoopbackServer(app, tls=(made["good"], made["key"]))
    server.start()
    yield f"{server.origin}/log.git", made["bundle"]
    server.stop()


def over_https(https: tuple[str, str]) -> branch.Branch:
    transport = Transport(ca_bundle=https[1])
    return branch.branch(f"git+{https[0]}#audit/log", transport, token="", origin=logs.ORIGIN, signer=None)


@slow
def test_writers_at_once_over_https_lose_nothing(bare: Path, https: tuple[str, str]) -> None:  # noqa: F811
    with ThreadPoolExecutor(3) as pool:
        kept = list(pool.map(lambda number: sinks.deliver(over_https(https), record(number)), range(3)))
    assert kept == [sinks.Kept()] * 3
    assert {each["id"] for each in exported(bare)} == {record(number)["id"] for number in range(3)}


@slow
def test_a_server_is_known_by_the_named_authorities_alone(bare: Path, https: tuple[str, str]) -> None:  # noqa: F811
    sink = branch.branch(f"git+{https[0]}#log", Transport(), token="", origin=logs.ORIGIN, signer=None)
    (failure,) = sinks.deliver(sink, record()).failures
    assert "certificate" in failure
    assert not list((bare / "refs" / "heads").iterdir())


@slow
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (("receive.denyNonFastForwards", "true"), ""),
        (("receive.maxInputSize", "10"), "unpack"),
        (("receive.unpackLimit", "x"), "git push failed"),
        (("receive.hideRefs", "refs/heads/audit"), "git push failed"),
    ],
    ids=["takes what continues", "takes no more", "is broken", "lets nobody near"],
)
def test_what_a_server_refuses_is_told_in_its_words(
    bare: Path,  # noqa: F811
    https: tuple[str, str],
    setting: tuple[str, str],
    reason: str,
) -> None:
    sinks.deliver(over_https(https), record(0))
    git(bare, "config", *setting)
    kept = sinks.deliver(over_https(https), record(1))
    assert (kept == sinks.Kept()) == (not reason)
    assert all(reason in failure for failure in kept.failures), kept
    git(bare, "config", "--unset", setting[0])
    assert len(exported(bare)) == (1 if reason else 2), "earlier records are as they were"


@slow
def test_a_protected_branch_is_a_failure_that_says_so(bare: Path, https: tuple[str, str]) -> None:  # noqa: F811
    """As the forges do it: by a hook, whose words follow the line of the ref."""
    (bare / "hooks").mkdir()
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed for refs/heads/audit/log.' >&2\nexit 1\n")
    hook.chmod(0o755)
    (failure,) = sinks.deliver(over_https(https), record()).failures
    assert "git push failed: [remote rejected] (hook declined)" in failure
    assert not list((bare / "refs" / "heads").iterdir())


@dataclass(frozen=True, kw_only=True)
class Sshd:
    """A server of our own for one user, on this machine."""

    port: int
    key: str
    """The private key that may come in."""
    other: str
    """One that may not."""
    host_key: str
    """Kind and key."""

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.host_key}"


def make_key(file: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file.read_text(encoding="ascii")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    assert SSHD is not None
    folder = tmp_path_factory.mktemp("sshd")
    key, other, _ = (make_key(folder / name) for name in ("client", "other", "host"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/client.pub\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        public = (folder / "host.pub").read_text(encoding="ascii").rpartition(" ")[0]
        yield Sshd(port=port, key=key, other=other, host_key=public)
    finally:
        process.terminate()
        process.wait()


def over_ssh(server: Sshd, folder: Path, *, key: str = "", known_hosts: str = "") -> branch.Branch:
    address = f"git+ssh://{getpass.getuser()}@127.0.0.1:{server.port}{folder}#audit/log"
    known, token = known_hosts or server.known_hosts, key or server.key
    return branch.branch(address, Transport(), token=token, known_hosts=known, origin=logs.ORIGIN, signer=None)


@slow
@needs_sshd
def test_records_go_over_ssh_to_a_server_whose_key_is_given(
    bare: Path,  # noqa: F811
    sshd: Sshd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trap = tmp_path / "sprung"
    (tmp_path / "ssh").write_text(f"#!/bin/sh\ntouch {trap}\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_SSH", str(tmp_path / "ssh"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "ssh"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for number in range(2):
        assert sinks.deliver(over_ssh(sshd, bare), record(number)) == sinks.Kept()
    assert len(exported(bare)) == 2
    assert not trap.exists()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and sshd.key in file.read_text("latin-1")]


REFUSED: dict[str, tuple[Callable[[Sshd], tuple[str, str]], str]] = {
    "a server of another key": (
        lambda server: (server.key, server.known_hosts[:-4] + "AAAA"),
        "Host key verification failed",
    ),
    "a server that nobody named": (
        lambda server: (server.key, f"git.example {server.host_key}"),
        "Host key verification failed",
    ),
    "a key that may not": (lambda server: (server.other, server.known_hosts), "Permission denied"),
    "a key that is torn": (lambda server: (server.key[:80] + "\n-----END", server.known_hosts), ""),
}


@slow
@needs_sshd
@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_who_is_not_who_was_named_gets_and_takes_nothing(
    bare: Path,  # noqa: F811
    sshd: Sshd,
    given: Callable[[Sshd], tuple[str, str]],
    words: str,
) -> None:
    key, known_hosts = given(sshd)
    (failure,) = sinks.deliver(over_ssh(sshd, bare, key=key, known_hosts=known_hosts), record()).failures
    assert words in failure
    assert sshd.key.split("\n")[1] not in failure
    assert not list((bare / "refs" / "heads").iterdir())


KNOWN = "git.example ssh-ed25519 " + "A" * 68


@pytest.mark.parametrize(
    "address",
    [
        *("git+ssh://-oProxyCommand=id/x#log", "git+ssh://git@-oProxyCommand=id/x#log", "git+ssh://git:w@host/x#log"),
        *("git+ssh://git@host/-x#log", "git+ssh://git@host#log", "git+ssh://git@host/a b#log", "git+ssh://h/$(id)#log"),
        *(
            "git+git@-host:x#log",
            "git+git@host:-x#log",
            "git+git@host:a b#log",
            "git+git@host:`id`#log",
            "git+host:x#log",
        ),
        *("git+ssh://host/x\n#log", "git+git@host:x;id#log", "git+ext::sh -c id#log"),
    ],
)
def test_an_address_that_ssh_could_take_for_an_option_or_a_command_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        branch.parse(address, KNOWN)


@pytest.mark.parametrize(
    "address", ["git+ssh://git@git.example:22/acme/log.git#a", "git+git@git.example:acme/log.git#a"]
)
def test_ssh_needs_the_server_s_key_and_one_of_its_own(address: str) -> None:
    assert branch.parse(address, KNOWN)[1] == "a"
    with pytest.raises(UsageError, match="key by which its server is known"):
        branch.parse(address, " \n")
    for token in ("", "hunter2", "-----BEGIN PUBLIC KEY-----\nA\n"):
        with pytest.raises(AuditError, match="needs a private key") as caught:
            branch.branch(address, Transport(), token=token, known_hosts=KNOWN, origin=logs.ORIGIN, signer=None)
        assert "hunter2" not in caught.value.message
    sink = branch.branch(
        address,
        Transport(),
        token="-----BEGIN " + "PRIVATE KEY-----\nsecret",
        known_hosts=KNOWN,
        origin="o",
        signer=None,
    )
    assert "secret" not in repr(sink) + sink.place
