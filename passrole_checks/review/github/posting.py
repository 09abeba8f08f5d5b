"""The order in which a review is written on GitHub, and what is done where GitHub does not let it.

Comments at lines come first, so that the summary is written when it is known what of them stands, then the verdict:
three writes, in the normal case. Nothing of this changes the verdict, and no trouble with GitHub is an error here: it
is told, once, with the permission that is missing. Source: GitHub Docs, "Permissions required for GitHub Apps" (which
permission each call needs), "Workflow syntax", ``permissions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from passrole_checks.review.annotations import check_annotations
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.github.api import GitHub, client
from passrole_checks.review.github.conversations import ReviewThread, conversations, end
from passrole_checks.review.github.inline import DraftComment, Inline
from passrole_checks.review.github.pull_request import is_current, target
from passrole_checks.review.github.status import post_check_run, post_status
from passrole_checks.review.github.summary_comment import PullRequestConversation
from passrole_checks.review.http import ForgeError, Pace
from passrole_checks.review.markdown.inline import comment, fixed_reply, grouped
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.markdown.markers import FIXED, INLINE, MOST_KEYS, SUMMARY, CommentMarker
from passrole_checks.review.markdown.summary import summary
from passrole_checks.review.report import Anchor, Item, ReviewReport
from passrole_checks.review.summary_comment import AS_IT_WAS, WRITTEN, WRITTEN_NOT_HIDDEN, post_summary
from passrole_checks.review.threads import Posted, file_marks, fixed_ones, keys_said

_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PULL_REQUESTS, _STATUSES, _CHECKS = "pull-requests: write", "statuses: write", "checks: write"


def post(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    say: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Writes ``report`` on GitHub, as far as ``context`` and its token allow, and tells by ``say``, in sentences, what
    was done and what not. Raises nothing for trouble with GitHub.

    ``out`` gets the calls of a dry run, a line each, as JSON.
    """
    if options.dry_run:
        tell, say = say, lambda words: tell(f"dry run: {words}")
    if not (context.has_token or options.dry_run):
        say("There is no token (GITHUB_TOKEN): nothing is written on GitHub.")
        return Posted()
    if not (context.repository and context.api_url):
        say("It is not known which repository this is about (GITHUB_REPOSITORY): nothing is written on GitHub.")
        return Posted()
    if not _is_about(report, context):
        say("The report is about another commit than the one that GitHub names: nothing is written on GitHub.")
        return Posted()
    calls = client(context.api_url, context.token, pace=pace, dry_run=out if options.dry_run else None)
    posting = _Posting(GitHub(calls, context.api_url, context.repository), report, context, options, say)
    return posting.all()


def _is_about(report: ReviewReport, context: Context) -> bool:
    """A report may come from a file that a pull request made; what GitHub says of the run is what counts."""
    if _COMMIT.fullmatch(report.head):
        return report.head in (context.head_sha, context.merge_sha)
    return context.event != "workflow_run"


