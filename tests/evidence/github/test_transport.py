"""How requests travel: blind to the environment, within one host, over TLS, bounded in time and size, and silent."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci_guard.errors import UsageError
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.transport import MAXIMUM_BODY_BYTES, Transport
from ci_guard.model.fact import Cause, Fact, Known
from tests.evidence.github.scene import known, unknown
from tests.evidence.github.wire import Script, Wire, reply, says
from tests.fakes import faults
from tests.fakes.certificates import make_certificates
from tests.fakes.github import FakeGitHub

TOKEN = "fake-" + "wire-credential"


def ask(url: str, path: str = "branches/main", **settings: Any) -> Fact[Any]:
    return Client(api_url=url, repository="acme/shop", tokens=(TOKEN,), transport=Transport(**settings)).get(path)


def refused(url: str, **settings: Any) -> str:
    fact = unknown(ask(url, **settings))
    assert fact.cause is Cause.UNAVAILABLE
    assert TOKEN not in repr(fact)
    return fact.reason


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificates: dict[str, str]) -> Iterator[FakeGitHub]:
    with FakeGitHub(tls=(certificates["good"], certificates["key"])) as fake:
        fake.repository("acme/shop")
        fake.world.token("wire").value = TOKEN
        yield fake
    fake.check()


# Inputs


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "proxy:3128",
        "ftp://proxy:21",
        "http://",
        "http://proxy:port",
        "http://proxy:0",
        "http://pro xy",
        "http://p#f",
    ],
)
def test_a_proxy_that_is_no_address_is_refused_without_being_shown(proxy: str) -> None:
    with pytest.raises(UsageError) as raised:
        Transport(proxy=proxy)
    assert not proxy or proxy not in raised.value.message


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file"):
        Transport(ca_bundle=str(tmp_path / "none.pem"))


def test_a_bundle_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(UsageError, match="holds no certificates"):
        ask("https://127.0.0.1:1", ca_bundle=str(tmp_path / "empty.pem"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.github.com",
        "ftp://127.0.0.1",
        "https://",
        "https://user@127.0.0.1",
        "https://127.0.0.1?x=1",
        "https://127.0.0.1/#x",
        "https://127.0.0.1\\@evil.example",
        "https://[::1",
        "https://127.0.0.1:70000",
    ],
)
def test_an_api_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no http"):
        ask(url)


@pytest.mark.parametrize("url", ["http://github.example", "http://10.0.0.1/api/v3", "http://127.0.0.1.example"])
def test_no_token_travels_unencrypted_beyond_this_machine(url: str) -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        ask(url)


def test_no_token_travels_unencrypted_to_a_proxy_beyond_this_machine() -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        ask("http://127.0.0.1:8080", proxy="http://proxy.example:3128")


@pytest.mark.parametrize("repository", ["", "shop", "acme/shop/x", "acme/..", "./shop", "acme/sh op", "acme/shop?x"])
def test_a_repository_that_is_no_owner_and_name_is_refused(repository: str) -> None:
    with pytest.raises(UsageError, match="owner/name"):
        Client(api_url="https://127.0.0.1", repository=repository, tokens=(), transport=Transport())


def test_the_record_names_proxy_and_bundle_without_credentials(certificates: dict[str, str]) -> None:
    transport = Transport(proxy="http://" + "user:word" + "@proxy.example:3128", ca_bundle=certificates["bundle"])
    assert transport.describe() == ("proxy http://proxy.example:3128", f"CA bundle {certificates['bundle']}")
    assert "word" not in repr(transport)
    assert Transport().describe() == ()


# The environment


def test_proxy_variables_change_nothing(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier step could otherwise be the server that vouches for every fact."""
    github.repository("acme/shop")
    job = github.token("job")
    forged = json.dumps({"name": "main", "protected": True}).encode()
    with Wire(says(reply(forged))) as attacker:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, attacker.url)
            monkeypatch.setenv(name.lower(), attacker.url)
        client = Client(api_url=github.url, repository="acme/shop", tokens=(job.value,), transport=Transport())
        fact = client.get("branches/main")
    assert known(fact)["protected"] is False
    assert attacker.heads == []


