"""Reviews and their comments ("REST API endpoints for pull request reviews", "… for pull request review comments").
Error messages are those reported in parkerbxyz/suggest-changes#64, warpdotdev/oz-for-oss#310, gitgitgadget/git#1444,
github/app#3371; more than 32 comments in a review: reviewdog/reviewdog#355, src-d/lookout#264."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from github_fake import bodies, diffs
from github_fake.conversation import LOCKED, check_body
from github_fake.routing import Answer, Handler, Refused, Request, invalid, paged, refuse, route
from github_fake.world import Pull, Review, ReviewComment, Thread

STATES = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
_REVIEW_KEYS = {"commit_id", "body", "event", "comments"}
_DRAFT_KEYS = {"path", "position", "body", "line", "side", "start_line", "start_side"}
_COMMENT_KEYS = _DRAFT_KEYS | {"commit_id", "in_reply_to", "subject_type"}


class Unplaced(Exception):
    """The comment has an invalid position; the message says why."""


def place(pull: Pull, given: Mapping[str, Any], files: Mapping[str, str]) -> tuple[diffs.Hunk, str]:
    """Return the hunk that contains all lines of a comment, and its side. ``files``: those of the commit. Raise
    Unplaced."""
    path, side, line = given["path"], given.get("side") or "RIGHT", given.get("line")
    changed = {name: before or name for _, name, before in diffs.changed_files(pull.base_files, files)}
    if path not in changed:
        raise Unplaced("Path could not be resolved")
    all_hunks = diffs.hunks(pull.base_files.get(changed[path], ""), files.get(path, ""))
    hunk = next((each for each in all_hunks if line in each.side(side)), None)
    if hunk is None:
        raise Unplaced("Line could not be resolved")
    start, start_side = given.get("start_line"), given.get("start_side") or side
    if start is not None:
        if start_side == side and start >= line:
            raise Unplaced("Pull request review thread start line must precede the end line.")
        if start not in hunk.side(start_side):
            raise Unplaced("Pull request review thread start line must be part of the same hunk as the line.")
    return hunk, side


def _line_comment(request: Request, review: Review, given: dict[str, Any], commit: str) -> ReviewComment:
    pull = review.pull
    files = pull.history.get(commit, pull.head_files)
    hunk, side = place(pull, given, files)
    line, start = given["line"], given.get("start_line")
    position = hunk.position(side, line)
    comment = _comment(request, review, given, commit)
    comment.side, comment.diff_hunk = side, hunk.upto(side, line)
    comment.line = comment.original_line = line
    comment.start_line = comment.original_start_line = start
    comment.start_side = None if start is None else given.get("start_side") or side
    comment.position = comment.original_position = position
    if commit != pull.head_sha:  # the difference of that commit counts, and then what became of its lines
        move(comment, files)
    return comment


def move(comment: ReviewComment, before: Mapping[str, str]) -> None:
    """Move a comment to the present lines; ``before``: the files that its numbers refer to. It is outdated if they
    changed, or are in no hunk any more. On the left side the lines are those of the base."""
    pull = comment.pull
    assert comment.line is not None
    lines = range(comment.start_line or comment.line, comment.line + 1)
    goes = {line: line for line in lines}
    if comment.side == "RIGHT":
        goes = diffs.moved(before.get(comment.path, ""), pull.head_files.get(comment.path, ""))
    new = [goes.get(line) for line in lines]
    first, last = new[0], new[-1]
    if first is not None and new == list(range(first, first + len(new))):
        start = None if comment.start_line is None else first
        given = {"path": comment.path, "side": comment.side, "line": last, "start_line": start}
        with contextlib.suppress(Unplaced):
            hunk, side = place(pull, given, pull.head_files)
            assert last is not None
            comment.line, comment.start_line, comment.commit_id = last, start, pull.head_sha
            comment.position = hunk.position(side, last)
            return
    comment.line = comment.start_line = comment.position = None


def _comment(request: Request, review: Review, given: dict[str, Any], commit: str, kind: str = "line") -> ReviewComment:
    now = request.world.clock.now()
    return ReviewComment(
        id=request.world.next_id(),
        pull=review.pull,
        review=review,
        user=review.user,
        body=given["body"],
        path=given["path"],
        subject_type=kind,
        side="RIGHT",
        line=None,
        start_line=None,
        start_side=None,
        original_line=None,
        original_start_line=None,
        position=None,
        original_position=None,
        commit_id=review.pull.head_sha,
        original_commit_id=commit,
        diff_hunk="",
        created=now,
        updated=now,
    )


def _commit(pull: Pull, given: dict[str, Any]) -> str:
    sha = str(given.get("commit_id") or pull.head_sha)
    if sha not in pull.shas:
        invalid("PullRequestReviewComment", "commit_id", "custom", "commit_id is not part of the pull request")
    return sha


def _may_write(request: Request, pull: Pull) -> None:
    request.need("pull-requests")
    if pull.locked:
        refuse(403, "Unable to create comment because issue is locked.", documentation=LOCKED)


def _only(given: Any, keys: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        refuse(400, "Problems parsing JSON")
    for key in given:
        if key not in keys:
            refuse(422, f'Invalid request.\n\n"{key}" is not a permitted key.')
    return given


@route("GET", "/pulls/{pull_number}/reviews")
def reviews(request: Request, pull_number: str) -> Answer:
    pull = request.pull(pull_number)
    seen = [each for each in request.world.reviews if each.pull is pull]
    mine = request.token.user if request.token else None
    seen = [each for each in seen if each.state != "PENDING" or each.user is mine]
    return paged(request, [bodies.review(request.world, each) for each in seen])


def plainly(handler: Handler) -> Handler:
    """Report validation errors of reviews as texts instead of objects."""

    def call(request: Request, **names: str) -> Answer:
        try:
            return handler(request, **names)
        except Refused as refused:
            body = refused.answer.body
            if not any(isinstance(each, dict) for each in body.get("errors", ())):
                raise
            texts = [each.get("message") or f"{each['field']} is {each['code']}" for each in body["errors"]]
            refuse(422, "Unprocessable Entity", texts)

    return call


@route("POST", "/pulls/{pull_number}/reviews")
@plainly
def create_review(request: Request, pull_number: str) -> Answer:
    pull = request.pull(pull_number)
    _may_write(request, pull)
    given = _only(request.json or {}, _REVIEW_KEYS)
    drafts = [_only(each, _DRAFT_KEYS) for each in given.get("comments") or []]
    event, text = given.get("event"), given.get("body") or ""
    limits = request.world.limits
    if len(drafts) > limits.comments_per_review:
        refuse(502, "Server Error")
    if event is not None and event not in STATES:
        invalid("PullRequestReview", "event", "invalid")
    if event in ("COMMENT", "REQUEST_CHANGES") and not text and not drafts:
        refuse(422, "Unprocessable Entity", ["Review body can't be blank"])
    viewer = request.viewer.user
    state = STATES[event] if event else "PENDING"
    if state == "PENDING" and any(
        each.pull is pull and each.user is viewer and each.state == "PENDING" for each in request.world.reviews
    ):
        refuse(422, "Unprocessable Entity", ["User can only have one pending review per pull request"])
    if event in ("APPROVE", "REQUEST_CHANGES") and viewer is pull.user:
        refuse(422, "Unprocessable Entity", ["Review Can not approve your own pull request"])
    if text:
        check_body(request, "PullRequestReview", given)
    commit = _commit(pull, given)
    now = request.world.clock.now()
    review = Review(request.world.next_id(), pull, viewer, text, state, commit, None if state == "PENDING" else now)
    made, reasons = [], []
    for draft in drafts:
        check_body(request, "PullRequestReviewComment", draft)
        try:
            made.append(_line_comment(request, review, draft, commit))
        except Unplaced as reason:
            reasons.append(str(reason))
    if reasons:  # all or nothing, and it is not told which
        refuse(422, "Unprocessable Entity", list(dict.fromkeys(reasons)))
    request.world.reviews.append(review)
    request.world.threads.extend(Thread(each, [each]) for each in made)
    return Answer(200, bodies.review(request.world, review))


def _review(request: Request, pull: Pull, review_id: str) -> Review:
    for each in request.world.reviews:
        if each.id == int(review_id) and each.pull is pull:
            return each
    refuse(404, "Not Found")


@route("GET", "/pulls/{pull_number}/reviews/{review_id}")
def review(request: Request, pull_number: str, review_id: str) -> Answer:
    found = _review(request, request.pull(pull_number), review_id)
    return Answer(200, bodies.review(request.world, found))


@route("PUT", "/pulls/{pull_number}/reviews/{review_id}")
@plainly
def update_review(request: Request, pull_number: str, review_id: str) -> Answer:
    found = _review(request, request.pull(pull_number), review_id)
    _may_write(request, found.pull)
    if found.user is not request.viewer.user:
        refuse(422, "Unprocessable Entity", ["You can only update your own reviews"])
    found.body = check_body(request, "PullRequestReview", request.json)
    return Answer(200, bodies.review(request.world, found))


@route("GET", "/pulls/{pull_number}/reviews/{review_id}/comments")
def comments_of_review(request: Request, pull_number: str, review_id: str) -> Answer:
    found = _review(request, request.pull(pull_number), review_id)
    comments = [each for each in request.world.review_comments(found.pull) if each.review is found]
    return paged(request, [bodies.review_comment(request.world, each) for each in comments])


@route("GET", "/pulls/{pull_number}/comments")
def comments(request: Request, pull_number: str) -> Answer:
    found = request.world.review_comments(request.pull(pull_number))
    if request.query.get("direction") == "desc" and "sort" in request.query:
        found = found[::-1]
    return paged(request, [bodies.review_comment(request.world, each) for each in found])


@route("POST", "/pulls/{pull_number}/comments")
def create(request: Request, pull_number: str) -> Answer:
    """Create a single comment as its own review. With ``in_reply_to`` everything but the text is ignored."""
    pull = request.pull(pull_number)
    _may_write(request, pull)
    given = _only(request.json, _COMMENT_KEYS)
    check_body(request, "PullRequestReviewComment", given)
    if given.get("in_reply_to") is not None:
        return _reply(request, pull, str(given["in_reply_to"]), given["body"])
    for key in ("commit_id", "path"):
        if not given.get(key):
            invalid("PullRequestReviewComment", key, "missing_field")
    commit = _commit(pull, given)
    review = Review(
        request.world.next_id(), pull, request.viewer.user, "", "COMMENTED", commit, request.world.clock.now()
    )
    if given.get("subject_type") == "file":
        if given["path"] not in {path for _, path, _ in diffs.changed_files(pull.base_files, pull.head_files)}:
            _outside_the_diff("path")
        made = _comment(request, review, given, commit, "file")
    else:
        if not isinstance(given.get("line"), int):
            invalid("PullRequestReviewComment", "line", "missing_field")
        try:
            made = _line_comment(request, review, given, commit)
        except Unplaced as reason:
            _outside_the_diff("start_line" if "start line" in str(reason) else "line")
    request.world.reviews.append(review)
    request.world.threads.append(Thread(made, [made]))
    return Answer(201, document := bodies.review_comment(request.world, made), {"location": document["url"]})


def _outside_the_diff(name: str) -> Any:
    field = f"pull_request_review_thread.{name}"
    invalid("PullRequestReviewComment", field, "custom", f"{field} must be part of the diff")


def _found(request: Request, comment_id: str) -> ReviewComment:
    for pull in request.world.pulls:
        if pull.repository is request.repository:
            for each in request.world.review_comments(pull):
                if each.id == int(comment_id):
                    return each
    refuse(404, "Not Found")


def _reply(request: Request, pull: Pull, comment_id: str, text: str) -> Answer:
    comment = _found(request, comment_id)
    if comment.pull is not pull:
        refuse(404, "Not Found")
    if comment.reply_to is not None:
        refuse(422, "Validation Failed", ["Replies to replies are not supported"])
    made = add_reply(request, request.world.thread_of(comment), text)
    return Answer(201, document := bodies.review_comment(request.world, made), {"location": document["url"]})


def add_reply(request: Request, thread: Thread, text: str) -> ReviewComment:
    root, now = thread.root, request.world.clock.now()
    review = Review(request.world.next_id(), root.pull, request.viewer.user, "", "COMMENTED", root.pull.head_sha, now)
    values = {name: getattr(root, name) for name in root.__dataclass_fields__}
    of_reply = {"id": request.world.next_id(), "review": review, "user": review.user, "body": text, "reply_to": root}
    made = ReviewComment(**{**values, **of_reply, "created": now, "updated": now, "minimized": None, "edited": None})
    request.world.reviews.append(review)
    thread.comments.append(made)
    return made


@route("POST", "/pulls/{pull_number}/comments/{comment_id}/replies")
def reply(request: Request, pull_number: str, comment_id: str) -> Answer:
    pull = request.pull(pull_number)
    _may_write(request, pull)
    return _reply(request, pull, comment_id, check_body(request, "PullRequestReviewComment", request.json))


@route("GET", "/pulls/comments/{comment_id}")
def one(request: Request, comment_id: str) -> Answer:
    return Answer(200, bodies.review_comment(request.world, _found(request, comment_id)))


@route("PATCH", "/pulls/comments/{comment_id}")
def update(request: Request, comment_id: str) -> Answer:
    comment = _found(request, comment_id)
    _may_write(request, comment.pull)
    comment.body = check_body(request, "PullRequestReviewComment", request.json)
    comment.updated = comment.edited = request.world.clock.now()
    return Answer(200, bodies.review_comment(request.world, comment))


@route("DELETE", "/pulls/comments/{comment_id}")
def delete(request: Request, comment_id: str) -> Answer:
    comment = _found(request, comment_id)
    _may_write(request, comment.pull)
    thread = request.world.thread_of(comment)
    thread.comments.remove(comment)
    if not thread.comments:
        request.world.threads.remove(thread)
    return Answer(204)
