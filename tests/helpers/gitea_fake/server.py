"""The fake on loopback: tokens before each operation, and the contract after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripted_server import Answer, ScriptedServer

from gitea_fake import contract
from gitea_fake.api import REPOSITORY, SITE, Given, World, pull_body, repository
from gitea_fake.world import BOT, OTHER_USER, CodeComment, Comment, Refusal, Review, Token, User, sha_of


class GiteaFake(ScriptedServer, World):
    """The fake that the package docstring describes. Call ``start``, and finally ``stop``."""

    prefix = "/api/v1"

    def __init__(self) -> None:
        ScriptedServer.__init__(self)
        World.__init__(self)
        self.tokens = {
            "job": Token("gta-job-0123456789", BOT),
            "read_only": Token("gta-readonly-0123456789", BOT, frozenset()),
            "comments_only": Token("gta-comments-0123456789", BOT, frozenset({"pulls"})),
            "personal": Token("gta-personal-0123456789", OTHER_USER),
        }
        self.violations: list[str] = []

    def environment(self, folder: Path, *, run_number: int = 1) -> dict[str, str]:
        """Return the variables of a job for the pull request, and write its event into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        event = {"action": "synchronized", "number": self.pull.number, "pull_request": pull_body(self.pull)}
        path = folder / "event.json"
        path.write_text(json.dumps({**event, "repository": repository(REPOSITORY)}), encoding="utf-8")
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "FORGEJO_ACTIONS" if self.is_forgejo else "GITEA_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_SERVER_URL": SITE,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_SHA": self.pull.head_sha,
            "GITHUB_REF": f"refs/pull/{self.pull.number}/head",
            "GITHUB_RUN_ID": str(9000 + run_number),
            "GITHUB_RUN_NUMBER": str(run_number),
        }

    # -- what others do

    def comment(self, body: str, user: User = OTHER_USER) -> Comment:
        made = Comment(self.next_id(), user, body)
        self.comments.append(made)
        return made

    def code_comment(self, path: str, line: int, body: str, user: User = OTHER_USER) -> CodeComment:
        """Comment on a line in a review of its own, as the page of the diff does."""
        made = CodeComment(self.next_id(), user, body, path, line)
        self.reviews.append(Review(self.next_id(), user, "COMMENT", "", self.pull.head_sha, [made]))
        return made

    def push(self, files: dict[str, str], sha: str = "") -> str:
        """Push a new head with these files, all files of the tree; return it."""
        self.pull.head_files = dict(files)
        self.pull.head_sha = sha or sha_of(files, self.next_id())
        return self.pull.head_sha

    def code_comments(self) -> list[CodeComment]:
        """List the comments on lines that everyone sees, oldest first."""
        found = [each for review in self.reviews if review.state != "PENDING" for each in review.comments]
        return sorted(found, key=lambda each: each.id)

    # -- the answer

    def respond(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any) -> Answer:
        answer = self._refused_or_done(method, path, query, headers, given)
        self.violations += contract.violations(method, path, query, given, answer.status, answer.document)
        return answer

    def _refused_or_done(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any
    ) -> Answer:
        value = headers.get("authorization", "").removeprefix("token ")
        token = next((each for each in self.tokens.values() if each.value == value), None)
        try:
            if token is None:
                raise Refusal(401, "invalid username, password or token")
            return self.answer(method, path, Given(query, given, token))
        except Refusal as refusal:
            return Answer(refusal.status, {"message": refusal.message, "url": f"{SITE}/api/swagger"})
