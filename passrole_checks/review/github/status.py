"""The verdict on the commit: a commit status, and a check run for those who ask for one.

What it says follows from the report and the policy alone, not from what could be written elsewhere. Sources: GitHub
Docs, "REST API endpoints for commit statuses" (a description has 140 characters), "REST API endpoints for check runs"
(50 annotations a call, which later calls add to; 65,535 characters of summary).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from passrole_checks.escaping.markup import truncate
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.github.api import GitHub
from passrole_checks.review.http import Uncertain
from passrole_checks.review.markdown.headline import headline
from passrole_checks.review.report import ReviewReport, ReviewVerdict

NAME = "passrole-checks"
_LONGEST_DESCRIPTION = 140
_LONGEST_SUMMARY = 65_535
_MOST_PORTIONS = 20  # of annotations, a call each, which are a second apart
_STATES = {ReviewVerdict.CLEAN: "success", ReviewVerdict.FINDINGS: "failure", ReviewVerdict.CANNOT_TELL: "error"}
_CONCLUSIONS = {ReviewVerdict.CLEAN: "success", ReviewVerdict.FINDINGS: "failure", ReviewVerdict.CANNOT_TELL: "failure"}


def name_of(options: PostOptions) -> str:
    """The context of the status and the name of the check run: one for each review of a pull request."""
    return NAME if options.key == PostOptions().key else truncate(f"{NAME} ({options.key})", 100)


def post_status(github: GitHub, report: ReviewReport, context: Context, options: PostOptions) -> None:
    """Sets the status of the commit that was reviewed. Raises a :class:`~passrole_checks.review.http.ForgeError`."""
    document = {
        "state": _STATES[report.verdict],
        "context": name_of(options),
        "description": truncate(headline(report), _LONGEST_DESCRIPTION),
    }
    if target := _address(options.details_url or context.run_url):
        document["target_url"] = target
    try:
        github.create_status(context.head_sha, document)
    except Uncertain:
        github.create_status(context.head_sha, document)  # the same twice is the same


def post_check_run(
    github: GitHub,
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    summary: str,
    annotations: Sequence[Sequence[Mapping[str, Any]]],
) -> None:
    """Writes the check run of the commit that was reviewed, or brings the one that is there up to date.

    ``annotations``: in portions of at most 50, the worst first; the summary has what is beyond the first thousand. A
    check run that has some keeps them, since a further call only adds: it is about the same commit. Raises a
    :class:`~passrole_checks.review.http.ForgeError`.
    """
    name = name_of(options)
    output: dict[str, Any] = {"title": truncate(headline(report), 255), "summary": _cut(summary)}
    ours = f"{NAME}/{options.key}"
    document: dict[str, Any] = {"name": name, "status": "completed", "conclusion": _CONCLUSIONS[report.verdict]}
    document["external_id"] = ours
    if details := _address(options.details_url or context.run_url):
        document["details_url"] = details
    present = _present(github, context.head_sha, name, ours)
    if present is not None:
        id, has_annotations = present
        portions = [] if has_annotations else list(annotations[:_MOST_PORTIONS])
        github.update_check_run(id, {**document, "output": {**output, **_first(portions)}})
    else:
        portions = list(annotations[:_MOST_PORTIONS])
        created = {**document, "head_sha": context.head_sha, "output": {**output, **_first(portions)}}
        try:
            id = github.create_check_run(created)
        except Uncertain:
            again = _present(github, context.head_sha, name, ours)
            id = again[0] if again is not None else github.create_check_run(created)
    for portion in portions[1:]:
        github.update_check_run(id, {"output": {**output, "annotations": list(portion)}})


def _first(portions: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    return {"annotations": list(portions[0])} if portions else {}


def _present(github: GitHub, sha: str, name: str, ours: str) -> tuple[int, bool] | None:
    """The id of our check run of that commit, and whether it has annotations. A job of a workflow is a check run too,
    and may have the same name: ``external_id`` tells ours."""
    for run in github.check_runs(sha, name):
        id, output = run.get("id"), run.get("output")
        if run.get("external_id") == ours and isinstance(id, int):
            return id, isinstance(output, dict) and bool(output.get("annotations_count"))
    return None


def _cut(summary: str) -> str:
    """Of as many bytes as the limit has characters, so that it holds however GitHub counts."""
    data = summary.encode("utf-8", "replace")
    return summary if len(data) <= _LONGEST_SUMMARY else data[: _LONGEST_SUMMARY - 3].decode("utf-8", "ignore") + "…"


def _address(url: str) -> str:
    return url if urlsplit(url).scheme in ("http", "https") else ""
