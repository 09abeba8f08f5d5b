"""Post a review on a forge: line comments, then the summary, then the verdict on the commit.

Line comments come first, so that the summary can include what they could not report. Posting never changes the
verdict, and an error of the forge is not an error here: it is reported once, with its cause or the missing permission.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import truncate
from passrole_checks.git_versions.forge_links import GITLAB, Links
from passrole_checks.git_versions.git import OBJECT_ID
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.output.counts import count_noun
from passrole_checks.review.acceptance import accept_items, with_unknown_acceptance
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.forge import AcceptingForge, DiffPosition, DraftThread, Forge, LabelingForge
from passrole_checks.review.http import ForgeError, Pace, repeat_if_uncertain
from passrole_checks.review.markdown.inline import comment_text, fixed_reply, group_items
from passrole_checks.review.markdown.markers import FIXED, INLINE, MAX_KEYS, SUMMARY, CommentMarker
from passrole_checks.review.markdown.summary import summary
from passrole_checks.review.post_threads import ThreadPoster
from passrole_checks.review.refusals import refusal_cause
from passrole_checks.review.report import Anchor, Item, ReviewReport
from passrole_checks.review.summary_comment import POSTED, POSTED_NOT_HIDDEN, UNCHANGED, post_summary
from passrole_checks.review.threads import ReviewThread, file_marks, fixed_threads, reported_keys

LABEL = "passrole: new access"
_MAX_LABEL = 50  # characters of a label on GitHub


@dataclass(frozen=True, slots=True)
class Posted:
    """The state of a forge after posting.

    ``number``: of the pull or merge request, 0 where none was commented on. ``at_lines``: the keys of items that line
    comments report, of this run or an earlier one; ``lost``: of items whose line comments could not be written.
    ``summary``: True if there is a summary and it reports this review.
    """

    number: int = 0
    at_lines: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    summary: bool = False


def is_report_of(report: ReviewReport, context: Context) -> bool:
    """True if the report is about the commit that the forge names. A report may come from a file that a pull request
    produced, so the forge decides."""
    if OBJECT_ID.fullmatch(report.head):
        return report.head in (context.head_sha, context.merge_sha)
    return context.event != "workflow_run"


def links_of(report: ReviewReport, context: Context) -> Links:
    """Return the links of comments on the reviewed commit."""
    return Links(
        context.server_url,
        context.repository,
        context.head_sha,
        report.base,
        context.run.url,
        forge=context.forge,
        unlike_head=report.unlike_head,
        outside=report.read.plans,
    )


def post(
    connect: Callable[..., Forge],
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    notify: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Post ``report`` on a forge, as far as ``context`` and its token allow, and report by ``notify``, in sentences,
    what was done and what failed. Raises no :class:`~passrole_checks.review.http.ForgeError`.

    ``connect`` returns the forge. ``out`` receives each call of a dry run as one line of JSON.
    """
    forge = connect(context, options, pace=pace, dry_run=out if options.dry_run else None)
    traits = forge.traits
    if options.check_run and not traits.has_check_runs:
        verdict = "commit status" if traits.status_permission else "status of the job"
        notify(f"{traits.name} has no check runs: the {verdict} is the verdict.")
    if not (traits.status_permission or (context.can_be_commented and options.writes_on_request)):
        return Posted()
    if obstacle := forge.obstacle(report):
        notify(f"Nothing posted on {traits.name}: {obstacle}")
        return Posted()
    return _ReviewPoster(forge, report, context, options, notify).post()


def accept(
    connect: Callable[..., AcceptingForge],
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    *,
    pace: Pace | None = None,
) -> ReviewReport:
    """Return ``report`` with the items that owners have accepted in the request, or in the one that a merge queue is
    about to merge. Raises no :class:`~passrole_checks.review.http.ForgeError`. ``connect`` returns the forge."""
    forge = connect(context, options, pace=pace)
    if obstacle := forge.acceptance_obstacle() or forge.obstacle(report):
        return with_unknown_acceptance(report, obstacle.rstrip("."))
    return accept_items(report, forge, options.key, options.author)


