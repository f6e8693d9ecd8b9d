"""The scan: which sources were asked for, what was read of them, what was found, and what is missing."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from ci_guard.errors import GitUnavailable, UsageError
from ci_guard.git import IndexEntry, Repository, locate
from ci_guard.model.scan import Gap, SecretScan, Skipped
from ci_guard.records import dataclass, field, replace
from ci_guard.secrets import findings, gaps, listing, names, places, shares
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.places import Place
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.review import Opened, Review, open_review, unheeded
from ci_guard.secrets.work_tree import WorkTree

if TYPE_CHECKING:
    from ci_guard.secrets.history import History

STANDARD_INPUT = "-"

_TOLD: Final = 500
"""Contents between two signs of life."""

Progress = Callable[[str], None]
"""Is told what is being done: words of ours, and never a path or another text of a stranger's."""
Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True)
class ScanRequest:
    """What is to be read. Every content is read once, whichever sources it stands in."""

    root: str | os.PathLike[str]
    """A folder; paths are relative to it. Within a repository, only what is in the folder is read."""
    commit: str | None = None
    """The judged commit; None for the one that is checked out."""
    tree: bool = False
    """Read the tree of the commit, from the object database."""
    work_tree: bool = False
    """Read the files that are there: tracked, or untracked and not ignored. Outside a repository: all files."""
    staged: bool = False
    """Read what a commit of the index would bring."""
    index: str | None = None
    """The index, where it is not the work tree's own."""
    range: tuple[str | None, str] | None = None
    """Read what is reachable from the second commit and not from the first; None as the first is all of its history."""
    review: Review = field(default_factory=Review)
    """Whose suppressions count; by default those of the folder."""
    history: bool = False
    """Read all that refs and the head lead to."""


def unheard(_: str) -> None:
    """Take progress that nobody wants to hear of."""


def scan(request: ScanRequest, progress: Progress = unheard) -> SecretScan:
    """
    Read the sources and return what was found.

    Raises: `UsageError` for a root that is no folder; `GitUnavailable` when a tree, a range or history is asked for
    outside a repository, or git is missing where there is one; `PolicyError` for suppressions or rules of ci-guard's
    own that cannot be accepted; `ScanFault` when the scanner itself breaks. What cannot be read is no exception: it
    stands in the result.
    """
    with begun(request, progress) as finish:
        return finish()


@contextmanager
def begun(
    request: ScanRequest, progress: Callable[[str], None] = lambda _: None, repository: Repository | None = None
) -> Iterator[Callable[[], SecretScan]]:
    """
    Begin to read, in other processes, and give what finishes the scan: what the caller does meanwhile takes no time.

    `repository` is that of the root, where the caller has opened it. Raises: as `scan`.
    """
    started = time.monotonic()
    if not os.path.isdir(request.root):
        raise UsageError(f"{request.root} is not a folder", hint="name the folder of a checkout")
    root = os.path.realpath(request.root)
    outside = repository is None and locate(root) is None
    with ExitStack() as stack:
        if outside and not (request.tree or request.range or request.staged or request.history):
            work = _Work("sha256", open_review(request.review, None, root), progress=progress)
            files = stack.enter_context(closing(work.files_of(root)))
            files.begin(None)

            def finish() -> SecretScan:
                work.read_folder(files)
                return work.result(time.monotonic() - started)

            yield finish
            return
        opened = replace(repository or Repository.open(root), index=request.index)
        opened = stack.enter_context(opened.session())
        prefix = listing.prefix_of(opened, root)
        top = opened.work_tree if request.work_tree else None
        listing.begin(opened, root, names=bool(request.tree or request.range), files=top is not None)
        work = _Work(opened.object_format, open_review(request.review, opened, root, prefix), prefix, progress)
        files = stack.enter_context(closing(work.files_of(top or root)))
        if top:
            files.begin(opened)

        def finish() -> SecretScan:
            work.read_repository(opened, request, files)
            if request.history:
                work.read_history(opened)
            return work.result(time.monotonic() - started)

        yield finish


def scan_bytes(stream: BinaryIO) -> SecretScan:
    """Return what is found in a stream, such as standard input; its path in the findings is `-`."""
    started = time.monotonic()
    work = _Work("sha256", open_review(Review(), None, None))
    work.read_stream(stream)
    return work.result(time.monotonic() - started)


