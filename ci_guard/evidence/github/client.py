"""A reading REST client for one repository: each fact fetched once, and nothing raised for what a server does."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from ci_guard.errors import UsageError
from ci_guard.evidence.github.dialect import GitHubDialect
from ci_guard.evidence.github.limits import accepted_permissions, default_permission
from ci_guard.evidence.rest.exchange import Exchange, Reply, best, harmless
from ci_guard.evidence.rest.together import Gatherer
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable

T = TypeVar("T")
Absent: TypeAlias = Container[str] | Callable[[str], bool]
"""Which messages of a refusal say that the thing does not exist, rather than that it is hidden."""

MAXIMUM_PAGES: Final = 100
"""Of one list, each of a hundred entries."""

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]|[?#\\]|//")
_WORDS: Final[dict[type, str]] = {dict: "object", list: "list", str: "text"}


def segment(name: str) -> str:
    """Return a name as one segment of a path: slashes and all else that is special are encoded."""
    return quote(name, safe="", errors="surrogateescape")


class Client(Gatherer):
    """
    Facts from the REST API, over PyGithub.

    The first token (the job's) is asked first; the second, stronger one only for what the first cannot show. Without a
    token nothing is asked. Every distinct request is made once, whoever asks; methods may be called from any thread.
    """

    def __init__(self, *, api_url: str, repository: str, tokens: tuple[str, ...], transport: Transport) -> None:
        """
        Prepare; nothing is sent yet, and without a token PyGithub is not imported. `repository` is `owner/name`.

        Raises: `UsageError` for an address, repository or CA bundle that cannot be used.
        """
        if not _REPOSITORY.fullmatch(repository) or not {".", ".."}.isdisjoint(repository.split("/")):
            raise UsageError(
                "The repository is not named as owner/name.",
                hint="Expected for example acme/shop; the runner sets GITHUB_REPOSITORY.",
            )
        super().__init__("github")
        self.repository = repository
        self._tokens = tokens
        self._transport = transport
        dialect = GitHubDialect(api_url=api_url, tokens=tokens, transport=transport)
        self._exchange = Exchange(api_url=api_url, tokens=len(tokens), transport=transport, dialect=dialect)

    @property
    def requests(self) -> int:
        """Number of HTTP requests sent so far: retries, redirects and further pages included."""
        return self._exchange.sent

    def last_headers(self) -> tuple[Mapping[str, str], ...]:
        """Return for each token, in its order, the headers of the answer that left it the fewest requests, or none."""
        return tuple(self._exchange.headers.get(token, {}) for token in range(len(self._tokens)))

    @property
    def transport(self) -> tuple[str, ...]:
        """Proxy and CA bundle in use, for the record."""
        return self._transport.describe()

    def get(
        self,
        path: str,
        *,
        shape: type = dict,
        params: Mapping[str, str | int] | None = None,
        absent: Absent | None = None,
        complete: Callable[[Any], bool] | None = None,
        stronger_first: bool = False,
    ) -> Fact[Any]:
        """
        Return the JSON at `path`, which is relative to the repository or, with a leading slash, to the API.

        Known, with the body, where it is of `shape`; known with None where the server refuses with a message that
        `absent` names. A refusal is `invisible`, with the permission that it asks for; all else is `unavailable`. Where
        the weaker token's answer is refused, limited or not `complete`, the stronger token is asked; a trouble on the
        way then counts more than a refusal, because whoever can cause it must not gain by it. `stronger_first` turns
        the order round, for what a job's token is known not to see.
        """
        target, detail = self._target(path, params)

        def ask(token: int) -> tuple[Fact[Any], bool]:
            reply = self._exchange.reply(token, target)
            return self._fact(reply, path=path, detail=detail, shape=shape, absent=absent), reply.of_this_token

        if refusal := self._cannot_ask(path, target, detail):
            return refusal
        return best(ask, len(self._tokens), complete, stronger_first=stronger_first)

    def get_all(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        limit: int | None = None,
        shape: type = dict,
        items: str | None = None,
        absent: Absent | None = None,
        until: Callable[[list[Any]], bool] | None = None,
        complete: Callable[[Any], bool] | None = None,
        stronger_first: bool = False,
        counted: bool = False,
    ) -> Fact[tuple[Any, ...]]:
        """
        Return the items of every page at `path`, each of `shape`.

        With `items` pages are objects that hold the list at that key. An absent list is empty. `limit` is the
        platform's own cap: a list that reaches it may go on unseen and is unknown. `until` says of the items so far
        whether they are enough, so that no other page is asked for. Where the platform says how many there are
        (`counted`), fewer than that are unknown. All else is as in `get`.
        """
        target, detail = self._target(path, {"per_page": 100, **(params or {})})
        page_shape = list if items is None else dict

        def ask(token: int) -> tuple[Fact[Any], bool]:
            found: list[Any] = []
            page: str | None = target
            for _ in range(MAXIMUM_PAGES):
                if not page:
                    return unavailable("the next page lies outside the API", detail=detail), False
                reply = self._exchange.reply(token, page)
                fact = self._fact(reply, path=path, detail=detail, shape=page_shape, absent=absent)
                if isinstance(fact, Unknown):
                    return fact, reply.of_this_token
                if fact.value is None:
                    return _known((), detail), False
                part = fact.value if items is None else fact.value.get(items)
                if not isinstance(part, list) or not all(isinstance(item, shape) for item in part):
                    return unavailable("wrongly shaped answer: a page is no list of such items", detail=detail), False
                found += part
                if limit is not None and len(found) >= limit:
                    return unavailable(f"the platform shows at most {limit} entries", detail=detail), False
                page = self._exchange.next_target(reply)
                if until is not None and until(found):
                    return _known(tuple(found), detail), False
                if page is None:
                    total = fact.value.get("total_count") if counted else None
                    if isinstance(total, int) and total > len(found):
                        why = f"the server counts {total} entries and showed {len(found)}"
                        return unavailable(why, detail=detail), False
                    return _known(tuple(found), detail), False
            return unavailable(f"the list has more than {MAXIMUM_PAGES} pages", detail=detail), False

        if refusal := self._cannot_ask(path, target, detail):
            return refusal
        return best(ask, len(self._tokens), complete, stronger_first=stronger_first)

    def _target(self, path: str, params: Mapping[str, str | int] | None) -> tuple[str, str]:
        """Return path and query below the API's address (empty: cannot be asked) and the text for `detail`."""
        shown = {name: value for name, value in (params or {}).items() if name not in ("per_page", "page")}
        query_shown = f"?{urlencode(shown, errors='replace')}" if shown else ""
        detail = f"GET {path or f'/repos/{self.repository}'}{query_shown}"
        full = path if path.startswith("/") else f"/repos/{self.repository}/{path}".rstrip("/")
        # Dot segments would be folded on the way: a login `..` must not turn the question into another one.
        if not {".", ".."}.isdisjoint(full.split("/")) or _UNSAFE.search(full):
            return "", detail
        try:
            query = urlencode(sorted((params or {}).items()))
        except UnicodeEncodeError:
            return "", detail
        return f"{full}?{query}" if query else full, detail

    def _cannot_ask(self, path: str, target: str, detail: str) -> Unknown | None:
        if not target:
            return unavailable("the name cannot be part of an address", detail=detail)
        if not self._tokens:
            # Not `invisible`: a workflow that leaves the token out must not gain what a policy tolerates.
            return unavailable("no token was given", needs=default_permission(path), detail=detail)
        return None

    def _fact(self, reply: Reply, *, path: str, detail: str, shape: type, absent: Absent | None) -> Fact[Any]:
        """Turn a reply into a fact."""
        if reply.failure:
            return unavailable(reply.failure, detail=detail)
        if 200 <= reply.status < 300:
            if isinstance(reply.body, shape):
                return _known(reply.body, detail)
            return unavailable(f"wrongly shaped answer: no {_WORDS.get(shape, shape.__name__)}", detail=detail)
        message: str = reply.body["message"]
        if reply.status != 401 and absent is not None and (absent(message) if callable(absent) else message in absent):
            return _known(None, detail)
        reason = f"the server answered {reply.status}: {harmless(message, self._tokens)}"
        if reply.status not in (403, 404):
            # A dead token (401) sees nothing of what a live one would show, so nothing of it is tolerable either.
            return unavailable(reason, detail=detail)
        needs = accepted_permissions(reply.headers.get("x-accepted-github-permissions", ""))
        return invisible(reason, needs=needs or default_permission(path), detail=detail)


def _known(value: T, detail: str) -> Known[T]:
    return Known(value=value, source=Source.API, detail=detail)
