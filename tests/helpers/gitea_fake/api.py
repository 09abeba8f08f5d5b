"""The operations of the fake: responses of Gitea's API for one repository and one pull request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripted_server import Answer

from gitea_fake.world import CodeComment, Comment, Pull, Refusal, Review, Token, User, sha_of

REPOSITORY = "acme/infra"
SITE = "https://gitea.example.com"
_TIME = "2026-11-26T10:00:00Z"


@dataclass
class Given:
    query: dict[str, str]
    json: Any
    token: Token


class World:
    def __init__(self) -> None:
        self.pull = Pull()
        self.version = "1.27.3"
        self.page_size = 50
        self.is_archived = False
        self.may_ask_for_user = True
        self.broken_paths: set[str] = set()
        self.comments: list[Comment] = []
        self.reviews: list[Review] = []
        self.statuses: list[dict[str, Any]] = []
        self._last_id = 100

    @property
    def is_forgejo(self) -> bool:
        return "+gitea-" in self.version

    def has(self, minor: int) -> bool:
        """True for Gitea from version 1.``minor``."""
        return not self.is_forgejo and int(self.version.split(".")[1]) >= minor

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    # -- operations

    def answer(self, method: str, path: str, given: Given) -> Answer:
        for verb, pattern, writes, operation in _OPERATIONS:
            match = pattern.fullmatch(path)
            if match is not None and verb == method:
                if writes and writes not in given.token.writes:
                    raise Refusal(403, "token does not have at least one of required scope(s), required=[write:issue]")
                if writes and self.is_archived:
                    raise Refusal(423, f"{REPOSITORY} is archived")
                return operation(self, given, *map(int, filter(str.isdigit, match.groups())))
        raise Refusal(404, "The target couldn't be found.")

    def get_version(self, given: Given) -> Answer:
        return Answer(200, {"version": self.version})

    def get_user(self, given: Given) -> Answer:
        if not self.may_ask_for_user:
            raise Refusal(403, "token does not have at least one of required scope(s), required=[read:user]")
        return Answer(200, _user(given.token.user))

    def get_pull(self, given: Given, number: int) -> Answer:
        return Answer(200, pull_body(self._pull(number)))

    def list_pulls(self, given: Given) -> Answer:
        pulls = [pull_body(self.pull)] if self.pull.is_open or given.query.get("state") != "open" else []
        return self._page(given, pulls)

    def list_comments(self, given: Given, number: int) -> Answer:
        bodies = [_comment(each) for each in self.comments]  # without pages
        return Answer(200, bodies, {"X-Total-Count": str(len(bodies))})

    def get_comment(self, given: Given, id: int) -> Answer:
        return Answer(200, _comment(self._comment(id)))

    def create_comment(self, given: Given, number: int) -> Answer:
        if self._pull(number).is_locked:
            raise Refusal(403, "You cannot comment on a locked issue.")
        made = Comment(self.next_id(), given.token.user, given.json["body"])
        self.comments.append(made)
        return Answer(201, _comment(made))

    def edit_comment(self, given: Given, id: int) -> Answer:
        comment = self._comment(id)
        if comment.user != given.token.user:
            raise Refusal(403, "")
        comment.body = given.json["body"]
        return Answer(200, _comment(comment))

    def delete_comment(self, given: Given, id: int) -> Answer:
        self.comments.remove(self._comment(id))
        return Answer(204)

    def list_reviews(self, given: Given, number: int) -> Answer:
        seen = [each for each in self.reviews if each.state != "PENDING" or each.user == given.token.user]
        return self._page(given, [_review(each) for each in seen])

    def create_review(self, given: Given, number: int) -> Answer:
        """Store the comments in the pending review of the user, and submit it."""
        wanted, user = given.json, given.token.user
        if wanted.get("event") != "COMMENT" or not (wanted.get("body") or wanted.get("comments")):
            raise Refusal(422, "review event COMMENT requires a body or a comment")
        pending = next((each for each in self.reviews if each.state == "PENDING" and each.user == user), None)
        if pending is None:
            pending = Review(self.next_id(), user, "PENDING", "", wanted.get("commit_id") or self.pull.head_sha)
            self.reviews.append(pending)
        for each in wanted.get("comments") or ():
            pending.comments.append(self._code_comment(user, each))
        pending.state, pending.body = "COMMENT", wanted.get("body") or ""
        return Answer(200, _review(pending))

    def delete_review(self, given: Given, number: int, id: int) -> Answer:
        review = self._review(id, given.token.user)
        if review.user != given.token.user:
            raise Refusal(403, "")
        self.reviews.remove(review)
        return Answer(204)

    def list_review_comments(self, given: Given, number: int, id: int) -> Answer:
        review = self._review(id, given.token.user)
        return Answer(200, [_code_body(each, review) for each in review.comments])

    def add_review_comment(self, given: Given, number: int, id: int) -> Answer:
        if not self.is_forgejo:
            raise Refusal(404, "")
        review = self._review(id, given.token.user)
        made = self._code_comment(given.token.user, given.json)
        review.comments.append(made)
        return Answer(200, _code_body(made, review))

    def delete_review_comment(self, given: Given, number: int, id: int, comment: int) -> Answer:
        review, found = self._found(comment)
        if not self.is_forgejo or review.id != id:
            raise Refusal(404, "")
        review.comments.remove(found)
        return Answer(204)

    def create_reply(self, given: Given, number: int, id: int) -> Answer:
        if not self.has(27):
            raise Refusal(404, "")
        review, first = self._found(id)
        made = CodeComment(self.next_id(), given.token.user, given.json["body"], first.path, first.line)
        review.comments.append(made)
        return Answer(201, _code_body(made, review))

    def resolve(self, given: Given, id: int) -> Answer:
        if not self.has(26):
            raise Refusal(404, "")
        self._found(id)[1].resolver = given.token.user
        return Answer(204)

    def create_status(self, given: Given, *digits: int) -> Answer:
        status = {"id": self.next_id(), "context": given.json["context"], "status": given.json["state"]}
        status |= {"description": given.json["description"], "target_url": given.json.get("target_url", "")}
        self.statuses.append(status)
        return Answer(201, status)

    # -- what is there

    def _page(self, given: Given, bodies: list[Any]) -> Answer:
        page, limit = int(given.query.get("page", 1)), min(int(given.query.get("limit", 30)), self.page_size)
        total = {"X-Total-Count": str(len(bodies))}
        return Answer(200, bodies[(page - 1) * limit : page * limit], total)

    def _pull(self, number: int) -> Pull:
        if number != self.pull.number:
            raise Refusal(404, "")
        return self.pull

    def _comment(self, id: int) -> Comment:
        for comment in self.comments:
            if comment.id == id:
                return comment
        raise Refusal(404, "")

    def _review(self, id: int, user: User) -> Review:
        for review in self.reviews:
            if review.id == id and (review.state != "PENDING" or review.user == user):
                return review
        raise Refusal(404, "")

    def _found(self, id: int) -> tuple[Review, CodeComment]:
        for review in self.reviews:
            for comment in review.comments:
                if comment.id == id:
                    return review, comment
        raise Refusal(404, "")

    def _code_comment(self, user: User, wanted: dict[str, Any]) -> CodeComment:
        if wanted["path"] in self.broken_paths:
            raise Refusal(500, "")
        line = -wanted["old_position"] if wanted.get("old_position") else wanted.get("new_position", 0)
        return CodeComment(self.next_id(), user, wanted["body"], wanted["path"], line)


def _user(user: User) -> dict[str, Any]:
    return {"id": user.id, "login": user.login, "full_name": "", "html_url": f"{SITE}/{user.login}"}


def pull_body(pull: Pull) -> dict[str, Any]:
    """Return a pull request as the API and the event have it."""
    head = {
        "label": "change",
        "ref": "change",
        "sha": pull.head_sha,
        "repo_id": 42,
        "repo": repository(pull.head_repository),
    }
    base = {"label": "main", "ref": "main", "sha": pull.base_sha, "repo_id": 42, "repo": repository(REPOSITORY)}
    state = "open" if pull.is_open else "closed"
    fixed = {"id": 700, "number": pull.number, "title": "A change", "merge_base": pull.base_sha}
    return {**fixed, "state": state, "is_locked": pull.is_locked, "head": head, "base": base}


def repository(name: str) -> dict[str, Any]:
    return {"id": 42, "name": name.split("/")[1], "full_name": name, "default_branch": "main"}


def _comment(comment: Comment) -> dict[str, Any]:
    made = {"id": comment.id, "user": _user(comment.user), "body": comment.body, "assets": []}
    return {**made, "created_at": _TIME, "updated_at": _TIME}


def _review(review: Review) -> dict[str, Any]:
    made = {"id": review.id, "user": _user(review.user), "team": None, "state": review.state, "body": review.body}
    return {**made, "commit_id": review.commit, "comments_count": len(review.comments), "submitted_at": _TIME}


def _code_body(comment: CodeComment, review: Review) -> dict[str, Any]:
    return {
        "id": comment.id,
        "user": _user(comment.user),
        "resolver": _user(comment.resolver) if comment.resolver is not None else None,
        "body": comment.body,
        "path": comment.path,
        "position": max(comment.line, 0),
        "original_position": max(-comment.line, 0),
        "pull_request_review_id": review.id,
        "commit_id": sha_of(comment.path),
        "original_commit_id": "",
        "diff_hunk": "",
        "created_at": _TIME,
        "updated_at": _TIME,
    }


_REPOSITORY = rf"/repos/{REPOSITORY}"
_PULL = rf"{_REPOSITORY}/pulls/(\d+)"
_Operation = Callable[..., Answer]
_OPERATIONS: list[tuple[str, re.Pattern[str], str, _Operation]] = [
    (method, re.compile(path), writes, operation)
    for method, path, writes, operation in (
        ("GET", "/version", "", World.get_version),
        ("GET", "/user", "", World.get_user),
        ("GET", rf"{_REPOSITORY}/pulls", "", World.list_pulls),
        ("GET", _PULL, "", World.get_pull),
        ("GET", rf"{_REPOSITORY}/issues/(\d+)/comments", "", World.list_comments),
        ("POST", rf"{_REPOSITORY}/issues/(\d+)/comments", "pulls", World.create_comment),
        ("GET", rf"{_REPOSITORY}/issues/comments/(\d+)", "", World.get_comment),
        ("PATCH", rf"{_REPOSITORY}/issues/comments/(\d+)", "pulls", World.edit_comment),
        ("DELETE", rf"{_REPOSITORY}/issues/comments/(\d+)", "pulls", World.delete_comment),
        ("GET", rf"{_PULL}/reviews", "", World.list_reviews),
        ("POST", rf"{_PULL}/reviews", "pulls", World.create_review),
        ("DELETE", rf"{_PULL}/reviews/(\d+)", "pulls", World.delete_review),
        ("GET", rf"{_PULL}/reviews/(\d+)/comments", "", World.list_review_comments),
        ("POST", rf"{_PULL}/reviews/(\d+)/comments", "pulls", World.add_review_comment),
        ("DELETE", rf"{_PULL}/reviews/(\d+)/comments/(\d+)", "pulls", World.delete_review_comment),
        ("POST", rf"{_PULL}/comments/(\d+)/replies", "pulls", World.create_reply),
        ("POST", rf"{_REPOSITORY}/pulls/comments/(\d+)/resolve", "pulls", World.resolve),
        ("POST", rf"{_REPOSITORY}/statuses/[0-9a-f]{{40}}", "code", World.create_status),
    )
]
