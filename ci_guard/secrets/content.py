"""What kind of content a file holds, told by its first bytes."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

HEAD: Final = 1024
"""How many bytes are enough to tell."""

_ARCHIVES: Final = (
    b"PK\x03\x04",  # zip, and jar, whl, docx, apk … made of it
    b"PK\x05\x06",
    b"\x1f\x8b\x08",  # gzip
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",  # zstandard
    b"\x04\x22\x4d\x18",  # lz4
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"MSCF\0\0\0\0",
    b"\x1f\x9d",  # compress
)
_BZIP2: Final = re.compile(rb"BZh[1-9]1AY&SY")
_LFS_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v\d+\n(?:ext-[^\n]+\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n"
)
_CIPHERTEXTS: Final = (
    b"\0GITCRYPT\0",
    b"age-encryption.org/v1",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"$ANSIBLE_VAULT;",
)


class ContentKind(Enum):
    """What matters about a content besides its secrets."""

    PLAIN = auto()
    """Read as it is: text of any encoding, programs, and media (what is stored in an image in plain is found there)."""
    ARCHIVE = auto()
    """Compressed members, which are not read yet."""
    LFS_POINTER = auto()
    """A name of a content that Git LFS keeps elsewhere."""
    ENCRYPTED = auto()
    """Ciphertext as a whole: git-crypt, age, OpenPGP, Ansible Vault."""


def classify(head: bytes) -> ContentKind:
    """Return the kind of a content that begins with `head`."""
    if head.startswith(_ARCHIVES) and (not head.startswith(b"BZh") or _BZIP2.match(head)):
        return ContentKind.ARCHIVE
    if _LFS_POINTER.fullmatch(head):
        return ContentKind.LFS_POINTER
    if head.startswith(_CIPHERTEXTS):
        return ContentKind.ENCRYPTED
    return ContentKind.PLAIN
