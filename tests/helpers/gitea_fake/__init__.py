"""A stateful fake of Gitea and Forgejo, on loopback, for the tests of the review bot.

Each exchange is checked against a part of Gitea's API description (``slice.json``, see its NOTICE). Behavior that the
description lacks follows the documentation of both: job tokens, token scopes, pages, pending reviews.

For clients
    ``fake.url``                what GITHUB_API_URL would be
    ``fake.tokens``             ``job`` (of ``gitea-actions``), ``read_only`` (as a fork's), ``comments_only`` (without
                                access to code), ``personal`` (of ``other-user``)
    ``fake.clock``              a manual clock: ``now()``, ``sleep(seconds)``
    ``fake.environment(folder)``  the variables of a job for the pull request; writes the event file

State: the repository ``acme/infra`` with pull request 7 by ``contributor``: ``fake.pull`` (``base_sha``, ``head_sha``,
``head_files``, ``is_open``, ``is_locked``), ``fake.is_archived``, ``fake.comments``, ``fake.reviews``,
``fake.statuses``. ``fake.version``: ``1.27.3``; ``1.25.5`` has neither replies nor resolving by API;
``15.0.1+gitea-1.22.0`` is Forgejo, which has other calls for replies. ``fake.page_size``: the most that a page has.

Actions of others: ``fake.comment(body, user)``, ``fake.code_comment(path, line, body, user)``,
``fake.push(files, sha)``.

Faults: ``fake.fault("POST", r"/reviews$", status=502)``, ``fake.when("POST", r"/reviews$", action)``, and
``fake.broken_paths``: files on whose lines a comment fails, after the earlier ones of its review were stored.

Journal: ``fake.calls(method, pattern)``, ``fake.writes()``, ``fake.assert_spaced(1.0)``, ``fake.violations``.
"""

from gitea_fake.server import GiteaFake
from gitea_fake.world import BOT, CodeComment, Comment, Pull, Review, User

__all__ = ["BOT", "CodeComment", "Comment", "GiteaFake", "Pull", "Review", "User"]
