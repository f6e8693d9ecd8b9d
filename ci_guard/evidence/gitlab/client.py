"""A reading REST client for one project: each fact fetched once, and nothing raised for what a server does."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ci_guard.evidence.gitlab.dialect import GitLabDialect, Token
from ci_guard.evidence.rest.exchange import Answer, Exchange, Reply, best, harmless
from ci_guard.evidence.rest.together import Gatherer
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable

T = TypeVar("T")
Absent: TypeAlias = Container[str] | Callable[[str], bool]
"""Which messages of a refusal say that the thing does not exist, rather than that it is hidden."""
Params: TypeAlias = Mapping[str, str | int | Sequence[int]]

MAXIMUM_PAGES: Final = 100
"""Of one list, each of a hundred entries."""

STRONGER: Final = "a token with read_api in CI_GUARD_TOKEN"
"""What shows what a job's token does not; a caller adds the role that it takes."""
NEWER: Final = "GitLab 18.3 or newer, or a token with read_api in CI_GUARD_TOKEN"
"""What shows what the job's token of an older server does not."""

_UNSAFE: Final = re.compile(r"[^\x21-\x7e]|[?#\\]|//")
_ID: Final = re.compile("[0-9]{1,18}")
_PATH: Final = re.compile("[A-Za-z0-9_.-]+(?:%2F[A-Za-z0-9_.-]+)+")
_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next\b"?')
_WORDS: Final[dict[type, str]] = {dict: "object", list: "list", str: "text"}


class Sight(Enum):
    """Whose token may see an endpoint. Source: "CI/CD job token", "Job token access"."""

    OF_JOB = "of the job only"
    """It is about the job's token itself (`GET /job`), or about what the job's user may do."""
    BY_JOB = "by the job's token"
    """The job's token since GitLab 18.3, or a stronger one."""
    BY_STRONGER = "by a stronger token"
    """Never the job's token, with which a server answers as it would without any: it may, of a public project."""
    BY_MEMBER = "by a member's token"
    """The same of what nobody is shown who has not signed in, whatever the project."""


def segment(name: str) -> str:
    """Return a name as one segment of a path: slashes and all else that is special are encoded."""
    return quote(name, safe="", errors="surrogateescape")