@dataclass
class _Work:
    """One scan on its way."""

    object_format: str
    opened: Opened
    prefix: bytes = b""
    """Of the paths to read, within the repository; empty for all of it."""
    progress: Progress = unheard
    sources: list[str] = field(default_factory=list)
    tree: list[Place] = field(default_factory=list)
    files: list[Place] = field(default_factory=list)
    range: list[Place] = field(default_factory=list)
    names: list[Place] = field(default_factory=list)
    """Names of branches and tags, and messages of tags."""
    edges: frozenset[str] = frozenset()
    """The commits that the range starts from."""
    skipped: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    commits: int = 0
    judged: set[str] = field(default_factory=set)
    """The commits of tree and range."""
    expected: bool = False
    """Whether any content was there to be read."""
    staged: bool = False
    """Whether the index was read; there may be nothing new in it."""
    ranged: bool = False
    """Whether a range was read; there may be no commit in it."""
    indexed: bool = False
    """Whether the tree is what the index holds."""
    nothing: Callable[[], Iterable[bytes]] = tuple
    """Yields the paths of files that were read and have nothing: of a million, too many to hold."""
    history: History | None = None

    def __post_init__(self) -> None:
        self.reading = Reading(Matcher(self.opened.rules, self.opened.own), self.object_format)

    def read_stream(self, stream: BinaryIO) -> None:
        self.sources.append("standard input")
        self.expected = True
        self.files.append(Place(STANDARD_INPUT, self.reading.stream(stream)))

    def files_of(self, root: str) -> WorkTree:
        return WorkTree(root, self.prefix, self.reading, self._skip)

    def read_folder(self, files: WorkTree) -> None:
        self.sources.append("folder")
        self._read_files(files, None)

    def read_repository(self, repository: Repository, request: ScanRequest, files: WorkTree) -> None:
        bare = request.work_tree and repository.is_bare
        if bare:
            self.gaps.append(gaps.bare())
        if request.tree or bare:
            self._attempt("tree", lambda: self._list_tree(repository, request.commit, files.index))
        if request.range:
            base, head = request.range
            self._attempt("range", lambda: self._list_range(repository, base, head), essential=False)
        if request.staged:
            self._attempt("index", lambda: self._list_staged(repository))
        if request.work_tree and not bare:
            self.sources.append("work tree")
            self._attempt("index", lambda: self._read_files(files, repository))
        if self.indexed:
            self.tree = files.indexed()
        if repository.has_replacements():
            self.gaps.append(gaps.replaced_objects())
        if repository.has_grafts():
            self.gaps.append(gaps.grafts())
        if self.judged and not self.prefix:
            self._attempt("list of branches and tags", lambda: self._read_names(repository), essential=False)
        missing = self._read_objects(repository)
        self._attempt("beginning of the range", lambda: self._leave_out_held(repository), essential=False)
        if missing := missing.intersection(place.oid for place in self._everywhere()):
            self.gaps.append(gaps.missing_contents(len(missing)))

    def read_history(self, repository: Repository) -> None:
        from ci_guard.secrets import history

        self.sources.append("history of all refs")
        if repository.is_shallow():
            self.gaps.append(gaps.shallow_history())
        try:
            self.history = history.read(repository, self.reading, self.prefix, self.progress)
        except GitUnavailable as error:
            self.gaps.append(gaps.unreadable("history", error))
            self.expected = True
            return
        self.range, self.names = self.history.places, self.history.names
        self.commits = self.history.commits
        if self.history.missing:
            self.gaps.append(gaps.missing_contents(self.history.missing))

    def result(self, seconds: float) -> SecretScan:
        everywhere = self._everywhere()
        blobs = self.history.blobs if self.history else self.reading.blobs
        if self.staged and not self.expected:
            self.gaps.append(gaps.nothing_staged())
        elif not blobs and (self.expected or not self.commits):
            alone = self.ranged and len(self.sources) == 1 and not self.expected
            self.gaps.append(gaps.no_commits() if alone else gaps.nothing_read(empty=not self.expected))
        present = [*self.tree, *self.files]
        pointers = findings.find_pointers(present, self.reading)
        if pointers:
            fetched = {place.path for place in self.files}.union(map(places.text, self.nothing()))
            pointers -= fetched - findings.find_pointers(self.files, self.reading)
        current = {place.oid for place in present}
        past = findings.find_pointers((place for place in self.range if place.oid not in current), self.reading)
        if pointers:
            self.gaps.append(gaps.missing_lfs(pointers))
        if past:
            self.gaps.append(gaps.past_lfs(past))
        if self.reading.matcher.slow:
            self.gaps.append(gaps.slow_engine())
        authors = self.history.authors if self.history else {}
        skipped = [Skipped(path=path, reason=reason) for path, reason in self.skipped.items()]
        skipped += findings.find_unread(everywhere, self.reading)
        sieve = self.opened.sieve
        found = SecretScan(
            findings=findings.find_secrets(everywhere, self.reading, sieve.keeps, authors),
            key_files=findings.find_key_files(everywhere, self.reading, sieve.keeps, authors),
            sources=tuple(self.sources),
            commits=self.commits,
            blobs=blobs,
            bytes=self.history.bytes if self.history else self.reading.bytes,
            skipped=tuple(sorted(skipped, key=lambda skip: (skip.path, skip.reason))),
            gaps=tuple(self.gaps),
            suppressed=tuple(sieve.suppressed),
            unreviewed=tuple(sieve.unreviewed),
            review_doubt=self.opened.doubt,
            remarks=(*sieve.remarks, *unheeded(sieve.unreviewed, self.opened.doubt)),
            seconds=seconds,
        )
        return names.judged(found, everywhere, self.nothing(), self.reading.search, sieve)

    def _everywhere(self) -> list[Place]:
        """Return all places; of a file's versions the one first whose comments say what is meant."""
        present = (self.files, self.tree) if self.opened.folder else (self.tree, self.files)
        return [*present[0], *present[1], *self.range, *self.names]

    def _attempt(self, what: str, step: Callable[[], None], *, essential: bool = True) -> None:
        """Take a step; where git cannot, that is a gap, and of an essential one nothing read is no clean result."""
        try:
            step()
        except GitUnavailable as error:
            self.gaps.append(gaps.unreadable(what, error))
            self.expected |= essential

    def _list_tree(self, repository: Repository, commit: str | None, index: Sequence[IndexEntry]) -> None:
        head = repository.head()
        commit = commit or head
        if commit is None:
            self.sources.append("tree")
            if not repository.is_unborn():
                self.gaps.append(gaps.missing_commit("", "The commit that is checked out"))
                self.expected = True
            return
        self.sources.append(f"tree of {commit[:12]}")
        found = head if commit == head else repository.rev_parse(commit)
        if found is None:
            self.gaps.append(gaps.missing_commit(commit, "The judged commit"))
            self.expected = True
            return
        if found != head and not repository.is_bare:
            self.gaps.append(gaps.other_head(head, found))
        self.judged.add(found)
        tree = places.tree(repository, found, self.prefix, index)
        if tree is None:
            self.indexed = True
            modes = Counter(entry.mode for entry in index if entry.path.startswith(self.prefix))
            submodules = modes.pop(places.GITLINK, 0)
            self.expected |= bool(modes)
        else:
            self.tree, submodules = tree
            self.expected |= bool(tree.places)
        if submodules:
            self.gaps.append(gaps.submodules(submodules))

    def _list_range(self, repository: Repository, base: str | None, head: str) -> None:
        self.sources.append(f"range {base[:12]}..{head[:12]}" if base else f"history of {head[:12]}")
        ends = []
        for name, role in ((base, "The beginning of the range"), (head, "The end of the range")):
            end = repository.rev_parse(name) if name else None
            if name and end is None:
                self.gaps.append(gaps.missing_commit(name, role))
                return
            ends.append(end)
        found = places.commit_range(repository, ends[0], str(ends[1]), self.prefix)
        self.range, self.commits = [*found.places, *found.messages], found.commits
        self.ranged = True
        self.edges = found.edges
        if repository.is_partial():  # what it lacks, git refuses to read
            self._leave_out_held(repository)
        self.judged.update(place.oid for place in found.messages)
        self.expected |= bool(found.places)
        if not found.complete:
            self.gaps.append(gaps.shallow_range())

    def _list_staged(self, repository: Repository) -> None:
        self.sources.append("index")
        found = places.staged(repository, repository.head(), self.prefix)
        self.tree += found.places
        self.staged = True
        self.expected |= bool(found.places)
        if found.submodules:
            self.gaps.append(gaps.submodules(found.submodules))

    def _read_names(self, repository: Repository) -> None:
        for name, what, commit, tag in places.names(repository, self.judged):
            self.names.append(Place(places.NO_FILE, self.reading.name(name), commit, what))
            if tag:
                self.names.append(Place(places.NO_FILE, tag, commit, places.TAG_MESSAGE))

    def _read_files(self, files: WorkTree, repository: Repository | None) -> None:
        files.read(repository, self._telling, self.progress)
        self.files, self.nothing = files.files, files.nothing
        self.expected |= files.any
        if files.hidden:
            self.gaps.append(gaps.hidden_changes(files.hidden))
        if files.sparse:
            self.gaps.append(gaps.sparse_entries(files.sparse))

    def _leave_out_held(self, repository: Repository) -> None:
        """Leave out what a commit of the range only moved or copied, where there would be something to say of it."""
        told = {place for place in self.range if not place.what and self.reading.matters(place.oid, place.path)}
        if told:
            held = places.held(repository, self.edges)
            self.range = [place for place in self.range if place not in told or place.oid not in held]

    def _read_objects(self, repository: Repository) -> set[str]:
        """Read from the object database what was not read as a file; return what it lacks."""
        wanted: dict[str, list[str]] = {}
        missing: set[str] = set()
        for place in self._everywhere():
            if self.reading.lacks(place.oid, place.path):
                wanted.setdefault(place.oid, []).append(place.path)
        if not wanted:
            return missing
        try:
            with closing(shares.read(repository, wanted, self.reading)) as streams:
                for stream in self._telling("reading objects", streams, f" of {len(wanted)}"):
                    if stream.kind is None:
                        missing.add(stream.oid)
                    else:
                        self.reading.object(stream, wanted[stream.oid])
        except GitUnavailable as error:
            self.gaps.append(gaps.unreadable("object database", error))
        return missing

    def _telling(self, what: str, things: Iterable[Thing], of: str = "") -> Iterator[Thing]:
        """Yield the same things, and tell how many there were."""
        self.progress(what)
        for number, thing in enumerate(things, 1):
            yield thing
            if number % _TOLD == 0:
                self.progress(f"{what}, {number}{of}")

    def _skip(self, path: str, reason: str) -> None:
        self.skipped[path] = reason
        self.expected = True
