"""GitHub as seen from somebody's own machine: the default branch of the clone's repository, with their token."""

from __future__ import annotations

from collections.abc import Mapping

from ci_guard.evidence import environment, remotes
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github.adapter import GitHub
from ci_guard.evidence.remotes import Remote
from ci_guard.evidence.survey import commit_of
from ci_guard.model.fact import Known, Unknown, unavailable
from ci_guard.model.run import Platform


def at_desk(environ: Mapping[str, str], checkout: Checkout, remote: Remote, *, branch: str | None) -> GitHub | Unknown:
    """
    Return the adapter as it would be in a run of the default branch that somebody starts by hand, or why there is none.

    `branch` is what the clone takes for the default one; where the server names another, that one counts. What only a
    job has (its number, its event, its people) stays unknown.

    Raises: `UsageError` for a token or an address that cannot be used; `GitUnavailable`.
    """
    if not remotes.is_repository(remote.path):
        return unavailable(f"{remote.shown} is not named as a repository on GitHub is")
    api_url = remotes.api_of(remote, environ)
    if api_url is None:
        return unavailable(
            f"nobody vouches for {remote.host}, so no token is sent there",
            needs=f"GITHUB_SERVER_URL=https://{remote.host} in the environment, if that is your server",
        )
    named = environ.get("GITHUB_SERVER_URL", "")
    claims = {
        "GITHUB_API_URL": api_url,
        "GITHUB_SERVER_URL": named if remotes.host_of(named) == remote.host else f"https://{remote.host}",
        "GITHUB_REPOSITORY": remote.path,
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        **environment.named_tokens(environ, Platform.GITHUB),
    }

    def of(name: str | None) -> GitHub:
        sha = commit_of(checkout.repository, remote, name) if name else None
        ref = f"refs/heads/{name}" if name else ""
        return GitHub({**claims, "GITHUB_REF": ref, "GITHUB_SHA": sha or ""}, checkout)

    forge = of(branch)
    default = forge.run().default_branch
    return of(default.value) if isinstance(default, Known) and default.value != branch else forge
