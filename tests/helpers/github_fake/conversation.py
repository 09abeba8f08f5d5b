"""Comments in the conversation of a pull request ("REST API endpoints for issue comments"), and the user of a token."""

from __future__ import annotations

from typing import Any

from github_fake import bodies
from github_fake.routing import Answer, Request, invalid, paged, refuse, route
from github_fake.world import Comment

LOCKED = "https://docs.github.com/articles/locking-conversations/"


def length(text: str) -> int:
    """Return the length in UTF-16 units, the stricter of the two possible counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_body(request: Request, resource: str, given: Any) -> str:
    text = given.get("body") if isinstance(given, dict) else None
    if not isinstance(text, str):
        invalid(resource, "body", "missing_field")
    if not text.strip():
        invalid(resource, "data", "unprocessable", "Body can't be blank")
    most = request.world.limits.body
    if length(text) > most:
        invalid(resource, "data", "unprocessable", f"Body is too long (maximum is {most} characters)")
    return text


@route("GET", "/user")
def viewer(request: Request) -> Answer:
    token = request.viewer
    if token.app:
        refuse(403, "Resource not accessible by integration")
    return Answer(200, bodies.private_user(request.world, token.user))


@route("GET", "")
def repository(request: Request) -> Answer:
    return Answer(200, bodies.repository(request.world, request.repository, full=True))


@route("GET", "/issues/{issue_number}/comments")
def comments(request: Request, issue_number: str) -> Answer:
    pull = request.pull(issue_number)
    found = [each for each in request.world.comments if each.pull is pull]
    return paged(request, [bodies.comment(request.world, each) for each in found])


@route("POST", "/issues/{issue_number}/comments")
def create(request: Request, issue_number: str) -> Answer:
    pull = request.pull(issue_number)
    request.need("issues", "pull-requests")
    if pull.locked:
        refuse(403, "Unable to create comment because issue is locked.", documentation=LOCKED)
    text = check_body(request, "IssueComment", request.json)
    now, token = request.world.clock.now(), request.viewer
    made = Comment(request.world.next_id(), pull, token.user, text, now, now, token.app)
    request.world.comments.append(made)
    document = bodies.comment(request.world, made)
    return Answer(201, document, {"location": document["url"]})


def _comment(request: Request, comment_id: str) -> Comment:
    for each in request.world.comments:
        if each.id == int(comment_id) and each.pull.repository is request.repository:
            return each
    refuse(404, "Not Found")


@route("GET", "/issues/comments/{comment_id}")
def one(request: Request, comment_id: str) -> Answer:
    return Answer(200, bodies.comment(request.world, _comment(request, comment_id)))


@route("PATCH", "/issues/comments/{comment_id}")
def update(request: Request, comment_id: str) -> Answer:
    comment = _comment(request, comment_id)
    request.need("issues", "pull-requests")
    comment.body = check_body(request, "IssueComment", request.json)
    comment.updated = comment.edited = request.world.clock.now()
    return Answer(200, bodies.comment(request.world, comment))


@route("DELETE", "/issues/comments/{comment_id}")
def delete(request: Request, comment_id: str) -> Answer:
    comment = _comment(request, comment_id)
    request.need("issues", "pull-requests")
    request.world.comments.remove(comment)
    return Answer(204)
