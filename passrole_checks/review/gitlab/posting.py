"""The order in which a review is written on GitLab, and what is done where GitLab does not let it.

Threads at lines come first, so that the summary is written when it is known what of them stands. Nothing of this
changes the verdict, which is the status of the job, and no trouble with GitLab is an error here: it is told, once.

Sources: GitLab Docs, "CI/CD job token" (it can read notes, and write none), "Project access tokens"
(scope ``api``), "CI/CD variables" (a protected one is given to protected branches alone), "Merge request pipelines"
(one from a fork runs in the fork).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from passrole_checks.review.ci_context import GITLAB_TOKEN, Context, PostOptions
from passrole_checks.review.gitlab.api import GitLab, client
from passrole_checks.review.gitlab.positions import Positions
from passrole_checks.review.gitlab.threads import DraftThread, Ours, Threads, ours_of
from passrole_checks.review.http import ForgeError, Pace
from passrole_checks.review.markdown.inline import comment, fixed_reply, grouped
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.markdown.markers import FIXED, INLINE, MOST_KEYS, SUMMARY, CommentMarker
from passrole_checks.review.markdown.summary import summary
from passrole_checks.review.report import Anchor, Item, ReviewReport
from passrole_checks.review.summary_comment import AS_IT_WAS, WRITTEN, WRITTEN_NOT_HIDDEN, post_summary
from passrole_checks.review.threads import Posted, file_marks, fixed_ones, keys_said

BUDGET = 990_000  # of the 1,000,000 characters of a note, with room for the marker and for what folds it
_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OF_A_JOB = "glcbt-"  # how a CI_JOB_TOKEN begins


def post(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    say: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Writes ``report`` on GitLab, as far as ``context`` and its token allow, and tells by ``say``, in sentences, what
    was done and what not. Raises nothing for trouble with GitLab.

    ``out`` gets the calls of a dry run, a line each, as JSON. A commit status is not set, since the job has one.
    """
    if options.check_run:
        say("GitLab has no check runs: the status of the job tells the verdict.")
    if not context.can_be_commented or (options.comment == "off" and options.max_inline <= 0):
        return Posted()
    why = _why_not(report, context, options)
    if why:
        say(why)
        return Posted()
    calls = client(context.api_url, context.token, pace=pace, dry_run=out if options.dry_run else None)
    gitlab = GitLab(calls, context.project_id or context.repository, context.number)
    return _Posting(gitlab, report, context, options, say).all()


def _why_not(report: ReviewReport, context: Context, options: PostOptions) -> str:
    """Why nothing can be written, "" where something can."""
    if not (context.has_token or options.dry_run):
        words = f"There is no token ({GITLAB_TOKEN}, a project access token with the scope api)"
        if context.is_fork:
            words += ", which pipelines in a fork are not given"
        return (
            f"{words}: no comments are written on GitLab. The job's own CI_JOB_TOKEN may not write any; the report of"
            " Code Quality needs no token."
        )
    if context.token.startswith(_OF_A_JOB):
        return (
            f"{GITLAB_TOKEN} is the job's own token, which may not write notes: no comments are written on GitLab."
            " A project access token with the scope api may."
        )
    if not ((context.project_id or context.repository) and context.api_url):
        return "It is not known which project this is about (CI_PROJECT_ID): nothing is written on GitLab."
    if not context.head_sha:
        return "It is not known which commit was reviewed: nothing is written on GitLab."
    if _COMMIT.fullmatch(report.head) and report.head not in (context.head_sha, context.merge_sha):
        return "The report is about another commit than the one that GitLab names: nothing is written on GitLab."
    return ""


