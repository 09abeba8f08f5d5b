"""Labels of a pull request ("REST API endpoints for labels"), and members of teams ("REST API endpoints for teams", "…
for team members"): a token without permission to read members finds no team, and a job's token never has it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from github_fake import bodies
from github_fake.routing import Answer, Request, invalid, paged, refuse, route

_TIME = "2020-01-01T00:00:00Z"


def _label(request: Request, name: str) -> dict[str, Any]:
    url = f"{request.world.url}/repos/{request.repository.full_name}/labels/{quote(name)}"
    made = {"id": 1, "node_id": "LA_1", "url": url, "name": name, "description": None}
    return made | {"color": "ededed", "default": False}


@route("GET", "/issues/{issue_number}/labels")
def labels(request: Request, issue_number: str) -> Answer:
    return paged(request, [_label(request, name) for name in request.pull(issue_number).labels])


@route("POST", "/issues/{issue_number}/labels")
def add(request: Request, issue_number: str) -> Answer:
    pull = request.pull(issue_number)
    request.need("issues", "pull-requests")
    names = request.json.get("labels") if isinstance(request.json, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and 0 < len(name) <= 50 for name in names):
        invalid("Label", "name", "invalid")
    pull.labels += [name for name in names if name.lower() not in map(str.lower, pull.labels)]
    return Answer(200, [_label(request, name) for name in pull.labels])


@route("DELETE", "/issues/{issue_number}/labels/{name}")
def remove(request: Request, issue_number: str, name: str) -> Answer:
    pull = request.pull(issue_number)
    request.need("issues", "pull-requests")
    if name.lower() not in map(str.lower, pull.labels):
        refuse(404, "Label does not exist")
    pull.labels = [each for each in pull.labels if each.lower() != name.lower()]
    return Answer(200, [_label(request, each) for each in pull.labels])


def _team(request: Request, org: str, team_slug: str) -> dict[str, str]:
    """Return the members of a team, by login, with the state of their membership."""
    if not request.viewer.may("members", "read") or f"{org}/{team_slug}" not in request.world.teams:
        refuse(404, "Not Found")
    return request.world.teams[f"{org}/{team_slug}"]


@route("GET", "/orgs/{org}/teams/{team_slug}")
def team(request: Request, org: str, team_slug: str) -> Answer:
    members = _team(request, org, team_slug)
    url, site = f"{request.world.url}/orgs/{org}", f"{bodies.SITE}/{org}"
    names = ("repos", "events", "hooks", "issues", "members", "public_members", "avatar")
    organization: dict[str, Any] = {f"{name}_url": f"{url}/{name}" for name in names}
    organization |= {"login": org, "id": 5, "node_id": "O_5", "url": url, "html_url": site, "description": None}
    organization |= dict.fromkeys(("has_organization_projects", "has_repository_projects"), True)
    organization |= dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    organization |= {"type": "Organization", "created_at": _TIME, "updated_at": _TIME, "archived_at": None}
    made = {
        "id": 6,
        "node_id": "T_6",
        "name": team_slug,
        "slug": team_slug,
        "description": None,
        "type": "organization",
    }
    made |= {"url": f"{url}/teams/{team_slug}", "html_url": f"{site}/teams/{team_slug}", "permission": "pull"}
    made |= {"members_url": f"{url}/m{{/member}}", "repositories_url": f"{url}/r", "repos_count": 0}
    made |= {"members_count": len(members), "created_at": _TIME, "updated_at": _TIME, "organization": organization}
    return Answer(200, made)


@route("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}")
def membership(request: Request, org: str, team_slug: str, username: str) -> Answer:
    members = {login.lower(): state for login, state in _team(request, org, team_slug).items()}
    if username.lower() not in members:
        refuse(404, "Not Found")
    url = f"{request.world.url}/orgs/{org}/teams/{team_slug}/memberships/{username}"
    return Answer(200, {"url": url, "role": "member", "state": members[username.lower()]})
