"""A loopback HTTP/1.1 server for fakes: keep-alive, one thread a connection, faults, a record of every call."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.faults import Fault, matches
from tests.fakes.hub.router import Answer, Call

SECRET_HEADERS = frozenset({"authorization", "private-token", "job-token", "cookie", "proxy-authorization"})
DRIP_PIECES = 20


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One call as a test may look at it; of the credential only the name that the fake knows it by."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    token: str | None
    operation: str | None
    """`GET /repos/{owner}/…`; None where the fake has no such route."""
    status: int
    """0 where no answer was sent."""
    fault: str | None

    @property
    def line(self) -> str:
        """Return method and path."""
        return f"{self.method} {self.path}"

    def matches(self, pattern: str) -> bool:
        """Tell whether the call is one that `pattern` means: `GET /repos/*/pulls/*`, or an operation."""
        return matches(pattern, self.line, self.operation)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the application decided: the answer, and the fault to send it with."""

    answer: Answer
    fault: Fault | None = None


App = Callable[[Call], Reply]


class LoopbackServer(ThreadingHTTPServer):
    """Serves one application on a loopback address."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0, tls: tuple[str, str] | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.app = app
        self.stopping = threading.Event()
        self.scheme = "http" if tls is None else "https"
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake is left to the connection's own thread, or one slow client would block all others.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        """Bind without the name look-up that the base class makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"{self.scheme}://{host}:{self.server_port}"

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and cut what is still open."""
        self.stopping.set()
        if self._thread.is_alive():
            # A last connection wakes the thread, which need not look up every so often then.
            socket.create_connection(self.socket.getsockname()[:2]).close()
            self._thread.join()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                _cut(connection)

    def _serve(self) -> None:
        while not self.stopping.is_set():
            self.handle_request()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """See `BaseServer.verify_request`; the last connection asks for nothing."""
        return not self.stopping.is_set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `ThreadingMixIn.process_request`."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """See `TCPServer.shutdown_request`."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that went away; the application catches its own errors."""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""

    def do_GET(self) -> None:
        """Answer a call of any method."""
        path, _, query = self.path.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        call = Call(
            method=self.command,
            path=path,
            query=dict(pairs),
            pairs=tuple(pairs),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._read_body(),
        )
        reply = self.server.app(call)
        self._send(reply.answer, reply.fault)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the base class looks these up

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        if fault is not None and fault.delay_seconds:
            self.server.stopping.wait(fault.delay_seconds)
        wire = fault.wire if fault is not None else None
        if wire == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        headers = dict(answer.headers)
        if isinstance(answer.body, bytes):
            data = answer.body
        else:
            data = json.dumps(answer.body).encode("ascii")
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        headers["Content-Length"] = str(len(data))
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}", "Server: fake"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if self.command == "HEAD":
            data = b""
        if wire == "truncate":
            self.wfile.write(head + data[: len(data) // 2])
            self.close_connection = True
        elif wire == "drip":
            self.wfile.write(head)
            self._drip(data, fault.drip_seconds if fault is not None else 0.0)
        else:
            # One write: head and body in one segment, no waiting for an acknowledgement.
            self.wfile.write(head + data)

    def _drip(self, data: bytes, seconds: float) -> None:
        step = max(1, len(data) // DRIP_PIECES)
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            if self.server.stopping.wait(seconds / DRIP_PIECES):
                break


def public_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return headers without the ones that carry credentials."""
    return {name: value for name, value in headers.items() if name not in SECRET_HEADERS}
