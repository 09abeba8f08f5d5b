"""A stateful fake of GitLab, on loopback, for the tests of the review bot.

It follows GitLab's documentation of its API ("Discussions", "Notes", "Merge requests", "REST API"), of quick actions,
and of errors.

For clients
    ``fake.url``                what CI_API_V4_URL would be
    ``fake.token``              the token of the project: its user, ``project_42_bot``, has the role Developer
    ``fake.tokens``             others: ``reporter`` (may comment, not resolve), ``read_only`` (scope read_api), ``job``
                                (a CI_JOB_TOKEN), ``stranger`` (of no member), ``expired``
    ``fake.clock``              a manual clock: ``now()``, ``sleep(seconds)``
    ``fake.environment()``      the variables of a job of a pipeline of the merge request

State: the project ``acme/platform/infra``, number 42, with merge request 7 by ``contributor``:
``fake.request.base_files``, ``head_files``, ``renamed`` (new path: old path), ``head_sha``, ``state``.
``fake.notes()``: those that users wrote; ``fake.threads()``: discussions other than single notes;
``fake.commands``: quick actions that a text has triggered. Its GraphQL API (``queries``) has what is read of notes and
commits: ``fake.commit(author, committer)``, ``fake.edit(note, body, user)``; ``fake.world.groups``: the members of
groups by path, with their states.

Actions of other users: ``fake.note(body, user)``, ``fake.reply(thread, body, user)``, ``fake.resolve(thread, user)``,
``fake.push(files)``, ``fake.apply_suggestion(thread)``.

Faults: ``fake.fault("POST", r"/notes$", status=502, times=1, after_effect=False, skip=0)``,
``fake.when("POST", r"/discussions$", action, after=False)``, ``fake.writes_per_minute``,
``fake.knows_file_positions = False`` (GitLab before 16.4), ``fake.public_url`` (what GitLab takes for its own address).

Journal: ``fake.calls(method, pattern)``, ``fake.writes()``, ``fake.assert_spaced(1.0)``.
"""

from gitlab_fake.server import GitLabFake
from gitlab_fake.world import Discussion, MergeRequest, Note, Token, User

__all__ = ["Discussion", "GitLabFake", "MergeRequest", "Note", "Token", "User"]
