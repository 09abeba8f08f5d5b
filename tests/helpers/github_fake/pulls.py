"""Pull requests, their files, and those of a commit ("REST API endpoints for pull requests")."""

from __future__ import annotations

from github_fake import bodies, diffs
from github_fake.routing import Answer, Request, invalid, paged, refuse, route
from github_fake.world import Pull


@route("GET", "/pulls")
def pulls(request: Request) -> Answer:
    """List pull requests. ``head`` is ``OWNER:BRANCH``; without an owner it filters nothing."""
    state, head, base = (request.query.get(each, "") for each in ("state", "head", "base"))
    found = [each for each in request.world.pulls if each.repository is request.repository]
    found = [each for each in found if state == "all" or each.state == (state or "open")]
    if ":" in head:
        found = [each for each in found if bodies.pull(request.world, each)["head"]["label"] == head]
    if base:
        found = [each for each in found if each.base_ref == base]
    found.sort(key=lambda each: -each.number)
    return paged(request, [bodies.pull(request.world, each) for each in found])


@route("GET", "/pulls/{pull_number}")
def pull(request: Request, pull_number: str) -> Answer:
    found = request.pull(pull_number)
    if "diff" in request.headers.get("accept", "") and not found.is_listed_whole:
        refuse(406, "Sorry, the diff exceeded the maximum number of files (300).")
    return Answer(200, bodies.pull(request.world, found, full=True))


@route("GET", "/pulls/{pull_number}/files")
def files(request: Request, pull_number: str) -> Answer:
    found = request.pull(pull_number)
    changed = diffs.changed_files(found.base_files, found.head_files)[: request.world.limits.files]
    return paged(request, [bodies.changed_file(request.world, found, *each) for each in changed])


@route("GET", "/commits/{commit_sha}/pulls")
def of_commit(request: Request, commit_sha: str) -> Answer:
    """List the pull requests of a commit. A repository only knows those of its own commits: for the head of a fork it
    returns an empty list, and the fork the pull request (TooTallNate/nx.js#410, learningequality/kolibri#14719)."""
    if commit_sha not in request.repository.commits:
        if any(commit_sha in each.shas for each in request.world.pulls):
            return paged(request, [])
        invalid("Commit", "sha", "invalid", f"No commit found for SHA: {commit_sha}")
    found = [each for each in request.world.pulls if commit_sha in each.shas and _is_head_here(request, each)]
    return paged(request, [bodies.pull(request.world, each) for each in found])


def _is_head_here(request: Request, pull: Pull) -> bool:
    return pull.head_repository is request.repository
