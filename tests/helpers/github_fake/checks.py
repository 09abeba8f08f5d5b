"""Commit statuses and check runs ("REST API endpoints for commit statuses", "… for check runs")."""

from __future__ import annotations

from typing import Any

from github_fake import bodies
from github_fake.conversation import length
from github_fake.routing import Answer, Request, invalid, paged, refuse, route
from github_fake.world import CheckRun, Repository, Status, World


def knows(world: World, repository: Repository, sha: str) -> bool:
    """True if the repository has the commit. Heads of forks count, as refs/pull."""
    return sha in repository.commits or any(sha in each.shas for each in world.pulls if each.repository is repository)


def _of(request: Request, sha: str) -> list[Status]:
    return [each for each in reversed(request.world.statuses) if each.sha == sha]


@route("POST", "/statuses/{sha}")
def create_status(request: Request, sha: str) -> Answer:
    request.need("statuses")
    given = request.json if isinstance(request.json, dict) else {}
    if not knows(request.world, request.repository, sha):
        refuse(422, f"No commit found for SHA: {sha}")
    if given.get("state") not in ("error", "failure", "pending", "success"):
        invalid("Status", "state", "custom", "state is not included in the list")
    limits, text = request.world.limits, given.get("description")
    if isinstance(text, str) and length(text) > limits.status_description:
        most = limits.status_description
        invalid("Status", "description", "custom", f"description is too long (maximum is {most} characters)")
    target = given.get("target_url")
    if target and not str(target).startswith(("http://", "https://")):
        invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    context = str(given.get("context") or "default")
    if sum(each.context.lower() == context.lower() for each in _of(request, sha)) >= limits.statuses:
        invalid("Status", "base", "custom", "This SHA and context has reached the maximum number of statuses.")
    creator, now = request.viewer.user, request.world.clock.now()
    made = Status(request.world.next_id(), sha, given["state"], context, text, target, creator, now)
    request.world.statuses.append(made)
    return Answer(201, bodies.status(request.world, made))


@route("GET", "/commits/{ref}/statuses")
def statuses(request: Request, ref: str) -> Answer:
    return paged(request, [bodies.status(request.world, each) for each in _of(request, ref)])


@route("GET", "/commits/{ref}/status")
def combined(request: Request, ref: str) -> Answer:
    latest: dict[str, Status] = {}
    for each in _of(request, ref):
        latest.setdefault(each.context.lower(), each)
    states = {each.state for each in latest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = f"{request.world.url}/repos/{request.repository.full_name}/commits/{ref}"
    return Answer(
        200,
        {
            "state": state,
            "statuses": [bodies.status(request.world, each, creator=False) for each in latest.values()],
            "sha": ref,
            "total_count": len(latest),
            "repository": bodies.repository(request.world, request.repository),
            "commit_url": url,
            "url": f"{url}/status",
        },
    )


@route("GET", "/commits/{ref}/check-runs")
def check_runs(request: Request, ref: str) -> Answer:
    found = [each for each in request.world.check_runs if each.head_sha == ref]
    found = [each for each in found if request.query.get("check_name", each.name) == each.name]
    if request.query.get("filter", "latest") == "latest":
        found = list({(each.app, each.name): each for each in found}.values())
    found.sort(key=lambda each: -each.id)
    document = [bodies.check_run(request.world, each) for each in found]
    return paged(request, document, lambda page: {"total_count": len(document), "check_runs": page})


def _by_app(request: Request) -> str:
    """Refuse tokens that are not of an app."""
    request.need("checks")
    slug = request.viewer.app
    if slug is None:
        refuse(403, "You must authenticate via a GitHub App.")
    return slug


@route("POST", "/check-runs")
def create_check_run(request: Request) -> Answer:
    app = _by_app(request)
    given = request.json if isinstance(request.json, dict) else {}
    for key in ("name", "head_sha"):
        if not given.get(key):
            refuse(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
    if not knows(request.world, request.repository, str(given["head_sha"])):
        refuse(422, f"No commit found for SHA: {given['head_sha']}")
    made = CheckRun(
        id=request.world.next_id(),
        repository=request.repository,
        name=given["name"],
        head_sha=given["head_sha"],
        app=app,
        status="queued",
        conclusion=None,
        started=request.world.clock.now(),
        completed=None,
        details_url=given.get("details_url") or "https://github.com",
        external_id=str(given.get("external_id") or ""),
    )
    _apply(request, made, given)
    request.world.check_runs.append(made)
    return Answer(201, bodies.check_run(request.world, made))


def _apply(request: Request, run: CheckRun, given: dict[str, Any]) -> None:
    """Validate and apply an update; refuse before changing anything."""
    status, conclusion = given.get("status"), given.get("conclusion")
    if (status == "completed" or "completed_at" in given) and conclusion is None and run.conclusion is None:
        refuse(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    output = given.get("output")
    if output is not None:
        for key in ("title", "summary"):
            if key not in output and (key == "summary" or getattr(run, key) is None):
                refuse(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
        for key in ("summary", "text"):
            if length(output.get(key) or "") > 65_535:
                refuse(
                    422, f"Invalid request.\n\nOnly 65535 characters are allowed; {length(output[key])} were supplied."
                )
        annotations = output.get("annotations") or []
        if len(annotations) > 50:
            refuse(422, f"Invalid request.\n\nNo more than 50 items are allowed; {len(annotations)} were supplied.")
        for each in annotations:
            _check_annotation(each)
        run.title, run.summary = output.get("title", run.title), output.get("summary", run.summary)
        run.text = output.get("text", run.text)
        run.annotations += annotations
    run.name = given.get("name") or run.name
    run.details_url = given.get("details_url") or run.details_url
    if conclusion is not None:
        run.status, run.conclusion, run.completed = "completed", conclusion, request.world.clock.now()
    elif status is not None:
        run.status = status


def _check_annotation(given: dict[str, Any]) -> None:
    if given["start_line"] > given["end_line"]:
        refuse(422, "Invalid request.\n\nend_line must not be before start_line.")
    if given["start_line"] != given["end_line"] and {"start_column", "end_column"} & set(given):
        refuse(422, "Invalid request.\n\nColumns are only permitted on one line.")


def _run(request: Request, check_run_id: str) -> CheckRun:
    for each in request.world.check_runs:
        if each.id == int(check_run_id) and each.repository is request.repository:
            return each
    refuse(404, "Not Found")


@route("GET", "/check-runs/{check_run_id}")
def check_run(request: Request, check_run_id: str) -> Answer:
    return Answer(200, bodies.check_run(request.world, _run(request, check_run_id)))


@route("PATCH", "/check-runs/{check_run_id}")
def update_check_run(request: Request, check_run_id: str) -> Answer:
    run = _run(request, check_run_id)
    if _by_app(request) != run.app:
        refuse(403, "Check run can only be modified by the GitHub App that created it.")
    _apply(request, run, request.json if isinstance(request.json, dict) else {})
    return Answer(200, bodies.check_run(request.world, run))


@route("GET", "/check-runs/{check_run_id}/annotations")
def annotations_of(request: Request, check_run_id: str) -> Answer:
    run = _run(request, check_run_id)
    return paged(request, [bodies.annotation(run, each) for each in run.annotations])
