"""The check run of a commit, an optional form of the verdict.

Source: GitHub Docs, "REST API endpoints for check runs" (50 annotations per call, which later calls append to; at most
65,535 characters of summary).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from passrole_checks.escaping.shorten import truncate
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.commit_status import CHECK_NAME, check_name, http_url
from passrole_checks.review.github.api import GitHub
from passrole_checks.review.http import Uncertain
from passrole_checks.review.markdown.headline import headline
from passrole_checks.review.report import ReviewReport, ReviewVerdict

_MAX_SUMMARY_BYTES = 65_535
_MAX_PORTIONS = 20  # of annotations: one call each, a second apart
_CONCLUSIONS = {
    ReviewVerdict.CLEAN: "success",
    ReviewVerdict.FINDINGS: "failure",
    ReviewVerdict.UNDETERMINED: "failure",
}


def post_check_run(
    github: GitHub,
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    summary: str,
    annotations: Sequence[Sequence[Mapping[str, Any]]],
) -> None:
    """Create the check run of the reviewed commit, or update an existing one. Raise a
    :class:`~passrole_checks.review.http.ForgeError`.

    ``annotations``: in portions of at most 50, worst first; those after the first thousand are only in the summary. An
    existing check run keeps its annotations, since a further call only appends, and it is about the same commit.
    """
    name = check_name(options)
    output: dict[str, Any] = {"title": truncate(headline(report), 255), "summary": _shorten_summary(summary)}
    ours = f"{CHECK_NAME}/{options.key}"
    document: dict[str, Any] = {"name": name, "status": "completed", "conclusion": _CONCLUSIONS[report.verdict]}
    document["external_id"] = ours
    if details := http_url(context.run_url):
        document["details_url"] = details
    present = _existing_check_run(github, context.head_sha, name, ours)
    if present is not None:
        id, has_annotations = present
        portions = [] if has_annotations else list(annotations[:_MAX_PORTIONS])
        github.update_check_run(id, {**document, "output": {**output, **_first_annotations(portions)}})
    else:
        portions = list(annotations[:_MAX_PORTIONS])
        created = {**document, "head_sha": context.head_sha, "output": {**output, **_first_annotations(portions)}}
        try:
            id = github.create_check_run(created)
        except Uncertain:
            again = _existing_check_run(github, context.head_sha, name, ours)
            id = again[0] if again is not None else github.create_check_run(created)
    for portion in portions[1:]:
        github.update_check_run(id, {"output": {**output, "annotations": list(portion)}})


def _first_annotations(portions: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    return {"annotations": list(portions[0])} if portions else {}


def _existing_check_run(github: GitHub, sha: str, name: str, ours: str) -> tuple[int, bool] | None:
    """Return the id of our check run of a commit, and True if it has annotations. A workflow job is a check run too,
    and may have the same name: ``external_id`` identifies ours."""
    for run in github.check_runs(sha, name):
        id, output = run.get("id"), run.get("output")
        if run.get("external_id") == ours and isinstance(id, int):
            return id, isinstance(output, dict) and bool(output.get("annotations_count"))
    return None


def _shorten_summary(summary: str) -> str:
    """Shorten to the limit counted in bytes, so that it is kept however GitHub counts characters."""
    data = summary.encode("utf-8", "replace")
    return (
        summary if len(data) <= _MAX_SUMMARY_BYTES else data[: _MAX_SUMMARY_BYTES - 3].decode("utf-8", "ignore") + "…"
    )
