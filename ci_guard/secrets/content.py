"""What kind of content a file holds, told by its first bytes."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from ci_guard import late

HEAD: Final = 1024
"""How many bytes are enough to tell."""

_ARCHIVES: Final = (
    (b"PK\x03\x04", "zip"),  # and jar, whl, docx, apk … made of it
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"LZIP", "lzip"),
    (b"\x89LZO\0", "lzop"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF\0\0\0\0", "cabinet"),
    (b"\x1f\x9d", "compress"),
    (b"!<arch>\ndebian-binary", "Debian package"),
    (b"\xed\xab\xee\xdb", "RPM package"),
)
COMPRESSED: Final = frozenset({"gzip", "bzip2", "xz"})
"""Formats that hold one content without a name of its own."""
READ: Final = COMPRESSED | {"zip", "tar"}
"""Formats that are unpacked."""
_BEGINNINGS: Final = tuple(begin for begin, _ in _ARCHIVES)
_BZIP2: Final = late.pattern(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_TAR_MAGIC: Final = slice(257, 262)
_LFS_POINTER: Final = late.pattern(
    rb"version https://git-lfs\.github\.com/spec/v\d+\n(?:ext-[^\n]+\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n"
)
_CIPHERTEXTS: Final = (
    b"\0GITCRYPT\0",
    b"age-encryption.org/v1",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"$ANSIBLE_VAULT;",
)


BEGINNINGS: Final = (*_BEGINNINGS, *_CIPHERTEXTS, b"version https://git-lfs")
"""How a content begins that is not plain, unless it is a tar."""


class ContentKind(Enum):
    """What matters about a content besides its secrets."""

    PLAIN = auto()
    """Read as it is: text of any encoding, programs, and media (what is stored in an image in plain is found there)."""
    ARCHIVE = auto()
    """Members, or one compressed content."""
    LFS_POINTER = auto()
    """A name of a content that Git LFS keeps elsewhere."""
    ENCRYPTED = auto()
    """Ciphertext as a whole: git-crypt, age, OpenPGP, Ansible Vault."""


def archive_format(head: bytes) -> str | None:
    """
    Return the name of the archive format or compression that a content begins with, whatever its own name says.

    Source: APPNOTE.TXT 4.3.7, RFC 1952 2.3.1, POSIX.1-2017 pax (ustar interchange format), the formats' own pages.
    """
    if head[_TAR_MAGIC] == b"ustar":
        return "tar"
    if not head.startswith(_BEGINNINGS):
        return None
    name = next(name for begin, name in _ARCHIVES if head.startswith(begin))
    return None if name == "bzip2" and not _BZIP2.match(head) else name


def plain_name(path: str) -> str:
    """Return a path without the ending of a compression, so that `id_rsa.gz` is known for what it is."""
    name, dot, ending = path.rpartition(".")
    return name if dot and ending in ("gz", "bz2", "xz") else path


def classify(head: bytes) -> ContentKind:
    """Return the kind of a content that begins with `head`."""
    if not head.startswith(BEGINNINGS) and head[_TAR_MAGIC] != b"ustar":
        return ContentKind.PLAIN
    if archive_format(head):
        return ContentKind.ARCHIVE
    if _LFS_POINTER.fullmatch(head):
        return ContentKind.LFS_POINTER
    if head.startswith(_CIPHERTEXTS):
        return ContentKind.ENCRYPTED
    return ContentKind.PLAIN
