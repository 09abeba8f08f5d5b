"""A stateful fake of GitHub, on loopback, for the tests of the review bot.

The fixture ``github`` (tests/review/github/conftest.py) starts one with a repository, ``octo-org/infra``, and one open
pull request, number 7, by ``contributor``, which changes ``main.tf``; at the end it fails the test for every exchange
that does not fit GitHub's own description of its API (``fake.violations``; :mod:`github_fake.contract`).

For clients
    ``fake.url``                 what GITHUB_API_URL would be; ``fake.url + "/graphql"`` takes GraphQL
    ``fake.token``               the token of the job: the app's, ``github-actions[bot]``, may write what a bot writes
    ``fake.tokens``              others: ``read_only`` (a fork's), ``comments_only`` (contents: read, pull-requests:
                                 write), ``personal`` (of the user ``passrole-bot``), ``members`` (may read teams,
                                 ``fake.world.teams``); ``fake.new_token(user, {...})``
    ``fake.clock``               a manual clock: ``now()``, ``monotonic()``, ``sleep(seconds)``. Give its
                                 ``monotonic`` and ``sleep`` to the client; limits and time stamps go by it
    ``fake.environment(pull, folder, event="pull_request")``   the variables of a job of GitHub Actions, with event file

State: ``fake.repository``, ``fake.pull`` and, on a pull request, ``base_files``, ``head_files``, ``base_sha``,
``head_sha``; ``fake.new_repository``, ``fake.new_pull``. ``fake.comments(pull)``, ``fake.reviews(pull)``,
``fake.review_comments(pull)``, ``fake.threads(pull)``, ``fake.statuses(sha)``, ``fake.check_runs(sha)``,
``fake.uploads`` return what was posted, as objects with the fields of :mod:`github_fake.world`.

Actions of other users
    ``fake.comment(pull, body, user)``           a comment in the conversation
    ``fake.review_comment(pull, path, line, body, user)``, ``fake.reply(comment, body, user)``,
    ``fake.resolve(comment, user)``              the same on lines, in threads
    ``fake.edit(comment, body)``                 an edit within the second of the comment
    ``fake.commit(author, committer)``           a commit whose people matter
    ``fake.push(pull, files, sha=None)``         a new head: comments move with their lines, or are outdated
    ``fake.apply_suggestion(comment)``           as the button does: the suggestion of a comment becomes a commit
    ``pull.locked = True``, ``pull.state = "closed"``, ``pull.is_listed_whole = False``
    ``fake.rename(repository, "new")``           calls by the old name are redirected
    ``fake.artifact(run_id, name, data)``        an artifact of a workflow run, downloaded from another host

Faults
    ``fake.fault("POST", r"/reviews$", status=502, times=1, after_effect=False, skip=0, body=None, headers=None)``
    ``fake.fault("POST", r"/comments$", drop=True)``      the connection ends without a response
    ``fake.when("GET", r"/comments", action, after=False, times=1)``   calls ``action(fake)`` during a call
    ``fake.limits``: 80 writes a minute and 500 an hour, 65,536 characters, 32 comments a review, …
    ``fake.gives_back(change)``: the texts of comments are read as ``change(text)`` (other line endings, say)

Journal: ``fake.calls(method, pattern)``, ``fake.writes()``: a :class:`github_fake.journal.Call` each, with
``json``, ``status`` and ``at`` (the clock); ``fake.assert_spaced(1.0)``: no two writes closer than that.
"""

from github_fake.fake import GitHubFake
from github_fake.journal import Call
from github_fake.world import (
    CheckRun,
    Clock,
    Comment,
    Pull,
    Repository,
    Review,
    ReviewComment,
    Status,
    Thread,
    Token,
    User,
)

__all__ = [
    "Call",
    "CheckRun",
    "Clock",
    "Comment",
    "GitHubFake",
    "Pull",
    "Repository",
    "Review",
    "ReviewComment",
    "Status",
    "Thread",
    "Token",
    "User",
]
