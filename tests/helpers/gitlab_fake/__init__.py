"""A stateful stand-in for GitLab, on loopback, for the tests of the review bot.

It is written from GitLab's documentation of its API ("Discussions", "Notes", "Merge requests", "REST API") and of quick
actions, and from what is told there of errors.

What a client needs
    ``fake.url``                what CI_API_V4_URL would be
    ``fake.token``              the token of the project: its user, ``project_42_bot``, has the role Developer
    ``fake.tokens``             others: ``reporter`` (may comment, not resolve), ``read_only`` (scope read_api), ``job``
                                (a CI_JOB_TOKEN), ``stranger`` (of no member), ``expired``
    ``fake.clock``              a clock that stands still: ``now()``, ``sleep(seconds)``
    ``fake.environment()``      the variables of a job of a pipeline of the merge request

What is there: the project ``acme/platform/infra``, number 42, with merge request 7 by ``contributor``:
``fake.request.base_files``, ``head_files``, ``renamed`` (new path: old path), ``head_sha``, ``state``.
``fake.notes()``: those that users wrote; ``fake.threads()``: discussions that are no single notes;
``fake.commands``: quick actions that somebody's text has set off.

What others do: ``fake.note(body, user)``, ``fake.reply(thread, body, user)``, ``fake.resolve(thread, user)``,
``fake.push(files)``, ``fake.apply_suggestion(thread)``.

What goes wrong: ``fake.fault("POST", r"/notes$", status=502, times=1, after_effect=False, skip=0)``,
``fake.when("POST", r"/discussions$", action, after=False)``, ``fake.writes_per_minute``,
``fake.knows_file_positions = False`` (GitLab before 16.4), ``fake.public_url`` (what GitLab takes for its own address).

What was called: ``fake.calls(method, pattern)``, ``fake.writes()``, ``fake.assert_spaced(1.0)``.
"""

from gitlab_fake.server import GitLabFake
from gitlab_fake.world import Call, Discussion, MergeRequest, Note, Token, User

__all__ = ["Call", "Discussion", "GitLabFake", "MergeRequest", "Note", "Token", "User"]
