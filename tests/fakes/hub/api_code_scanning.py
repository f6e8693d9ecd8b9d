"""Endpoint: the upload of a SARIF report to code scanning."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import uuid
import zlib

from tests.fakes.hub.repository_state import SarifUpload
from tests.fakes.hub.router import REPO, Answer, ApiError, Context, route

REF = re.compile(r"refs/(heads/.+|tags/.+|pull/[0-9]+/(merge|head))")


@route(f"{REPO}/code-scanning/sarifs", "security_events", level="write", method="POST")
def upload_sarif(context: Context) -> Answer:
    """POST …/code-scanning/sarifs: 202 with id and url; refusals by REST "Upload an analysis as SARIF data"."""
    repo = context.repo
    if not repo.code_scanning:
        raise ApiError(403, "Advanced Security must be enabled for this repository to use code scanning.")
    if len(context.call.body) > repo.sarif_limit:
        raise ApiError(413, "Payload too large")
    given = json.loads(context.call.body)
    missing = [key for key in ("commit_sha", "ref", "sarif") if not isinstance(given.get(key), str)]
    if missing:
        raise ApiError(422, f"Invalid request.\n\n{', '.join(missing)} weren't supplied.")
    if given["commit_sha"] not in repo.commits:
        raise ApiError(422, f"commit not found: {given['commit_sha']}")
    if not REF.fullmatch(given["ref"]):
        raise ApiError(422, f"ref {given['ref']} is invalid")
    try:
        sarif = gzip.decompress(base64.b64decode(given["sarif"], validate=True)).decode()
        json.loads(sarif)
    except (ValueError, binascii.Error, zlib.error, OSError, EOFError):
        raise ApiError(400, "Invalid SARIF") from None
    number = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{repo.full_name} {len(repo.uploads)}"))
    assert context.token is not None, "the route needs a permission"
    repo.uploads.append(
        SarifUpload(
            id=number,
            commit=given["commit_sha"],
            ref=given["ref"],
            sarif=sarif,
            tool=given.get("tool_name", "API"),
            folder=given.get("checkout_uri", ""),
            token=context.token.name,
        )
    )
    return Answer(status=202, body={"id": number, "url": f"{context.repo_url}/code-scanning/sarifs/{number}"})