class _ReviewPoster:
    """One run of :func:`post`."""

    def __init__(
        self, forge: Forge, report: ReviewReport, context: Context, options: PostOptions, notify: Callable[[str], None]
    ) -> None:
        self._forge, self._report, self._context, self._options = forge, report, context, options
        self._notify = notify
        self._traits = forge.traits
        self._links = links_of(report, context)
        self._missing: dict[str, list[str]] = {}  # permission -> what could not be written without it
        self._refusal = ""
        self._unpostable: dict[str, list[str]] = {}  # cause -> what could not be written

    def post(self) -> Posted:
        posted = self._post_on_request() if self._context.can_be_commented else Posted()
        self._publish_verdict()
        for cause, uses in self._unpostable.items():
            self._notify(f"Could not post {_enumerate(uses)} to {self._traits.name}: {cause}.")
        if self._missing:
            self._notify(self._forge.permission_warning(self._missing, self._refusal))
        return posted

    def _post_on_request(self) -> Posted:
        if not self._options.writes_on_request:
            return Posted()
        try:
            target = self._forge.find_request()
            author = (self._options.author or self._forge.viewer()) if target.number else ""
        except ForgeError as error:
            self._on_comment_error("comments", error)
            return Posted()
        if not target.number:
            self._notify(f"No comments posted: {target.why}.")
            return Posted()
        posted = Posted(target.number)
        if self._options.max_inline > 0:
            posted = self._post_line_comments(posted, author)
        if self._options.comment != "off":
            posted = replace(posted, summary=self._post_summary(posted, author))
        if self._options.label:
            self._update_label()
        return posted

    def _publish_verdict(self) -> None:
        if not (self._context.head_sha and (self._options.status or self._options.check_run)):
            return
        if self._context.is_of_fork_workflow:  # the report must not open a gate
            self._notify("No status is set: the report comes from a workflow of a fork.")
            return
        self._forge.publish_verdict(self._report, self._on_error)

    # -- line comments

    def _post_line_comments(self, posted: Posted, author: str) -> Posted:
        threads = ThreadPoster(self._forge, self._options.key, author)
        try:
            earlier = threads.list_threads()
        except ForgeError as error:
            self._on_comment_error("line comments", error)
            return replace(posted, lost=frozenset(item.key for item in self._report.open if item.anchor is not None))
        present = {item.key for item in self._report.items}
        reported = reported_keys(earlier) & present
        open_threads = sum(not thread.is_answered and bool(thread.keys & present) for thread in earlier)
        drafts = self._drafts(reported, max(self._options.max_inline - open_threads, 0))
        unwritten, failure = threads.start(drafts)
        if failure is not None:
            self._on_comment_error("line comments", failure)
        lost = _keys(unwritten)
        written = _keys(drafts) - lost
        if written:
            self._notify(f"Posted {count_noun(len(drafts) - len(unwritten), 'line comment')}.")
        if lost:
            self._notify(f"Could not post {count_noun(len(lost), 'item')} as line comments.")
        if failure is None:
            if written and not self._forge.is_dry:
                self._delete_duplicates(threads, {thread.thread.id for thread in earlier})
            self._close_fixed(threads, earlier)
        return replace(posted, at_lines=reported | written, lost=lost)

    def _drafts(self, reported: frozenset[str], limit: int) -> list[DraftThread]:
        groups = group_items([item for item in self._report.open if item.key not in reported], limit)
        return [
            self._draft(anchor, items, position)
            for (anchor, items), position in zip(groups, self._positions([anchor for anchor, _ in groups]), strict=True)
        ]

    def _draft(self, anchor: Anchor, items: Sequence[Item], position: DiffPosition | None) -> DraftThread:
        file_text, shown = comment_text(items, self._report, self._links, Anchor(anchor.file, 0, 0))
        text = file_text
        if position is not None and position.line:
            gitlab_line = position.line if self._traits.kind == GITLAB else None
            text, at_lines = comment_text(
                items,
                self._report,
                self._links,
                anchor,
                gitlab_line=gitlab_line,
                has_suggestions=self._traits.has_suggestions,
            )
            shown = min(shown, at_lines, key=len)
        return DraftThread(self._marker(INLINE, items[:MAX_KEYS], shown), anchor.file, position, text, file_text)

    def _positions(self, anchors: Sequence[Anchor]) -> Sequence[DiffPosition | None]:
        if not anchors:
            return []
        try:
            return self._forge.positions(anchors)
        except ForgeError as error:
            self._notify(f"Could not get the diff from {self._traits.name}, so comments are at no lines: {error}")
            return [None] * len(anchors)

    def _delete_duplicates(self, threads: ThreadPoster, known: Collection[str]) -> None:
        try:
            deleted = threads.delete_duplicates(known, self._context.run.number)
        except ForgeError as error:
            self._notify(f"Could not check for duplicate line comments of a concurrent run: {error}")
            return
        if deleted:
            self._notify(f"Deleted {count_noun(deleted, 'line comment')} that a concurrent run had posted too.")

    def _close_fixed(self, threads: ThreadPoster, earlier: Sequence[ReviewThread]) -> None:
        fixed = fixed_threads(earlier, self._report)
        text = fixed_reply(self._report)
        if not fixed or text is None:
            return
        try:
            replied, refusal = threads.close(fixed, self._marker(FIXED).prepend_to(text))
        except ForgeError as error:
            self._on_comment_error("replies to line comments", error)
            return
        if replied:
            self._notify(f"Replied in {count_noun(replied, 'fixed thread')}.")
        if refusal is None:
            return
        cause = refusal_cause(refusal) or f"{refusal.reason}; requires {self._traits.resolve_permission}"
        self._notify(f"Could not resolve fixed threads: {cause}.")

    # -- the summary

    def _post_summary(self, posted: Posted, author: str) -> bool:
        def render(had_summary: bool) -> str:
            budget = self._traits.summary_budget
            return summary(self._report, self._links, budget=budget, had_summary=had_summary, not_inline=posted.lost)

        mode, is_wanted = self._options.comment, self._report.warrants_comment
        try:
            if not self._forge.is_current():  # line comments take time
                self._notify(f"Skipped the summary: the {self._traits.request} has changed; a later run posts it.")
                return False
            outcome = post_summary(self._forge, render, self._marker(SUMMARY), author, mode, is_wanted=is_wanted)
        except ForgeError as error:
            self._on_comment_error("the summary", error)
            return False
        self._notify(f"Summary on {self._traits.request} {posted.number}: {outcome}.")
        return outcome in (POSTED, POSTED_NOT_HIDDEN, UNCHANGED)

    # -- the label

    def _update_label(self) -> None:
        """Label the request while it has items that no owner accepted. An incomplete result, or one of a fork's
        workflow, removes no label."""
        forge, name = self._forge, label_name(self._options.key)
        if not isinstance(forge, LabelingForge):
            self._notify(f"No label is set: not supported for {self._traits.name}.")
            return
        try:
            if not self._forge.is_current():
                return
            is_labeled = name.lower() in map(str.lower, forge.labels())
            if self._report.open and not is_labeled:
                repeat_if_uncertain(forge.add_label, name)
            elif not (self._report.open or self._report.unknown or self._context.is_of_fork_workflow) and is_labeled:
                repeat_if_uncertain(forge.remove_label, name)
        except ForgeError as error:
            self._on_error("the label", self._traits.comment_permission, error)

    # -- errors

    def _on_comment_error(self, what: str, error: ForgeError) -> None:
        self._on_error(what, self._traits.comment_permission, error)

    def _on_error(self, what: str, permission: str, error: ForgeError) -> None:
        cause = refusal_cause(error)
        if cause is not None:
            self._unpostable.setdefault(cause, []).append(what)
        elif error.status in self._traits.permission_statuses:
            self._missing.setdefault(permission, []).append(what)
            self._refusal = self._refusal or f"{error.status}: {error.reason}"
        else:
            self._notify(f"Could not post {what} to {self._traits.name}: {error}")

    def _marker(self, kind: str, items: Sequence[Item] = (), shown: Sequence[Item] = ()) -> CommentMarker:
        """Return the marker of a comment. ``shown``: the first of its items, which a reply can accept."""
        context = self._context
        return CommentMarker(
            kind,
            self._options.key,
            context.head_sha,
            context.run.number,
            context.run.attempt,
            items=tuple(item.key for item in items),
            files=file_marks(items),
            states=tuple(item.fingerprint for item in shown) if self._report.owners else (),
        )


def label_name(key: str) -> str:
    """Return the name of the label of the review ``key``: distinct for each review of a request."""
    return LABEL if key == PostOptions().key else truncate(f"{LABEL} ({key.replace(',', ' ')})", _MAX_LABEL)


def _keys(drafts: Sequence[DraftThread]) -> frozenset[str]:
    return frozenset(key for draft in drafts for key in draft.keys)


def _enumerate(uses: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(uses[:-1]), uses[-1])))
