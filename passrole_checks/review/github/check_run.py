"""The check run of a commit, an optional form of the verdict.

Source: GitHub Docs, "REST API endpoints for check runs" (50 annotations per call, which later calls append to; at most
65,535 characters of summary).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from passrole_checks.escaping.shorten import truncate
from passrole_checks.files.decoded_json import get_nested, number_of, text_of
from passrole_checks.review.commit_status import CHECK_NAME, check_name, http_url
from passrole_checks.review.http import Uncertain
from passrole_checks.review.markdown.headline import headline
from passrole_checks.review.report import ReviewReport, ReviewVerdict
from passrole_checks.review.repository_api import RepositoryApi

_MAX_SUMMARY_BYTES = 65_535
_MAX_PORTIONS = 20  # of annotations: one call each, a second apart
_CONCLUSIONS = {
    ReviewVerdict.CLEAN: "success",
    ReviewVerdict.FINDINGS: "failure",
    ReviewVerdict.UNDETERMINED: "failure",
}


def post_check_run(
    api: RepositoryApi, report: ReviewReport, summary: str, annotations: Sequence[Sequence[Mapping[str, Any]]]
) -> None:
    """Create the check run of the reviewed commit, or update an existing one. Raise a
    :class:`~passrole_checks.review.http.ForgeError`.

    ``annotations``: in portions of at most 50, worst first; those after the first thousand are only in the summary. An
    existing check run keeps its annotations, since a further call only appends, and it is about the same commit.
    """
    context, name = api.context, check_name(api.options)
    output: dict[str, Any] = {"title": truncate(headline(report), 255), "summary": _shorten_summary(summary)}
    ours = f"{CHECK_NAME}/{api.options.key}"
    document: dict[str, Any] = {"name": name, "status": "completed", "conclusion": _CONCLUSIONS[report.verdict]}
    document["external_id"] = ours
    if details := http_url(context.run.url):
        document["details_url"] = details
    id, has_annotations = _existing_check_run(api, name, ours)
    portions = [] if has_annotations else list(annotations[:_MAX_PORTIONS])
    first = {**output, **({"annotations": list(portions[0])} if portions else {})}
    if id:
        _update(api, id, {**document, "output": first})
    else:
        created = {**document, "head_sha": context.head_sha, "output": first}
        try:
            id = _create(api, created)
        except Uncertain:
            id = _existing_check_run(api, name, ours)[0] or _create(api, created)
    for portion in portions[1:]:
        _update(api, id, {"output": {**output, "annotations": list(portion)}})


def _create(api: RepositoryApi, document: Mapping[str, Any]) -> int:
    return number_of(api.client.write("POST", f"{api.path}/check-runs", document).document, "id")


def _update(api: RepositoryApi, id: int, document: Mapping[str, Any]) -> None:
    api.client.write("PATCH", f"{api.path}/check-runs/{id}", document)


def _existing_check_run(api: RepositoryApi, name: str, ours: str) -> tuple[int, bool]:
    """Return the id of our latest check run of the commit, and True if it has annotations; 0 if there is none. A
    workflow job is a check run too, and may have the same name: ``external_id`` identifies ours."""
    query = {"check_name": name, "filter": "all"}  # the latest may be a job with the same name
    path = f"{api.path}/commits/{api.context.head_sha}/check-runs"
    for run in api.client.pages(path, query, within="check_runs"):
        id = number_of(run, "id")
        if id and text_of(run, "external_id") == ours:
            return id, bool(get_nested(run, "output", "annotations_count"))
    return 0, False


def _shorten_summary(summary: str) -> str:
    """Shorten to the limit counted in bytes, so that it is kept however GitHub counts characters."""
    data = summary.encode("utf-8", "replace")
    return (
        summary if len(data) <= _MAX_SUMMARY_BYTES else data[: _MAX_SUMMARY_BYTES - 3].decode("utf-8", "ignore") + "…"
    )
