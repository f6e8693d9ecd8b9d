"""A loopback server that sends exactly the bytes a test gives it, for what no well-behaved server would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import types
from collections.abc import Callable

Script = Callable[[socket.socket], None]


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer that closes the connection."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(data: bytes) -> Script:
    """Answer every request with these bytes and close."""
    return lambda connection: connection.sendall(data)


class Wire:
    """Runs `script` on each connection after it has read a request's head; a context manager."""

    def __init__(self, script: Script, *, tls: tuple[str, str] | None = None) -> None:
        self.script = script
        self.heads: list[str] = []
        self.stopping = threading.Event()
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Wire:  # noqa: PYI034 - Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_sockets:
            open_sockets.enter_context(connection)
            if self._tls is not None:
                connection = open_sockets.enter_context(self._tls.wrap_socket(connection, server_side=True))
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(1 << 16)
                if not piece:
                    return
                head += piece
            self.heads.append(head.decode("latin-1"))
            self.script(connection)
