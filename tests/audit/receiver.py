"""A loopback receiver of records, over real HTTP, that can be told how to answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from ci_guard.audit.webhook import SECRET
from tests.fakes.faults import Fault
from tests.fakes.hub.router import Answer, Call
from tests.fakes.server import LoopbackServer, Reply

TAKEN = Answer(status=204, body=b"")
LATE = Fault(name="late")
"""No answer before the next request has come: whoever sent this one has given up by then, however busy the machine."""
PATIENCE_SECONDS = 20.0


def shared_secret() -> str:
    """Return a new secret, put together here so that no scanner takes it for a leaked one."""
    return SECRET + base64.b64encode(os.urandom(32)).decode()


@dataclass
class Receiver:
    """Takes records once by their id."""

    secret: str = field(default_factory=shared_secret)
    answers: list[Answer | Fault] = field(default_factory=list)
    """What goes wrong with the next requests, in order; then all is well."""
    calls: list[Call] = field(default_factory=list)
    taken: dict[str, bytes] = field(default_factory=dict)
    """Bodies by id."""
    tls: tuple[str, str] | None = None
    _called: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.server = LoopbackServer(self.receive, tls=self.tls)

    @property
    def url(self) -> str:
        return f"{self.server.origin}/audit"

    def receive(self, call: Call) -> Reply:
        with self._called:
            self.calls.append(call)
            number = len(self.calls)
            planned = self.answers.pop(0) if self.answers else TAKEN
            self._called.notify_all()
        fault = planned if isinstance(planned, Fault) else None
        answer = planned if isinstance(planned, Answer) else TAKEN
        if answer.status // 100 == 2 and (fault is None or fault.wire != "reset"):
            self.taken.setdefault(call.headers["webhook-id"], call.body)
        if fault is not None and fault.wire == "truncate":
            answer = Answer(status=200, body=b"a torn answer")
        if fault is LATE:
            with self._called:
                self._called.wait_for(lambda: len(self.calls) > number, PATIENCE_SECONDS)
        return Reply(answer=answer, fault=fault)

    def signed(self, call: Call, **changed: Any) -> bool:
        """Tell, as a receiver does, whether a call is signed by the shared secret over its very bytes."""
        headers = {**call.headers, **changed}
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + changed.get("body", call.body)
        secret = base64.b64decode(self.secret.removeprefix(SECRET))
        digest = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(f"v1,{digest}", headers["webhook-signature"])
