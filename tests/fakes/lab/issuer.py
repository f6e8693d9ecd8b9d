"""The instance as an OpenID Connect issuer: keys and the ID tokens of jobs."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.fakes.lab.project import Project
from tests.fakes.lab.state import Job
from tests.fakes.lab.world import World

WORDS = {10: "guest", 15: "planner", 20: "reporter", 30: "developer", 40: "maintainer", 50: "owner"}
LIFETIME_SECONDS = 300


@lru_cache(maxsize=6)
def key(name: str) -> RSAPrivateKey:
    """Return the key of that name, made once for all tests: making one takes longer than most of them."""
    assert name
    return generate_private_key(public_exponent=65537, key_size=2048)


def jwks(name: str) -> dict[str, Any]:
    """Return what `/oauth/discovery/keys` answers."""
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key(name).public_key()))
    public.pop("key_ops", None)
    return {"keys": [{**public, "kid": name, "use": "sig", "alg": "RS256"}]}


def claims(world: World, project: Project, job: Job, url: str, audience: str) -> dict[str, Any]:
    """
    Return the claims of a job's token.

    Those about a project are, for a merge request from a fork, about the fork; `job_project_…` is where the job runs.
    """
    mr, pipeline = job.merge_request, job.pipeline
    source = world.projects[mr.source_project_id] if mr is not None else project
    ref = mr.source_branch if mr is not None else pipeline.ref
    user, now = world.user(job.user), int(time.time())
    level = source.level_of(user.username)
    return {
        "iss": url,
        "aud": audience,
        "iat": now,
        "nbf": now - 5,
        "exp": now + LIFETIME_SECONDS,
        "jti": f"{job.id}-{now}",
        "sub": f"project_path:{source.path}:ref_type:{'tag' if pipeline.tag else 'branch'}:ref:{ref}",
        "project_id": str(source.id),
        "project_path": source.path,
        "job_project_id": str(project.id),
        "job_project_path": project.path,
        "user_id": str(user.id),
        "user_login": user.username,
        "user_email": user.email,
        "user_access_level": WORDS.get(level),
        "pipeline_id": str(pipeline.id),
        "pipeline_source": pipeline.source,
        "job_id": str(job.id),
        "ref": ref,
        "ref_type": "tag" if pipeline.tag else "branch",
        "ref_path": pipeline.ref
        if pipeline.ref.startswith("refs/")
        else f"refs/{'tags' if pipeline.tag else 'heads'}/{ref}",
        "ref_protected": str(bool(project.rules_of(ref)) and mr is None).lower(),
        "runner_environment": "self-hosted",
        "sha": pipeline.sha,
        "project_visibility": source.visibility,
        **(
            {"environment": job.environment, "environment_protected": "false", "deployment_tier": "production"}
            if job.environment
            else {}
        ),
    }


def mint(content: dict[str, Any], *, signer: Any = None, algorithm: str = "RS256", kid: str | None = "instance") -> str:
    """Return the token of these claims; `signer` is another key than the instance's."""
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(content, key("instance") if signer is None else signer, algorithm=algorithm, headers=headers)
