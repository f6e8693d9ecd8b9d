"""All of a repository's history: its commits, its tags, every content that a commit brought, and all stored objects."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import IO, Final

from ci_guard.errors import GitUnavailable
from ci_guard.git.objects import TAG
from ci_guard.git.repository import Repository
from ci_guard.rows import NamedTuple

_COMMITS: Final = ("rev-list", "--all", "--topo-order", "--reverse")
_HEADS: Final = ("rev-list", "--all", "--no-walk")
_TIPS: Final = ("for-each-ref", "--format=%(objecttype) %(objectname)")
_PIECE: Final = 1 << 20
_GITLINK: Final = b"160000"
_GONE: Final = b"000000"


class Stored(NamedTuple):
    """An object of the database."""

    oid: str
    kind: str
    size: int


class Introduced(NamedTuple):
    """A content at a path at which none of the commit's parents has it."""

    commit: str
    path: bytes
    oid: str


class Tips(NamedTuple):
    """What refs lead to besides commits."""

    tags: list[str]
    """Annotated tags, also those that a tag names."""
    trees: list[str]
    blobs: list[str]


def begin(repository: Repository, *, walked: bool) -> None:
    """Have git list what `tips` will ask for, and `commits` where it walks through them; `heads` where another does."""
    repository.begin(*_TIPS)
    repository.begin(*(_COMMITS if walked else _HEADS))


def commits(repository: Repository) -> list[str]:
    """
    Return what all refs and the head lead to, oldest first: each commit behind its parents.

    Notes, stashes, remote branches and pull requests are refs like others. What only a reflog still names is left out.
    """
    return repository.run(*_COMMITS).decode("ascii").split()


def heads(repository: Repository) -> list[str]:
    """Return the commits that refs and the head name, also by way of tags: in git's order, the newest first."""
    return repository.run(*_HEADS).decode("ascii").split()


def tips(repository: Repository) -> Tips:
    """Return the tags, trees and blobs that refs lead to without a commit."""
    listing = repository.run(*_TIPS).decode("ascii")
    found: dict[str, dict[str, None]] = {"tag": {}, "tree": {}, "blob": {}, "commit": {}}
    for line in listing.splitlines():
        kind, _, oid = line.partition(" ")
        found[kind][oid] = None
    following = list(found["tag"])
    while following:
        named: list[str] = []
        with closing(repository.objects(following)) as streams:
            for stream in streams:
                match = TAG.match(stream.whole()) if stream.kind == "tag" else None
                if match is None:
                    raise GitUnavailable(f"tag {stream.oid} cannot be read", hint="check the clone with git fsck")
                kind, oid = match[2].decode(), match[1].decode()
                if kind == "tag" and oid not in found["tag"]:
                    named.append(oid)
                found[kind][oid] = None
        following = named
    return Tips(list(found["tag"]), list(found["tree"]), list(found["blob"]))


def stored(repository: Repository) -> Iterator[Stored]:
    """Yield every object that is here, once, about as it is stored: packed, loose, or in an alternate database."""
    shape = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    with repository.stream("cat-file", shape, "--batch-all-objects", "--unordered", "--buffer") as lines:
        for line in lines:
            oid, kind, *size = line.decode("ascii").split()
            if not size:  # `missing`: there is a file or an entry for it, and git cannot read that
                raise GitUnavailable(f"object {oid} cannot be read", hint="check the clone with git fsck")
            yield Stored(oid, kind, int(size[0]))


def introduced(repository: Repository, commits: Iterable[str]) -> Generator[Introduced, None, None]:
    """
    Yield what each commit has at a path at which none of its parents has the same, in the order of the commits.

    A first commit brings all that it has, and so does one that a shallow clone cut off. Submodules are left out.
    """
    options = ("-r", "--root", "-c", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff")
    # Else git asks `.gitmodules` what to ignore, which is a stranger's, and dies of what it does not like there.
    deaf = "--ignore-submodules=all"
    with repository.stream("diff-tree", "--stdin", *options, deaf, wanted=commits) as answer:
        commit, header = "", b""
        for token in _tokens(answer):
            if header:
                # `:modes ids letters`, with one mode and one id more than there are parents (git-diff-tree, RAW OUTPUT)
                parents = header.count(b":")
                fields = header.split(b" ")
                mode = fields[parents][-6:]
                if mode not in (_GITLINK, _GONE):
                    yield Introduced(commit, token, fields[2 * parents + 1].decode("ascii"))
                header = b""
            elif token.startswith(b":"):
                header = token
            else:
                commit = token.decode("ascii")


def _tokens(answer: IO[bytes]) -> Iterator[bytes]:
    """Yield what a zero ends."""
    rest = b""
    while piece := answer.read(_PIECE):
        *tokens, rest = (rest + piece).split(b"\0")
        yield from tokens
    if rest:
        raise GitUnavailable("git diff-tree stopped within a line", hint="check the clone with git fsck")