class _Posting:
    """One run of :func:`post`."""

    def __init__(
        self, github: GitHub, report: ReviewReport, context: Context, options: PostOptions, say: Callable[[str], None]
    ) -> None:
        self._github, self._report, self._context, self._options, self._say = github, report, context, options, say
        self._links = Links(
            context.server_url,
            context.repository,
            context.head_sha,
            report.base,
            context.run_url,
            unlike_head=report.unlike_head,
        )
        self._missing: dict[str, list[str]] = {}  # permissions, and what could not be written for want of them
        self._refusal = ""

    def all(self) -> Posted:
        posted = self._on_pull_request() if self._context.can_be_commented else Posted()
        self._verdict()
        self._say_what_is_missing()
        return posted

    # -- the pull request

    def _on_pull_request(self) -> Posted:
        if self._options.comment == "off" and self._options.max_inline <= 0:
            return Posted()
        try:
            found = target(self._github, self._context)
            author = (self._options.author or self._github.viewer()) if found.number else ""
        except ForgeError as error:
            self._trouble("comments on the pull request", _PULL_REQUESTS, error)
            return Posted()
        if not found.number:
            self._say(f"{found.why} No comments are written.")
            return Posted()
        number = found.number
        at_lines, lost = self._at_lines(number, author) if self._options.max_inline > 0 else _NONE
        posted = Posted(number, at_lines, lost)
        if self._options.comment == "off":
            return posted
        return replace(posted, summary=self._summary(number, author, posted.lost))

    def _at_lines(self, number: int, author: str) -> tuple[frozenset[str], frozenset[str]]:
        """The keys of items that are told at lines, and of those that should have been and are not."""
        what = "comments at lines"
        try:
            comments = self._github.review_comments(number)
        except ForgeError as error:
            self._trouble(what, _PULL_REQUESTS, error)
            return frozenset(), frozenset(item.key for item in self._report.items if item.anchor is not None)
        ours = conversations(comments, self._options.key, author)
        present = {item.key for item in self._report.items}
        said = keys_said(ours) & present
        is_open = sum(not each.is_answered and bool(each.keys & present) for each in ours)
        drafts = self._drafts(said, max(self._options.max_inline - is_open, 0))
        inline = Inline(
            self._github,
            number,
            self._context.head_sha,
            author,
            lambda: is_current(self._github, number, self._context),
        )
        missing, trouble = inline.write(drafts)
        if trouble is not None:
            self._trouble(what, _PULL_REQUESTS, trouble)
        lost = frozenset(key for draft in missing for key in draft.marker.items)
        written = frozenset(key for draft in drafts for key in draft.marker.items) - lost
        if written:
            self._say(f"Wrote comments at lines: {len(drafts) - len(missing)}.")
        if lost:
            self._say(f"Items that could not be told at their lines: {len(lost)}.")
        if trouble is None:
            if written and not self._github.client.is_dry:
                self._withdraw_repeated(inline, {comment.id for comment in comments})
            self._end_fixed(number, author, ours)
        return said | written, lost

    def _withdraw_repeated(self, inline: Inline, known: set[int]) -> None:
        try:
            withdrawn = inline.withdraw_repeated(known, self._context.run_number, self._options.key)
        except ForgeError as error:
            self._say(f"Whether another run wrote the same comments at lines is not known: {error}")
            return
        if withdrawn:
            self._say(f"Took back comments at lines that another run had written at the same time: {withdrawn}.")

    def _drafts(self, said: frozenset[str], room: int) -> list[DraftComment]:
        new = [item for item in self._report.items if item.key not in said]
        drafts = []
        for anchor, items in grouped(new, room):
            text = comment(items, self._report, self._links, anchor)
            at_file = comment(items, self._report, self._links, Anchor(anchor.file, 0, 0)) if anchor.line else text
            marker = self._marker(INLINE, items[:MOST_KEYS])
            drafts.append(DraftComment(marker, anchor.file, anchor.line, anchor.end_line, text, at_file))
        return drafts

    def _end_fixed(self, number: int, author: str, ours: list[ReviewThread]) -> None:
        ended = fixed_ones(ours, self._report)
        text = fixed_reply(self._report)
        if not ended or text is None:
            return
        body = self._marker(FIXED).on(text)
        try:
            replied, refused = end(self._github, number, ended, body, author)
        except ForgeError as error:
            self._trouble("replies to comments at lines", _PULL_REQUESTS, error)
            return
        if replied:
            self._say(f"Told in threads at lines that they are fixed: {replied}.")
        if replied and refused:
            self._say(f"These threads could not be resolved ({refused}): GitHub asks for contents: write there.")

    def _summary(self, number: int, author: str, lost: frozenset[str]) -> bool:
        def told(before: bool) -> str:
            return summary(self._report, self._links, told_before=before, not_inline=lost)

        marker, mode = self._marker(SUMMARY), self._options.comment
        try:
            if not is_current(self._github, number, self._context):  # comments at lines take their time
                self._say("The pull request was changed meanwhile: a later run writes the summary.")
                return False
            conversation = PullRequestConversation(self._github, number)
            done = post_summary(conversation, told, marker, author, mode, is_wanted=self._report.begins_a_comment)
        except ForgeError as error:
            self._trouble("the summary comment", _PULL_REQUESTS, error)
            return False
        self._say(f"The summary on pull request {number}: {done}.")
        return done in (WRITTEN, WRITTEN_NOT_HIDDEN, AS_IT_WAS)

    # -- the commit

    def _verdict(self) -> None:
        context = self._context
        if not (context.head_sha and (self._options.status or self._options.check_run)):
            return
        if context.event == "workflow_run" and context.is_fork:
            # A fork can change the workflow that scans, and so the report: what it says must not open a gate.
            self._say("No status is set: the report comes from a workflow of a fork.")
            return
        if self._options.status:
            try:
                post_status(self._github, self._report, self._context, self._options)
            except ForgeError as error:
                self._trouble("the commit status", _STATUSES, error)
        if self._options.check_run:
            text, annotations = summary(self._report, self._links), check_annotations(self._report)
            try:
                post_check_run(self._github, self._report, self._context, self._options, text, annotations)
            except ForgeError as error:
                self._trouble("the check run", _CHECKS, error)

    # -- trouble

    def _trouble(self, what: str, permission: str, error: ForgeError) -> None:
        if error.status in (403, 404) and "locked" not in error.reason.lower():
            self._missing.setdefault(permission, []).append(what)
            self._refusal = self._refusal or f"{error.status}: {error.reason}"
        else:
            self._say(f"GitHub did not take {what}: {error}")

    def _say_what_is_missing(self) -> None:
        if not self._missing:
            return
        needs = "; ".join(f"{permission} (for {' and '.join(whats)})" for permission, whats in self._missing.items())
        words = (
            f"warning: the token may not write everything (GitHub says {self._refusal}). Permissions needed: {needs}."
        )
        if self._context.event == "pull_request":
            words += " In pull requests from forks and by Dependabot the token only reads: the README has workflows for"
            words += " them."
        self._say(words)

    def _marker(self, kind: str, items: Sequence[Item] = ()) -> CommentMarker:
        context = self._context
        keys = tuple(item.key for item in items)
        return CommentMarker(
            kind, self._options.key, context.head_sha, context.run_number, context.run_attempt, keys, file_marks(items)
        )