class Client(Gatherer):
    """
    Facts from the REST API, over python-gitlab, about one project.

    The job's token is asked first where it may see something, the stronger one for what the first cannot show.
    Without a token nothing is asked. Every distinct request is made once, whoever asks; methods may be called from any
    thread. **Seam**: `project` is the numeric id that all relative paths belong to, as the server says it; `stronger`
    tells whether there is a `read_api` token at all.
    """

    def __init__(
        self,
        *,
        server_url: str,
        project: str,
        tokens: Sequence[Token],
        transport: Transport,
        public: bool = False,
        by_path: bool = False,
    ) -> None:
        """
        Prepare; nothing is sent yet, and without a token python-gitlab is not imported.

        `server_url` is the instance's own address, with the path below which it lies. `public` says that the project is
        claimed to be public, so that it is worth asking with the job's token what that token may not see by itself;
        `by_path`, that it is named by its whole path, which no variable of the job said.

        Raises: `UsageError` for an address or CA bundle that cannot be used.
        """
        super().__init__("gitlab")
        self.server_url = server_url.rstrip("/")
        self.project = segment(project) if by_path else project
        self._form: Final = _PATH if by_path else _ID
        self._homeless = "CI_PROJECT_ID is not set"
        self.stronger = any(not token.of_job for token in tokens)
        self._public = public
        self._tokens = tuple(tokens)
        self._transport = transport
        api_url = f"{self.server_url}/api/v4"
        dialect = GitLabDialect(api_url=api_url, tokens=self._tokens, transport=transport)
        self._exchange = Exchange(api_url=api_url, tokens=len(self._tokens), transport=transport, dialect=dialect)

    def belongs_to(self, project: int | Unknown) -> None:
        """
        Ask from now on about the project that the server names for the job, whatever a variable claimed.

        Where it names none, nothing is asked about a project: a variable could name one that is well protected.
        """
        self.project = "" if isinstance(project, Unknown) else str(project)
        self._homeless = project.reason if isinstance(project, Unknown) else ""

    @property
    def requests(self) -> int:
        """Number of HTTP requests sent so far: retries, redirects and further pages included."""
        return self._exchange.sent

    @property
    def transport(self) -> tuple[str, ...]:
        """Proxy and CA bundle in use, for the record."""
        return self._transport.describe()

    def last_headers(self) -> tuple[Mapping[str, str], ...]:
        """Return for each token, in its order, the headers of the answer that left it the fewest requests, or none."""
        return tuple(self._exchange.headers.get(token, {}) for token in range(len(self._tokens)))

    def get(
        self,
        path: str,
        *,
        sight: Sight = Sight.BY_JOB,
        needs: str = "",
        shape: type = dict,
        params: Params | None = None,
        absent: Absent | None = None,
        complete: Callable[[Any], bool] | None = None,
        read: Callable[[Answer], Reply] | None = None,
    ) -> Fact[Any]:
        """
        Return the JSON at `path`, which is relative to the project or, with a leading slash, to the API.

        Known, with the body, where it is of `shape`; known with None where the server refuses with a message that
        `absent` names. 401, 403 and 404 are `invisible`, with `needs` (the role or token that would show it); all else
        is `unavailable`. Where the weaker token's answer is refused, limited or not `complete`, the stronger is asked.
        `read` parses what is no JSON.
        """
        target, detail = self._target(path, params)

        def ask(token: int) -> tuple[Fact[Any], bool]:
            reply = self._exchange.reply(token, target, read)
            fact = self._fact(reply, token, needs=needs, sight=sight, detail=detail, shape=shape, absent=absent)
            return fact, reply.of_this_token

        return self._ask(ask, target, detail, sight=sight, needs=needs, complete=complete)

    def get_all(
        self,
        path: str,
        *,
        sight: Sight = Sight.BY_JOB,
        needs: str = "",
        shape: type = dict,
        params: Params | None = None,
        absent: Absent | None = None,
        until: Callable[[list[Any]], bool] | None = None,
        counted: bool = False,
    ) -> Fact[tuple[Any, ...]]:
        """
        Return the items of every page at `path`, each of `shape`; pages by offset and by keyset alike.

        An absent list is empty. `until` says of the items so far whether they are enough, so that no other page is
        asked for. Where the platform says how many there are (`counted`), fewer than that are unknown. All else is as
        in `get`.

        Source: REST API "Pagination": `X-Next-Page` by offset, `Link` by keyset.
        """
        target, detail = self._target(path, {"per_page": 100, **(params or {})})

        def ask(token: int) -> tuple[Fact[Any], bool]:
            found: list[Any] = []
            page: str | None = target
            for _ in range(MAXIMUM_PAGES):
                if not page:
                    return unavailable("the next page lies outside the list", detail=detail), False
                reply = self._exchange.reply(token, page)
                fact = self._fact(reply, token, needs=needs, sight=sight, detail=detail, shape=list, absent=absent)
                if isinstance(fact, Unknown):
                    return fact, reply.of_this_token
                if fact.value is None:
                    return _known((), detail), False
                if not all(isinstance(item, shape) for item in fact.value):
                    return unavailable("wrongly shaped answer: a page is no list of such items", detail=detail), False
                found += fact.value
                page = next_page(page, reply.headers)
                if until is not None and until(found):
                    return _known(tuple(found), detail), False
                if page is None:
                    total = reply.headers.get("x-total", "")
                    if counted and re.fullmatch(r"[0-9]{1,9}", total) and int(total) > len(found):
                        why = f"the server counts {total} entries and showed {len(found)}"
                        return unavailable(why, detail=detail), False
                    return _known(tuple(found), detail), False
            return unavailable(f"the list has more than {MAXIMUM_PAGES} pages", detail=detail), False

        return self._ask(ask, target, detail, sight=sight, needs=needs)

    def get_of_server(self, path: str) -> Fact[Any]:
        """Return the object at a path below the instance's own address rather than the API's."""
        detail = f"GET {path}"

        def ask(token: int) -> tuple[Fact[Any], bool]:
            reply = self._exchange.reply(token, f"{self.server_url}{path}")
            fact = self._fact(reply, token, needs="", sight=Sight.BY_JOB, detail=detail, shape=dict, absent=None)
            return fact, reply.of_this_token

        return self._ask(ask, path, detail)

    def _ask(
        self,
        ask: Callable[[int], tuple[Fact[Any], bool]],
        target: str,
        detail: str,
        *,
        sight: Sight = Sight.BY_JOB,
        needs: str = "",
        complete: Callable[[Any], bool] | None = None,
    ) -> Fact[Any]:
        if not self._tokens:
            # Not `invisible`: a job that hides its token must not gain what a policy tolerates.
            return unavailable("no token was given", needs="CI_JOB_TOKEN, as every job has it", detail=detail)
        if not target and not self.project:
            return unavailable(f"the project of the job is not known: {self._homeless}", detail=detail)
        if not target:
            return unavailable("the name cannot be part of an address", detail=detail)
        able = [number for number, token in enumerate(self._tokens) if self._may(token, sight)]
        if sight is Sight.OF_JOB and not able:
            return unavailable("the job's own token was not given", needs="CI_JOB_TOKEN", detail=detail)
        if not able:
            return invisible("a job's token does not show this", needs=needs or STRONGER, detail=detail)
        return best(lambda number: ask(able[number]), len(able), complete)

    def _may(self, token: Token, sight: Sight) -> bool:
        """Tell whether it is worth asking with a token."""
        if sight is Sight.OF_JOB:
            return token.of_job
        if sight is Sight.BY_MEMBER:
            return not token.of_job
        if sight is Sight.BY_STRONGER:
            return not token.of_job or (self._public and not self.stronger)
        return True

    def _target(self, path: str, params: Params | None) -> tuple[str, str]:
        """Return path and query below the API's address (empty: cannot be asked) and the text for `detail`."""
        shown = {name: value for name, value in (params or {}).items() if name not in ("per_page", "page")}
        query_shown = f"?{urlencode(shown, doseq=True, errors='replace')}" if shown else ""
        detail = f"GET {path or 'projects/:id'}{query_shown}"
        full = path if path.startswith("/") else f"/projects/{self.project}/{path}".rstrip("/")
        # Dot segments would be folded on the way: a branch `..` must not turn the question into another one.
        if not {".", ".."}.isdisjoint(full.split("/")) or _UNSAFE.search(full):
            return "", detail
        if not path.startswith("/") and not self._form.fullmatch(self.project):
            return "", detail
        try:
            query = urlencode(sorted((params or {}).items()), doseq=True)
        except UnicodeEncodeError:
            return "", detail
        return f"{full}?{query}" if query else full, detail

    def _fact(
        self, reply: Reply, token: int, *, needs: str, sight: Sight, detail: str, shape: type, absent: Absent | None
    ) -> Fact[Any]:
        """Turn a reply into a fact."""
        if reply.failure:
            return unavailable(reply.failure, detail=detail)
        if 200 <= reply.status < 300:
            if isinstance(reply.body, shape):
                return _known(reply.body, detail)
            return unavailable(f"wrongly shaped answer: no {_WORDS.get(shape, shape.__name__)}", detail=detail)
        message: str = reply.body["message"]
        if reply.status == 404 and absent is not None and (absent(message) if callable(absent) else message in absent):
            return _known(None, detail)
        reason = f"the server answered {reply.status}: {harmless(message, [held.value for held in self._tokens])}"
        if reply.status not in (401, 403, 404) or (reply.status == 401 and not self._alive(token)):
            # A dead token sees nothing of what a live one would show, so nothing of it is tolerable either.
            return unavailable(reason, detail=detail)
        default = NEWER if sight is Sight.BY_JOB else STRONGER
        return invisible(reason, needs=needs or default, detail=detail)

    def _alive(self, token: int) -> bool:
        """Tell whether a job's token is one, by the endpoint that every server has for it."""
        return self._tokens[token].of_job and self._exchange.reply(token, "/job").status == 200


def next_page(target: str, headers: Mapping[str, str]) -> str | None:
    """
    Return the page after `target`, empty where it is of another list, or None after the last.

    Of a `Link` only the query counts: a server behind a proxy may not know the address that it is asked by.
    """
    path, _, query = target.partition("?")
    number = headers.get("x-next-page", "")
    if re.fullmatch(r"[0-9]{1,9}", number):
        kept = [part for part in query.split("&") if part and not part.startswith("page=")]
        return f"{path}?{'&'.join([*kept, f'page={number}'])}"
    found = _NEXT.search(headers.get("link", ""))
    if found is None:
        return None
    try:
        url = urlsplit(found[1])
    except ValueError:
        return ""
    return f"{path}?{url.query}" if url.path.endswith(path) and url.query else ""


def _known(value: T, detail: str) -> Known[T]:
    return Known(value=value, source=Source.API, detail=detail)