def test_a_planted_authority_is_not_trusted(
    secure: FakeGitHub, certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, certificates["bundle"])
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(certificates["bundle"]).parent))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    assert "certificate" in refused(secure.url)
    assert secure.count() == 0
    assert known(ask(secure.url, ca_bundle=certificates["bundle"]))["name"] == "main"
    assert not (tmp_path / "keys.log").exists()


def test_a_netrc_does_not_replace_the_token(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    github.repository("acme/shop")
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    job = github.token("job")
    client = Client(api_url=github.url, repository="acme/shop", tokens=(job.value,), transport=Transport())
    assert isinstance(client.get("branches/main"), Known)
    assert [call.token for call in github.calls()] == ["job"]


# TLS and proxy


def test_the_given_bundle_is_trusted_and_the_public_ones_are_not_added(
    secure: FakeGitHub, certificates: dict[str, str]
) -> None:
    client = Client(
        api_url=secure.url,
        repository="acme/shop",
        tokens=(TOKEN,),
        transport=Transport(ca_bundle=certificates["bundle"]),
    )
    assert known(client.get("branches/main"))["name"] == "main"
    assert client._exchange._context is not None
    assert len(client._exchange._context.get_ca_certs()) == 1
    assert "certificate" in refused(secure.url)


def test_a_certificate_of_another_host_is_not_accepted(certificates: dict[str, str]) -> None:
    with Wire(says(reply(b"{}")), tls=(certificates["other"], certificates["key"])) as wire:
        assert "certificate" in refused(wire.url, ca_bundle=certificates["bundle"])
    assert wire.heads == []


def test_plain_text_where_tls_belongs_is_no_answer(certificates: dict[str, str]) -> None:
    with Wire(says(reply(b"{}"))) as wire:
        reason = refused(wire.url.replace("http://", "https://"), ca_bundle=certificates["bundle"], connect_seconds=0.2)
    assert "encrypted" in reason or "silent" in reason or "broke" in reason


def test_the_given_proxy_is_used_and_sees_no_token_of_a_tunnel(
    secure: FakeGitHub, certificates: dict[str, str]
) -> None:
    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", secure.port)) as server:
            pump(connection, server)

    with Wire(tunnel) as proxy:
        url = proxy.url.replace("http://", "http://" + "me:word" + "@")
        assert known(ask(secure.url, proxy=url, ca_bundle=certificates["bundle"]))["name"] == "main"
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT 127.0.0.1:{secure.port} ")
    assert "Proxy-Authorization: Basic" in head
    assert TOKEN not in head


def pump(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select(timeout=5):
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(1 << 16)
                if not data:
                    return
                key.data.sendall(data)


def test_a_dead_proxy_is_named_without_its_credentials(certificates: dict[str, str]) -> None:
    proxy = "http://" + "me:word" + f"@127.0.0.1:{free_port()}"
    reason = refused("https://127.0.0.1:1", proxy=proxy, ca_bundle=certificates["bundle"])
    assert reason == "the proxy did not connect"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


# Redirects


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("kind", ["host", "port", "scheme", "user", "nowhere"])
def test_no_redirect_leaves_the_server(github: FakeGitHub, code: int, kind: str) -> None:
    github.repository("acme/shop")
    with Wire(says(reply(b"{}"))) as other:
        target = {
            "host": f"http://localhost:{github.port}/repos/acme/shop/branches/main",
            "port": f"{other.url}/repos/acme/shop/branches/main",
            "scheme": f"https://127.0.0.1:{github.port}/repos/acme/shop/branches/main",
            "user": f"http://x@127.0.0.1:{github.port}/repos/acme/shop/branches/main",
            "nowhere": "",
        }[kind]
        github.fault("GET *", faults.redirect(target, code))
        github.world.token("wire").value = TOKEN
        assert refused(github.url) == "the server redirected to another host, which was not followed"
    assert github.count() == 1
    assert other.heads == []


def test_a_redirect_within_the_server_keeps_its_query(github: FakeGitHub) -> None:
    """PyGithub drops it, so that the second page of a renamed repository would be its first again."""
    repo = github.repository("acme/shop")
    for number in range(150):
        repo.branch(f"b{number:03}")
    github.world.rename(repo, "acme/store")
    client = Client(
        api_url=github.url, repository="acme/shop", tokens=(github.token("job").value,), transport=Transport()
    )
    assert len(known(client.get_all("git/matching-refs/heads/b"))) == 150
    assert [call.query.get("page") for call in github.calls() if call.status == 200] == [None, "2"]


def test_redirects_in_a_circle_end(github: FakeGitHub) -> None:
    github.repository("acme/shop")
    github.fault("GET *", faults.redirect(f"{github.url}/repos/acme/shop/branches/main"))
    github.world.token("wire").value = TOKEN
    assert refused(github.url) == "the server redirected more than 3 times"
    assert github.count() == 4


# Time and size

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = json.dumps({"name": "main"}).encode()


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        connection.sendall(b" " * (1 << 20))


def dripping_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Drip: 1\r\n")
        time.sleep(0.05)


def dripping_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


BROKEN: dict[str, tuple[Script, str]] = {
    "short body": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "broke"),
    "short chunk": (says(CHUNKED + b"20\r\n{"), "broke"),
    "no last chunk": (says(CHUNKED + b"1\r\n{\r\n"), "broke"),
    "odd chunk": (says(CHUNKED + b"zz\r\n{\r\n"), "broke"),
    "no HTTP": (says(b"nonsense\r\n\r\n"), "broke"),
    "closed": (says(b""), "broke"),
    "empty": (says(b"HTTP/1.1 200 OK\r\n\r\n"), "nothing"),
    "short gzip": (says(reply(gzip.compress(BODY)[:-9], "Content-Encoding: gzip")), "cut short"),
    "no gzip": (says(reply(BODY, "Content-Encoding: gzip")), "damaged"),
    "brotli": (says(reply(BODY, "Content-Encoding: br")), "not asked for"),
    "latin-1": (says(reply(b'{"name": "\xff"}')), "UTF-8"),
    "nested": (says(reply(b"[" * 100_000)), "no JSON"),
    "NaN": (says(reply(b'{"name": NaN}')), "no JSON"),
    "huge number": (says(reply(b'{"number": 1' + b"0" * 5000 + b"}")), "no JSON"),
    "byte order mark": (says(reply(b"\xef\xbb\xbf{}")), "no JSON"),
    "accepted": (says(reply(b"{}", status="202 Accepted")), "still computing"),
    "not modified": (says(reply(b"", status="304 Not Modified")), "nothing"),
    "endless": (endless, "larger than"),
    "dripping headers": (dripping_headers, "within 0.6 s"),
    "dripping body": (dripping_body, "within 0.6 s|too slowly"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_whole_answer_is_unavailable(case: str) -> None:
    script, reason = BROKEN[case]
    with Wire(script) as wire:
        said = refused(wire.url, total_seconds=0.6 if case.startswith("dripping") else 20.0)
    assert re.search(reason, said), said


def test_a_request_that_was_given_up_does_not_go_on_reading() -> None:
    before = set(threading.enumerate())
    with Wire(dripping_body) as wire:
        refused(wire.url, total_seconds=0.3)
        left = [thread for thread in threading.enumerate() if thread.name == "forge-request" and thread not in before]
        for thread in left:
            thread.join(timeout=3)
        assert not any(thread.is_alive() for thread in left)


def test_a_silent_server_is_left_in_time() -> None:
    def silent(_: socket.socket) -> None:
        wire.stopping.wait(60)

    with Wire(silent) as wire:
        assert refused(wire.url, read_seconds=0.1) == f"127.0.0.1:{wire.port} was silent for 0.1 s"


def test_a_closed_port_is_named() -> None:
    port = free_port()
    assert refused(f"http://127.0.0.1:{port}") == f"no connection to 127.0.0.1:{port}"


def test_a_gzip_bomb_is_not_unpacked(github: FakeGitHub) -> None:
    github.repository("acme/shop")
    github.world.token("wire").value = TOKEN
    github.fault("GET *", faults.gzip_bomb())
    tracemalloc.start()
    try:
        assert "larger than" in refused(github.url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MAXIMUM_BODY_BYTES


def test_gzip_is_asked_for_and_read() -> None:
    with Wire(says(reply(gzip.compress(BODY), "Content-Encoding: gzip"))) as wire:
        assert known(ask(wire.url)) == {"name": "main"}
    assert "Accept-Encoding: gzip\r\n" in wire.heads[0]


def test_every_request_names_its_api_version_and_media_type() -> None:
    with Wire(says(reply(BODY))) as wire:
        ask(wire.url)
    assert "X-GitHub-Api-Version: 2022-11-28\r\n" in wire.heads[0]
    assert "Accept: application/vnd.github+json\r\n" in wire.heads[0]
    assert "User-Agent: ci-guard/" in wire.heads[0]


def test_the_path_of_an_enterprise_server_is_kept() -> None:
    with FakeGitHub(ghes=True) as fake:
        fake.repository("acme/shop")
        fake.world.token("wire").value = TOKEN
        assert known(ask(fake.url))["name"] == "main"
    fake.check()


def test_limit_headers_that_are_no_numbers_do_no_harm() -> None:
    """PyGithub parses them without a guard."""
    headers = ("X-RateLimit-Remaining: many", "X-RateLimit-Limit: inf", "X-RateLimit-Reset: soon")
    with Wire(says(reply(BODY, *headers))) as wire:
        assert known(ask(wire.url)) == {"name": "main"}


def test_cookies_are_not_kept() -> None:
    data = reply(BODY, "Set-Cookie: session=1; Path=/").replace(b"Connection: close\r\n", b"")

    def twice(connection: socket.socket) -> None:
        connection.sendall(data)
        wire.heads.append(connection.recv(1 << 16).decode())
        connection.sendall(data)

    with Wire(twice) as wire:
        client = Client(api_url=wire.url, repository="acme/shop", tokens=(TOKEN,), transport=Transport())
        client.get("branches/main")
        client.get("branches/other")
    assert len(wire.heads) == 2
    assert "Cookie" not in "".join(wire.heads)


# Silence


def test_nothing_of_a_request_or_an_answer_is_logged(github: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    """PyGithub logs bodies at DEBUG, and a job may have set that level for all."""
    repo = github.repository("acme/shop")
    repo.commit("A message that only the body holds", on="main")
    github.world.token("wire").value = TOKEN
    with caplog.at_level(logging.DEBUG):
        for name in ("github", "github.Requester", "urllib3", "requests"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        assert isinstance(ask(github.url), Known)
        refused(f"http://127.0.0.1:{free_port()}")
    assert TOKEN not in caplog.text
    assert "only the body holds" not in caplog.text


def test_a_server_that_echoes_the_token_does_not_get_it_into_a_reason() -> None:
    body = json.dumps({"message": f"I saw {TOKEN}\nand more"}).encode()
    with Wire(says(reply(body, status="403 Forbidden"))) as wire:
        fact = unknown(ask(wire.url))
    assert fact.reason == "the server answered 403: I saw *** and more"


def test_no_heavy_import_before_the_first_request() -> None:
    """`ci-guard --version` and a run without a token must not pay for PyGithub."""
    program = (
        "import sys; from ci_guard.evidence.github.client import Client;"
        "from ci_guard.evidence.rest.transport import Transport;"
        "c = Client(api_url='http://127.0.0.1:1', repository='a/b', tokens=(), transport=Transport());"
        "c.get('branches/main');"
        "print(sorted({'github', 'requests', 'urllib3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ}, timeout=60
    )
    assert done.stdout.strip() == "[]"
