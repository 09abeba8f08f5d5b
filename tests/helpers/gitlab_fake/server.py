"""The fake on loopback: tokens and the rate limit, before each operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scripted_server import Answer, ScriptedServer

from gitlab_fake.api import PROJECT, PROJECT_ID, Given, World
from gitlab_fake.world import (
    DEVELOPER,
    GUEST,
    REPORTER,
    Discussion,
    MergeCommit,
    MergeRequest,
    Note,
    Refusal,
    Token,
    User,
    applied,
)

GRAPHQL = "/api/graphql"
BOT, CONTRIBUTOR, OTHER_USER = User(1, "project_42_bot", is_bot=True), User(2, "contributor"), User(3, "other-user")


class GitLabFake(ScriptedServer):
    """The fake that the package docstring describes. Call ``start``, and finally ``stop``."""

    prefix = "/api/v4"

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.writes_per_minute = 300
        self.tokens = {
            "project": Token("glpat-project-0123456789", BOT),
            "reporter": Token("glpat-reporter-0123456789", BOT, REPORTER),
            "read_only": Token("glpat-readonly-0123456789", BOT, scope="read_api"),
            "personal": Token("glpat-personal-0123456789", OTHER_USER),
            "stranger": Token("glpat-stranger-0123456789", User(9, "stranger"), GUEST),
            "job": Token("glcbt-64_0123456789", CONTRIBUTOR, scope="job"),
            "expired": Token("glpat-expired-0123456789", BOT, is_valid=False),
        }

    def start(self) -> None:
        super().start()
        self.world.public_url = self.root

    @property
    def token(self) -> str:
        return self.tokens["project"].value

    def environment(self, *, run_number: int = 1, is_fork: bool = False) -> dict[str, str]:
        """Return the variables of a merge request pipeline's job (GitLab Docs, "Predefined CI/CD variables
        reference")."""
        request = self.request
        return {
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_ID": str(PROJECT_ID),
            "CI_PROJECT_PATH": PROJECT,
            "CI_MERGE_REQUEST_PROJECT_ID": str(PROJECT_ID),
            "CI_MERGE_REQUEST_PROJECT_PATH": PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43" if is_fork else str(PROJECT_ID),
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "contributor/infra" if is_fork else PROJECT,
            "CI_MERGE_REQUEST_IID": str(request.iid),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": request.base_sha,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "change",
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": request.head_sha,
            "CI_PIPELINE_IID": str(run_number),
            "CI_PIPELINE_ID": str(9000 + run_number),
            "CI_JOB_URL": f"{self.root}/{PROJECT}/-/jobs/{9000 + run_number}",
            "CI_API_V4_URL": self.url,
            "CI_SERVER_URL": self.root,
            "CI_JOB_TOKEN": self.tokens["job"].value,
        }

    # -- what is there, and what others do

    @property
    def request(self) -> MergeRequest:
        return self.world.request

    @property
    def commands(self) -> list[str]:
        return self.world.commands

    def notes(self) -> list[Note]:
        return [each.notes[0] for each in self.request.discussions if each.individual_note and not each.notes[0].system]

    def threads(self) -> list[Discussion]:
        return [each for each in self.request.discussions if not each.individual_note]

    def note(self, body: str, user: User = OTHER_USER) -> Note:
        return self.world.thread(body, user, None).notes[0]

    def thread(self, body: str, user: User = OTHER_USER) -> Discussion:
        return self.world.thread(body, user, "DiscussionNote")

    def reply(self, thread: Discussion, body: str, user: User = OTHER_USER) -> None:
        thread.notes.append(Note(self.world.next_id(), user, body, "DiscussionNote"))

    def edit(self, note: Note, body: str, user: User | None = None) -> None:
        """Edit a note, as its author or a maintainer can."""
        note.body, note.edited_by = body, user or note.author

    def commit(self, author: User | None, committer: User | None = None) -> None:
        """Add a commit to the merge request, by these people."""
        self.request.commits.append(MergeCommit(author, committer or author))

    def resolve(self, thread: Discussion, user: User = OTHER_USER) -> None:
        for note in thread.notes:
            note.resolved_by = user

    def push(self, files: dict[str, str], sha: str = "", user: User = CONTRIBUTOR) -> str:
        """Push a new head of the merge request with these files, all files of the tree; return it."""
        self.request.head_files = dict(files)
        self.world.push_version()
        if sha:
            self.request.head_sha = sha
            self.request.versions[0] = replace(self.request.versions[0], head_sha=sha)
        self.world.system_note("added 1 commit", user)
        return self.request.head_sha

    def apply_suggestion(self, thread: Discussion) -> None:
        self.push(applied(self.request.head_files, thread.notes[0]))

    # -- the answer

    def is_write(self, method: str, path: str) -> bool:
        return super().is_write(method, path) and path != GRAPHQL

    def respond(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any) -> Answer:
        try:
            token = self._token(headers)
            if self.is_write(method, path):
                self._count_write()
                if token.scope != "api":
                    payload = {
                        "error": "insufficient_scope",
                        "error_description": "The request requires higher privileges",
                    }
                    raise Refusal(403, {**payload, "scope": "api"})
            if path.startswith("/projects/") and token.role < REPORTER:
                raise Refusal(404, {"message": "404 Project Not Found"})
            return self.world.answer(Given(method, path, query, given or {}, token))
        except Refusal as refusal:
            headers = {"Retry-After": "30"} if refusal.status == 429 else {}
            return Answer(refusal.status, refusal.document, headers)

    def _token(self, headers: dict[str, str]) -> Token:
        value = headers.get("private-token") or headers.get("authorization", "").removeprefix("Bearer ")
        for token in self.tokens.values():
            if token.value == value and token.is_valid and token.scope != "job":
                return token
        raise Refusal(401, {"message": "401 Unauthorized"})

    def _count_write(self) -> None:
        now = self.clock.now()
        if sum(now - each.at < 60 and each.status < 400 for each in self.writes()) >= self.writes_per_minute:
            words = "This endpoint has been requested too many times. Try again later."
            raise Refusal(429, {"message": {"error": words}})


__all__ = ["BOT", "CONTRIBUTOR", "DEVELOPER", "OTHER_USER", "GitLabFake"]
