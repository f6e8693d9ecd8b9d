"""Routes, visibility and pagination: what every endpoint of the fake GitLab has in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from tests.fakes.hub.router import Answer, Call
from tests.fakes.lab.project import Project
from tests.fakes.lab.state import GUEST, REPORTER, Token, User
from tests.fakes.lab.world import World

T = TypeVar("T")

PROJECT = "/projects/{id}"
"""How the templates of a project's endpoints begin."""

ALWAYS = (0, 0)
"""The version since which a job's token may read what it could always."""
JOB_18_3 = (18, 3)


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str | None = None, **body: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = body or {"message": message}


def not_found(what: str = "") -> Refusal:
    """Return 404, with what was not found where GitLab says it."""
    return Refusal(404, f"404 {what} Not Found" if what else "404 Not found")


@dataclass(kw_only=True)
class Context:
    """One call being answered."""

    world: World
    call: Call
    url: str
    """The instance's own address."""
    token: Token | None
    viewer: User | None
    """As whom the token acts here; None where it does not count."""
    parameters: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    found: Project | None = None

    @property
    def project(self) -> Project:
        """Return the project that the path names."""
        assert self.found is not None, "only routes below /projects have a project"
        return self.found

    @property
    def level(self) -> int:
        """Return what the viewer holds in the project."""
        return self.project.level_of(self.viewer.username) if self.viewer else 0

    def number(self, name: str) -> int:
        """Return a numeric part of the path, or answer that there is no such thing."""
        text = self.parameters[name]
        if not text.isdigit():
            raise not_found()
        return int(text)

    def page(self, items: Sequence[T]) -> list[T]:
        """Return the asked page, by keyset where the query asks for it, and set the headers that lead on."""
        size = min(int(self.call.query.get("per_page", "20")), 100)
        if self.call.query.get("pagination") == "keyset":
            start = int(self.call.query.get("cursor", "0"))
            if start + size < len(items):
                self.headers["Link"] = self._link("next", cursor=str(start + size))
            return list(items[start : start + size])
        page = int(self.call.query.get("page", "1"))
        pages = max(1, -(-len(items) // size))
        self.headers |= {
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Total": str(len(items)),
            "X-Total-Pages": str(pages),
            "X-Next-Page": str(page + 1) if page < pages else "",
        }
        if page < pages:
            self.headers["Link"] = self._link("next", page=str(page + 1))
        return list(items[(page - 1) * size : page * size])

    def _link(self, relation: str, **changes: str) -> str:
        query = urlencode({**self.call.query, **changes})
        return f'<{self.url}/api/v4{self.call.path}?{query}>; rel="{relation}"'


Handler = Callable[[Context], Any]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint and who may read it."""

    template: str
    pattern: re.Pattern[str]
    handler: Handler
    job: tuple[int, int] | None
    """The version since which a job's token may; None: never, it counts for nothing there."""
    level: int
    """What the viewer must hold in the project, 0 for nothing."""
    public: bool
    """Whether anybody may read it of a public project."""
    tier: str
    operation: str = ""


ROUTES: list[Route] = []
_RANK = {"free": 0, "premium": 1, "ultimate": 2}


def route(
    template: str,
    *,
    job: tuple[int, int] | None = None,
    level: int = GUEST,
    public: bool = False,
    tier: str = "free",
) -> Callable[[Handler], Handler]:
    """Register a handler of `GET`. A parameter is one segment: encoded in the path, decoded for the handler."""
    regex = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))

    def register(handler: Handler) -> Handler:
        made = Route(
            template=template,
            pattern=re.compile(regex),
            handler=handler,
            job=job,
            level=level,
            public=public,
            tier=tier,
            operation=f"GET {template}",
        )
        ROUTES.append(made)
        return handler

    return register


def find(call: Call) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a call and its decoded parameters; GitLab decides by the encoded path."""
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(call.path)
        if match and call.method == "GET":
            return candidate, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def authenticate(world: World, call: Call) -> Token | None:
    """Return the token of a call, None for an anonymous one."""
    for header in ("private-token", "job-token"):
        value = call.headers.get(header)
        if value is None:
            continue
        for token in world.tokens.values():
            if token.value == value and (token.kind == "job") == (header == "job-token"):
                return token
        raise Refusal(401, "401 Unauthorized")
    return None


def answer(world: World, call: Call, url: str, *, route: Route, parameters: dict[str, str]) -> Answer:
    """Answer a routed call, or raise `Refusal`."""
    token = authenticate(world, call)
    if token is not None and not token.active:
        if token.kind == "job":
            raise Refusal(401, "401 Unauthorized")
        raise Refusal(401, error="invalid_token", error_description="Token was revoked. You have to re-authorize.")
    if token is not None and token.kind == "access" and not {"read_api", "api"} & set(token.scopes):
        raise Refusal(
            403,
            error="insufficient_scope",
            error_description="The request requires higher privileges than provided by the access token.",
            scope="api read_api",
        )
    counts = token is not None and (token.kind != "job" or (route.job is not None and world.version >= route.job))
    viewer = world.users[token.username] if token is not None and counts else None
    context = Context(world=world, call=call, url=url, token=token, viewer=viewer, parameters=parameters)
    if "id" in parameters and route.template.startswith(PROJECT):
        context.found = _visible(context, route)
    elif route.level and viewer is None:
        raise Refusal(401, "401 Unauthorized")
    try:
        body = route.handler(context)
    finally:
        context.headers.setdefault("X-Request-Id", "fa4e")
    if isinstance(body, Answer):
        body.headers = {**context.headers, **body.headers}
        return body
    return Answer(body=body, headers=context.headers)


def _visible(context: Context, route: Route) -> Project:
    """Return the project where whoever asks may read this of it."""
    name = context.parameters["id"]
    project = next((p for p in context.world.projects.values() if name in (str(p.id), p.path)), None)
    public = project is not None and project.visibility == "public"
    held = project.level_of(context.viewer.username) if project and context.viewer else 0
    if project is None or (not public and not held):
        raise not_found("Project")
    token = context.token
    if token is not None and token.kind == "job" and context.viewer is not None and not public:
        own = next(p for p in context.world.projects.values() if token.job in p.jobs)
        if own.id != project.id and own.path not in project.job_token_allowlist:
            raise not_found("Project")
    if not (public and route.public) and held < route.level:
        raise Refusal(401, "401 Unauthorized") if context.viewer is None else Refusal(403, "403 Forbidden")
    if _RANK[project.tier] < _RANK[route.tier]:
        raise not_found()
    return project


__all__ = ["ALWAYS", "GUEST", "JOB_18_3", "PROJECT", "REPORTER", "Answer", "Context", "Refusal", "not_found", "route"]
