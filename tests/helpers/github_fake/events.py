"""Variables and event file of a GitHub Actions job ("Variables reference", "Webhook events and payloads")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from github_fake import bodies
from github_fake.world import Pull, World, sha_of


def payload(world: World, pull: Pull, event: str, *, action: str = "synchronize", run_id: int = 9001) -> dict[str, Any]:
    """Return the contents of the event file. For ``workflow_run`` of a fork the list of pull requests is empty, as on
    GitHub."""
    repository = bodies.repository(world, pull.repository)
    document = bodies.pull(world, pull, full=True)
    sender = bodies.user(world, pull.user)
    common = {"repository": repository, "sender": sender}
    if event in ("pull_request", "pull_request_target"):
        return {"action": action, "number": pull.number, "pull_request": document, **common}
    if event == "workflow_run":
        head = pull.head_repository
        own = head is pull.repository
        run = {
            "id": run_id,
            "name": "review",
            "event": "pull_request",
            "status": "completed",
            "conclusion": "success",
            "head_branch": pull.head_ref,
            "head_sha": pull.head_sha,
            "head_repository": bodies.repository(world, head) if head else None,
            "repository": repository,
            "pull_requests": [_minimal(document)] if own else [],
        }
        return {"action": "completed", "workflow_run": run, **common}
    if event == "merge_group":
        group = {
            "head_sha": pull.head_sha,
            "head_ref": f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{pull.base_sha}",
            "base_sha": pull.base_sha,
            "base_ref": f"refs/heads/{pull.base_ref}",
        }
        return {"action": "checks_requested", "merge_group": group, **common}
    return {"ref": f"refs/heads/{pull.head_ref}", "before": pull.base_sha, "after": pull.head_sha, **common}


def _minimal(document: dict[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("id", "number", "url", "head", "base")}


def environment(
    world: World, pull: Pull, folder: Path, event: str = "pull_request", *, run_number: int = 1, attempt: int = 1
) -> dict[str, str]:
    """Return the variables. Write the event, and the files that the job may write to, into ``folder``. The token is not
    included: a job has it only if its workflow says so."""
    folder.mkdir(parents=True, exist_ok=True)
    run_id = 9000 + run_number
    path = folder / "event.json"
    path.write_text(json.dumps(payload(world, pull, event, run_id=run_id)), encoding="utf-8")
    summary, output = folder / "summary.md", folder / "output.txt"
    for each in (summary, output):
        each.write_text("", encoding="utf-8")
    merge = sha_of("merge", pull.head_sha)
    is_pull = event == "pull_request"
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": world.url,
        "GITHUB_GRAPHQL_URL": f"{world.url}/graphql",
        "GITHUB_SERVER_URL": bodies.SITE,
        "GITHUB_REPOSITORY": pull.repository.full_name,
        "GITHUB_REPOSITORY_ID": str(pull.repository.id),
        "GITHUB_REPOSITORY_OWNER": pull.repository.owner.login,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_SHA": merge if is_pull else pull.head_sha if event in ("merge_group", "push") else pull.base_sha,
        "GITHUB_REF": f"refs/pull/{pull.number}/merge" if is_pull else f"refs/heads/{pull.base_ref}",
        "GITHUB_BASE_REF": pull.base_ref if event.startswith("pull_request") else "",
        "GITHUB_HEAD_REF": pull.head_ref if event.startswith("pull_request") else "",
        "GITHUB_RUN_ID": str(run_id),
        "GITHUB_RUN_NUMBER": str(run_number),
        "GITHUB_RUN_ATTEMPT": str(attempt),
        "GITHUB_WORKFLOW": "review",
        "GITHUB_JOB": "passrole",
        "GITHUB_ACTOR": pull.user.login,
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(output),
        "RUNNER_TEMP": str(folder),
    }
