"""SARIF for code scanning, and artifacts of workflow runs ("… for code scanning", "… for GitHub Actions artifacts")."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib

from github_fake import bodies
from github_fake.checks import knows
from github_fake.routing import Answer, Request, paged, refuse, route
from github_fake.world import Artifact, Upload, sha_of


@route("POST", "/code-scanning/sarifs")
def upload(request: Request) -> Answer:
    request.need("security-events")
    if not request.repository.has_code_scanning:
        refuse(403, "Code scanning is not enabled for this repository. Please enable code scanning in the settings.")
    given = request.json if isinstance(request.json, dict) else {}
    for key in ("commit_sha", "ref", "sarif"):
        if not isinstance(given.get(key), str):
            refuse(400, f"Invalid request.\n\n{key} wasn't supplied.")
    if not knows(request.world, request.repository, given["commit_sha"]):
        refuse(404, "Not Found")
    try:
        sarif = json.loads(gzip.decompress(base64.b64decode(given["sarif"], validate=True)))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        refuse(400, "Invalid SARIF. The upload is not gzipped and base64-encoded JSON.")
    number = sha_of(request.world.next_id())
    made = Upload(
        f"{number[:8]}-{number[8:12]}-{number[12:16]}", request.repository, given["commit_sha"], given["ref"], sarif
    )
    request.world.uploads.append(made)
    return Answer(202, {"id": made.id, "url": f"{request.world.url}{request.path}/{made.id}"})


@route("GET", "/code-scanning/sarifs/{sarif}")
def uploaded(request: Request, sarif: str) -> Answer:
    if not any(each.id == sarif and each.repository is request.repository for each in request.world.uploads):
        refuse(404, "Not Found")
    url = f"{request.world.url}/repos/{request.repository.full_name}/code-scanning/analyses?sarif_id={sarif}"
    return Answer(200, {"processing_status": "complete", "analyses_url": url, "errors": None})


@route("GET", "/actions/runs/{run_id}/artifacts")
def artifacts(request: Request, run_id: str) -> Answer:
    request.need("actions", access="read")
    found = [each for each in request.world.artifacts if each.run_id == int(run_id)]
    found = [each for each in found if request.query.get("name", each.name) == each.name]
    document = [bodies.artifact(request.world, each) for each in found]
    return paged(request, document, lambda page: {"total_count": len(document), "artifacts": page})


def _artifact(request: Request, artifact_id: str) -> Artifact:
    for each in request.world.artifacts:
        if each.id == int(artifact_id) and each.repository is request.repository:
            return each
    refuse(404, "Not Found")


@route("GET", "/actions/artifacts/{artifact_id}")
def artifact(request: Request, artifact_id: str) -> Answer:
    request.need("actions", access="read")
    return Answer(200, bodies.artifact(request.world, _artifact(request, artifact_id)))


@route("GET", "/actions/artifacts/{artifact_id}/{archive_format}")
def download(request: Request, artifact_id: str, archive_format: str) -> Answer:
    """Redirect to another host, which takes no token: the URL itself grants access, for a minute."""
    request.need("actions", access="read")
    found = _artifact(request, artifact_id)
    if found.expired:
        refuse(410, "Artifact has expired")
    return Answer(
        302, None, {"location": f"{request.world.files_url}/archives/{found.id}?signature={sha_of(found.id)}"}
    )
