"""Render a scan report in each format except text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from passrole_checks.iam.fast_dataclass import dataclass

if TYPE_CHECKING:
    from passrole_checks.checks.base.check import Check
    from passrole_checks.findings import Finding
    from passrole_checks.scan.baseline import Applied
    from passrole_checks.scan.result import ScanResult
    from passrole_checks.sources.model.configuration import Unreadable

FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The data of a report.

    Attributes:
        result: the scan result, with the findings to show, including suppressed ones.
        not_shown: findings below ``--severity``.
        baseline: the applied baseline, if any.
        checks: the checks that can report findings; None for all.
        configuration: notes on what the configuration hides.
    """

    result: ScanResult
    not_shown: Sequence[Finding] = ()
    baseline: Applied | None = None
    checks: Sequence[type[Check]] | None = None
    configuration: Sequence[Unreadable] = ()


def render(report: ScanReport, output_format: str, *, quiet: bool = False) -> str:
    """Render the report in one of :data:`FORMATS` except ``text``. ``quiet``: omit notes and summary, if the format has
    any."""
    result, baseline = report.result, report.baseline
    if output_format == "json":
        from passrole_checks.output.json_output import scan_json

        return scan_json(result, report.not_shown, baseline, report.configuration)
    if output_format == "sarif":
        from passrole_checks.checks import ALL
        from passrole_checks.output.sarif import scan_sarif

        return scan_sarif(result, ALL, baseline, report.configuration)
    if output_format == "junit":
        from passrole_checks.checks import ALL
        from passrole_checks.output.junit import scan_junit

        accepted = [finding for finding, _ in baseline.accepted] if baseline else []
        checks = ALL if report.checks is None else report.checks
        return scan_junit(result, checks, accepted, report.not_shown, report.configuration)
    if output_format == "github":
        from passrole_checks.output.findings_text import scan_summary, to_plain_text
        from passrole_checks.output.github import scan_github

        summary = "" if quiet else to_plain_text([scan_summary(result, report.not_shown, baseline)])
        return scan_github(result, os.environ.get("GITHUB_WORKSPACE")) + summary
    if output_format == "gitlab":
        from passrole_checks.output.gitlab import scan_gitlab

        return scan_gitlab(result, os.environ.get("CI_PROJECT_DIR"))
    from passrole_checks.output.findings_markdown import scan_markdown

    return scan_markdown(result, report.not_shown, baseline, report.configuration, quiet=quiet)
