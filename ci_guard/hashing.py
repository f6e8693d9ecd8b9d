"""
The hashes of `hashlib`, without OpenSSL as long as little is hashed.

Loading OpenSSL takes 2 ms, which is what Python's own code takes for some hundred kilobytes; of much, OpenSSL hashes
2 GB a second and Python 0.3.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hashlib import _Hash

_MODULES: Final = {
    "sha1": "_sha1",
    "sha256": "_sha2" if sys.version_info >= (3, 12) else "_sha256",
    "blake2b": "_blake2",
}
"""Where Python keeps its own code; it can be built without."""
_LITTLE: Final = 1 << 19
"""Bytes."""


class _Hashing:
    """What was hashed so far, and what hashes."""

    def __init__(self, left: int = _LITTLE) -> None:
        self._left = left
        self._makers: dict[str, Any] = {}

    def digest(self, name: str, size: int, begin: bytes = b"") -> _Hash:
        """Return a digest by its algorithm's name for a content of so many bytes, of which it is given the first."""
        if self._left >= 0:
            self._left -= size
            if self._left < 0:
                self.expect_much()
        made: _Hash = (self._makers.get(name) or self._loaded(name))(begin, usedforsecurity=False)
        return made

    def keyed(self, key: bytes, content: bytes) -> bytes:
        """Return 16 bytes that say nothing of a content to whoever has not the key (RFC 7693)."""
        made: _Hash = (self._makers.get("blake2b") or self._loaded("blake2b"))(content, key=key, digest_size=16)
        return made.digest()

    def expect_much(self) -> None:
        """Hash with OpenSSL from now on; it is loaded at once, so that no copy of the process does it again."""
        self._left = -1
        self._makers.clear()
        import_module("hashlib")

    def _loaded(self, name: str) -> Any:
        made = None
        if self._left >= 0:
            with suppress(ImportError):
                made = getattr(import_module(_MODULES[name]), name)
        self._makers[name] = made or getattr(import_module("hashlib"), name)
        return self._makers[name]


_hashing: Final = _Hashing()
digest = _hashing.digest
keyed = _hashing.keyed
expect_much = _hashing.expect_much


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a content, in hex."""
    return digest("sha256", len(content), content).hexdigest()
