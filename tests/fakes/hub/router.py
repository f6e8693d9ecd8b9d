"""Routes, permissions and pagination: what every endpoint of the fake GitHub has in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, unquote, urlencode

from tests.fakes.hub.repository import Repository
from tests.fakes.hub.world import Token, World

T = TypeVar("T")

REPO = "/repos/{owner}/{repo}"
"""How the templates of a repository's endpoints begin."""

DOCS = "https://docs.github.com/rest"
PUBLIC = frozenset({"metadata", "contents", "pull_requests", "issues", "actions"})
"""What anybody may read of a public repository, whatever the token was granted."""


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"message": message, "documentation_url": DOCS, "status": str(status), **extra}


@dataclass(kw_only=True)
class Answer:
    """What goes out: a JSON value, or bytes with their own content type."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What came in."""

    method: str
    path: str
    """Without query and API prefix, still percent-encoded."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""
    pairs: tuple[tuple[str, str], ...] = ()
    """The query with every value of a name that stands in it several times."""


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Addresses that bodies mention."""

    api: str
    html: str


@dataclass(kw_only=True)
class Context:
    """One call being answered."""

    world: World
    call: Call
    urls: Urls
    token: Token | None
    parameters: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    _repo: Repository | None = None

    @property
    def repo(self) -> Repository:
        """Return the repository that the path names."""
        assert self._repo is not None, "only routes below /repos have a repository"
        return self._repo

    @property
    def repo_url(self) -> str:
        """Return the API address of the repository."""
        return f"{self.urls.api}/repos/{self.repo.full_name}"

    def may(self, permission: str, level: str = "read") -> bool:
        """Tell whether the token was granted something; being public does not count here."""
        return self.token is not None and self.token.may(permission, level)

    def number(self, name: str, default: int, highest: int) -> int:
        """Return a positive number of the query, clamped as GitHub does."""
        text = self.call.query.get(name, "")
        return min(max(int(text), 1), highest) if text.isdigit() else default

    def page(self, items: Sequence[T], *, default: int = 30, highest: int = 100) -> list[T]:
        """Return the asked page and set the `Link` header; the addresses are by repository id, as GitHub's are."""
        size = self.number("per_page", default, highest)
        page = self.number("page", 1, 10**6)
        last = max(1, -(-len(items) // size))
        links = []
        if page > 1:
            links += [self._link("prev", page=min(page - 1, last)), self._link("first", page=1)]
        if page < last:
            links += [self._link("next", page=page + 1), self._link("last", page=last)]
        if links:
            self.headers["Link"] = ", ".join(links)
        return list(items[(page - 1) * size : page * size])

    def _link(self, relation: str, **changes: object) -> str:
        path = self.call.path
        if self._repo is not None:
            path = f"/repositories/{self.repo.id}/" + path.split("/", 4)[4]
        query = {**self.call.query, **{k: str(v) for k, v in changes.items() if v is not None}}
        for key in [k for k, v in changes.items() if v is None]:
            query.pop(key, None)
        return f'<{self.urls.api}{path}?{urlencode(query)}>; rel="{relation}"'

    def cursor_links(self, *, after: str | None, before: str | None) -> None:
        """Set the `Link` header of an endpoint that pages by cursor."""
        links = []
        if before is not None:
            links.append(self._link("prev", before=before, after=None))
        if after is not None:
            links.append(self._link("next", after=after, before=None))
        if links:
            self.headers["Link"] = ", ".join(links)


Handler = Callable[[Context], Any]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation: method, template as the OpenAPI description has it, and who may call it."""

    method: str
    template: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    level: str
    handler: Handler

    @property
    def operation(self) -> str:
        """Return `GET /repos/{owner}/…`."""
        return f"{self.method} {self.template}"


ROUTES: list[Route] = []


def route(template: str, *needs: str, level: str = "read", method: str = "GET") -> Callable[[Handler], Handler]:
    """Register a handler; any one of `needs` is enough. Branches, refs and paths may hold slashes, raw or encoded."""
    greedy = ("branch", "ref", "path", "basehead", "commit_sha")
    regex = re.sub(r"\\{(\w+)\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in greedy else '[^/]+'})", re.escape(template))

    def register(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method=method, template=template, pattern=re.compile(regex), needs=needs, level=level, handler=handler
            )
        )
        # Templates with text after a greedy parameter come first: .../branches/{branch}/protection.
        ROUTES.sort(key=lambda r: -len(r.template))
        return handler

    return register


def find(call: Call) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a call and its decoded parameters."""
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(call.path)
        if match and candidate.method == call.method:
            return candidate, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def authenticate(world: World, call: Call) -> Token | None:
    """Return the token of a call, None for an anonymous one."""
    header = call.headers.get("authorization")
    if header is None:
        return None
    value = header.partition(" ")[2].strip()
    for token in world.tokens.values():
        if token.value == value:
            return token
    raise ApiError(401, "Bad credentials")


def answer(world: World, call: Call, urls: Urls, *, route: Route, parameters: dict[str, str]) -> Answer:
    """Answer a routed call, or raise `ApiError`."""
    token = authenticate(world, call)
    context = Context(world=world, call=call, urls=urls, token=token, parameters=parameters)
    if "owner" in parameters:
        context._repo = _visible_repository(context)
    if route.needs:
        if token is not None and token.kind != "user":
            context.headers["X-Accepted-GitHub-Permissions"] = "; ".join(f"{n}={route.level}" for n in route.needs)
        try:
            _authorize(context, route)
        except ApiError as error:
            error.headers.update(context.headers)
            raise
    try:
        body = route.handler(context)
    except ApiError as error:
        error.headers.update(context.headers)
        raise
    if isinstance(body, Answer):
        body.headers = {**context.headers, **body.headers}
        return body
    return Answer(body=body, headers=context.headers)


def _visible_repository(context: Context) -> Repository:
    world, token = context.world, context.token
    name = f"{context.parameters['owner']}/{context.parameters['repo']}".lower()
    if name in world.renamed:
        repo = world.repository_named(world.renamed[name])
        rest = context.call.path.split("/", 4)[4:]
        query = f"?{urlencode(context.call.query)}" if context.call.query else ""
        moved_permanently("/".join([f"{context.urls.api}/repositories/{repo.id}", *rest]) + query)
    found = world.repositories.get(name)
    if found is None or (found.private and not _may_see(found, token)):
        raise ApiError(404, "Not Found")
    return found


def _may_see(repo: Repository, token: Token | None) -> bool:
    if token is None:
        return False
    if token.repositories is not None and repo.full_name.lower() not in {n.lower() for n in token.repositories}:
        return False
    return token.login is None or repo.role_of(token.login).base != "none"


def _authorize(context: Context, route: Route) -> None:
    token, repo = context.token, context._repo
    public = repo is not None and not repo.private and route.level == "read" and bool(PUBLIC & set(route.needs))
    if public or any(context.may(need, route.level) for need in route.needs):
        return
    if token is None:
        raise ApiError(401, "Requires authentication")
    if token.kind == "installation":
        raise ApiError(403, "Resource not accessible by integration")
    if token.kind == "fine-grained":
        raise ApiError(403, "Resource not accessible by personal access token")
    raise ApiError(404, "Not Found")


def moved_permanently(url: str) -> NoReturn:
    """Answer 301 with GitHub's body."""
    raise ApiError(301, "Moved Permanently", headers={"Location": url}, url=url)


def refuse_on_free_plan(context: Context) -> None:
    """Answer 403 for a private repository whose plan has neither protection nor rulesets."""
    if context.repo.private and context.repo.plan_limited:
        raise ApiError(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")


def encoded(text: str) -> str:
    """Return a path segment for a URL."""
    return quote(text, safe="", errors="surrogateescape")
