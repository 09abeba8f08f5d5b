"""The adapter of :class:`passrole_checks.review.forge.Forge` for GitLab.

GitLab refuses a position outside its diff (400; some versions fail with 500); the comment is then a thread without a
position. The verdict is the status of the job.

Sources: GitLab Docs, "CI/CD job token" (it can read notes, and write none), "Project access tokens" (scope ``api``),
"CI/CD variables" (a protected one is given to protected branches only), "Merge request pipelines" (one from a fork runs
in the fork), "Discussions API" (resolving needs the Developer role).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from passrole_checks.git_versions.forge_links import GITLAB
from passrole_checks.review.acceptance import accept_items, with_unknown_acceptance
from passrole_checks.review.ci_context import GITLAB_TOKEN, Context, PostOptions
from passrole_checks.review.forge import DiffPosition, DraftThread, ForgeThread, ForgeTraits, Target, ThreadState
from passrole_checks.review.gitlab.api import client
from passrole_checks.review.gitlab.discussion import GitLabDiscussions
from passrole_checks.review.gitlab.positions import Positions
from passrole_checks.review.http import Client, ForgeError, Pace
from passrole_checks.review.posting import Posted, is_report_of, post_review
from passrole_checks.review.report import Anchor, ReviewReport

BUDGET = 990_000  # of the 1,000,000 characters of a note, less the marker and the element that folds an outdated note
_TRAITS = ForgeTraits(
    kind=GITLAB,
    name="GitLab",
    request="merge request",
    summary_budget=BUDGET,
    refusals=(400, 413, 422),
    repeated_refusals=(500,),
    permission_statuses=(401, 403, 404),
    comment_permission="api",
    resolve_permission="the Developer role",
)
_JOB_TOKEN_PREFIX = "glcbt-"  # of a CI_JOB_TOKEN


def post(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    notify: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Post ``report`` on GitLab, as far as ``context`` and its token allow, and report by ``notify``, in sentences,
    what was done and what failed. Raises nothing for errors of GitLab.

    ``out`` receives each call of a dry run as one line of JSON. No commit status is set, since the job has one.
    """
    if options.check_run:
        notify("GitLab has no check runs: the status of the job is the verdict.")
    if not context.can_be_commented or not options.writes_on_request:
        return Posted()
    if obstacle := _obstacle(report, context, options):
        notify(f"Nothing posted on GitLab: {obstacle}")
        return Posted()
    calls = client(context.api_url, context.token, pace=pace, dry_run=out if options.dry_run else None)
    return post_review(_GitLabForge(calls, context), report, context, options, notify)


def accept(report: ReviewReport, context: Context, options: PostOptions, *, pace: Pace | None = None) -> ReviewReport:
    """Return ``report`` with the items that owners have accepted in the merge request. Raises nothing for errors of
    GitLab."""
    if not context.can_be_commented:
        return with_unknown_acceptance(report, "this pipeline is not for a merge request")
    if not context.repository:
        return with_unknown_acceptance(report, "the path of the project is unknown (CI_MERGE_REQUEST_PROJECT_PATH)")
    if obstacle := _obstacle(report, context, replace(options, dry_run=False)):
        return with_unknown_acceptance(report, obstacle.rstrip("."))
    calls = client(context.api_url, context.token, pace=pace)
    return accept_items(report, _GitLabForge(calls, context), options.key, options.author)


def _obstacle(report: ReviewReport, context: Context, options: PostOptions) -> str:
    """Return why nothing can be posted, or ""."""
    if not (context.has_token or options.dry_run):
        fork = ", which pipelines in a fork do not receive" if context.is_fork else ""
        return (
            f"no token ({GITLAB_TOKEN}, a project access token with scope api{fork}). CI_JOB_TOKEN cannot write"
            " comments; the Code Quality report needs no token."
        )
    if context.token.startswith(_JOB_TOKEN_PREFIX):
        return f"{GITLAB_TOKEN} is a CI_JOB_TOKEN, which cannot write notes. Use a project access token with scope api."
    if not ((context.project_id or context.repository) and context.api_url):
        return "unknown project (CI_PROJECT_ID)."
    if not context.head_sha:
        return "unknown commit (CI_COMMIT_SHA)."
    if not is_report_of(report, context):
        return "the report is about another commit than this pipeline."
    return ""


class _GitLabForge(GitLabDiscussions):
    """A merge request. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    traits = _TRAITS

    def __init__(self, client: Client, context: Context) -> None:
        project = context.project_id or context.repository
        super().__init__(client, project, context.number, context.api_url, context.repository)
        self._context = context

    def find_request(self) -> Target:
        request = self.merge_request()
        if request is None or (request.is_open and request.head_sha == self._context.head_sha):
            return Target(self._context.number)
        if not request.is_open:
            return Target(0, "the merge request is not open")
        return Target(0, f"the merge request has a newer commit than {self._context.head_sha[:12]}; a later run posts")

    def is_current(self) -> bool:
        return bool(self.find_request().number)

    def positions(self, anchors: Sequence[Anchor]) -> list[DiffPosition | None]:
        version = self.version(self._context.head_sha)
        if version is None:
            return [None] * len(anchors)
        positions = Positions(version, self.diffs(version.id))
        return [positions.at(anchor) for anchor in anchors]

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        return [[draft] for draft in drafts]

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        for draft in drafts:
            fields = draft.position.fields if at_position and draft.position is not None else None
            self.create_thread(draft.body(at_position=at_position), fields)

    def delete_thread(self, thread: ForgeThread) -> None:
        self.delete_comment(thread.comments[0].id)

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        return {thread.id: ThreadState(thread.id, thread.is_resolved) for thread in threads}

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        """Nothing: the status of the job is the verdict."""

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        uses = " and ".join(use for uses in missing.values() for use in uses)
        try:
            obstacle = self.write_obstacle()
        except ForgeError:
            obstacle = ""
        if obstacle:
            return f"Could not post {uses} to GitLab: {obstacle} ({refusal})."
        return (
            f"warning: the token cannot post {uses}. GitLab answered {refusal}. Use a valid token with scope api and"
            " the Developer role in the project of the merge request."
        )