class _Posting:
    """One run of :func:`post`."""

    def __init__(
        self, gitlab: GitLab, report: ReviewReport, context: Context, options: PostOptions, say: Callable[[str], None]
    ) -> None:
        self._gitlab, self._report, self._context, self._options, self._say = gitlab, report, context, options, say
        self._links = Links(
            context.server_url,
            context.repository,
            context.head_sha,
            report.base,
            context.run_url,
            gitlab=True,
            unlike_head=report.unlike_head,
        )
        self._missing: list[str] = []  # what could not be written for want of permissions
        self._refusal = ""

    def all(self) -> Posted:
        posted = self._posted()
        if self._missing:
            self._say(
                f"warning: the token may not write {' and '.join(self._missing)} (GitLab says {self._refusal}). It has"
                " to be valid, with the scope api, and with the role Developer in the project of the merge request."
            )
        return posted

    def _posted(self) -> Posted:
        try:
            why = self._why_not_now()
            author = "" if why else self._options.author or self._gitlab.viewer()
        except ForgeError as error:
            self._trouble("comments on the merge request", error)
            return Posted()
        if why:
            self._say(f"{why} No comments are written.")
            return Posted()
        at_lines, lost = self._at_lines(author) if self._options.max_inline > 0 else _NONE
        posted = Posted(self._context.number, at_lines, lost)
        if self._options.comment == "off":
            return posted
        return replace(posted, summary=self._summary(author, lost))

    def _why_not_now(self) -> str:
        request = self._gitlab.merge_request()
        if request is None or (request.is_open and request.head_sha == self._context.head_sha):
            return ""
        if not request.is_open:
            return "The merge request is not open."
        return f"The merge request has a newer commit than {self._context.head_sha[:12]}, which is for a later run."

    def _is_current(self) -> bool:
        return not self._why_not_now()

    # -- threads

    def _at_lines(self, author: str) -> tuple[frozenset[str], frozenset[str]]:
        """The keys of items that threads tell, and of those that they should and do not."""
        what = "threads at lines"
        try:
            present = self._gitlab.threads()
        except ForgeError as error:
            self._trouble(what, error)
            return frozenset(), frozenset(item.key for item in self._report.items if item.anchor is not None)
        ours = ours_of(present, self._options.key, author)
        keys = {item.key for item in self._report.items}
        said = keys_said(ours) & keys
        are_open = sum(not each.is_answered and bool(each.keys & keys) for each in ours)
        threads = Threads(self._gitlab, self._options.key, author, self._is_current)
        drafts = self._drafts(said, max(self._options.max_inline - are_open, 0))
        missing, trouble = threads.begin(drafts)
        if trouble is not None:
            self._trouble(what, trouble)
        lost = frozenset(key for draft in missing for key in draft.keys)
        written = frozenset(key for draft in drafts for key in draft.keys) - lost
        if written:
            self._say(f"Began threads at lines: {len(drafts) - len(missing)}.")
        if lost:
            self._say(f"Items that could not be told at their lines: {len(lost)}.")
        if trouble is None:
            if written and not self._gitlab.is_dry:
                self._withdraw_repeated(threads, {thread.id for thread in present})
            self._end_fixed(threads, ours)
        return said | written, lost

    def _drafts(self, said: frozenset[str], room: int) -> list[DraftThread]:
        new = [item for item in self._report.items if item.key not in said]
        groups = grouped(new, room)
        positions = self._positions() if groups else None
        drafts = []
        for anchor, items in groups:
            position = positions.at(anchor) if positions is not None else None
            elsewhere = comment(items, self._report, self._links, Anchor(anchor.file, 0, 0))
            text = elsewhere
            if position is not None and position.line:
                text = comment(items, self._report, self._links, anchor, gitlab_line=position.line)
            marker = self._marker(INLINE, items[:MOST_KEYS])
            drafts.append(DraftThread(marker, position, text, elsewhere))
        return drafts

    def _positions(self) -> Positions | None:
        try:
            version = self._gitlab.version(self._context.head_sha)
            return Positions(version, self._gitlab.diffs(version.id)) if version is not None else None
        except ForgeError as error:
            self._say(f"The difference is not to be had from GitLab, so that threads are at no lines: {error}")
            return None

    def _withdraw_repeated(self, threads: Threads, known: set[str]) -> None:
        try:
            withdrawn = threads.withdraw_repeated(known, self._context.run_number)
        except ForgeError as error:
            self._say(f"Whether another run began the same threads is not known: {error}")
            return
        if withdrawn:
            self._say(f"Took back threads that another run had begun at the same time: {withdrawn}.")

    def _end_fixed(self, threads: Threads, ours: list[Ours]) -> None:
        ended = fixed_ones(ours, self._report)
        text = fixed_reply(self._report)
        if not ended or text is None:
            return
        try:
            replied, refused = threads.end(ended, self._marker(FIXED).on(text))
        except ForgeError as error:
            self._trouble("replies in threads", error)
            return
        if replied:
            self._say(f"Told in threads that they are fixed: {replied}.")
        if refused:
            self._say(f"These threads could not be resolved ({refused}): GitLab asks for the role Developer there.")

    # -- the summary

    def _summary(self, author: str, lost: frozenset[str]) -> bool:
        def told(before: bool) -> str:
            return summary(self._report, self._links, budget=BUDGET, told_before=before, not_inline=lost)

        try:
            if not self._is_current():  # threads take their time
                self._say("The merge request was changed meanwhile: a later run writes the summary.")
                return False
            marker, is_wanted = self._marker(SUMMARY), self._report.begins_a_comment
            done = post_summary(self._gitlab, told, marker, author, self._options.comment, is_wanted=is_wanted)
        except ForgeError as error:
            self._trouble("the summary", error)
            return False
        self._say(f"The summary on merge request {self._context.number}: {done}.")
        return done in (WRITTEN, WRITTEN_NOT_HIDDEN, AS_IT_WAS)

    # -- trouble

    def _trouble(self, what: str, error: ForgeError) -> None:
        if error.status in (401, 403, 404):
            self._missing.append(what)
            self._refusal = self._refusal or f"{error.status}: {error.reason}"
        else:
            self._say(f"GitLab did not take {what}: {error}")

    def _marker(self, kind: str, items: Sequence[Item] = ()) -> CommentMarker:
        context = self._context
        keys = tuple(item.key for item in items)
        return CommentMarker(
            kind, self._options.key, context.head_sha, context.run_number, context.run_attempt, keys, file_marks(items)
        )
