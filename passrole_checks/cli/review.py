"""What ``review`` does, for the command line: which versions, what is written where, and the exit status.

As in the command line itself, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.options import (
    baseline,
    confidence,
    destinations,
    fail_on,
    severity,
    severity_that_fails,
    shared_options,
    some_checks,
    two_at_most,
    written_by,
)
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import CLEAN, FINDINGS, OUR_FAULT, UNUSABLE, complain, write_each, write_lines
from passrole_checks.errors import ConfigurationError
from passrole_checks.scan import settings

if TYPE_CHECKING:
    from passrole_checks.git_versions import VersionPair
    from passrole_checks.output.destination import Destination
    from passrole_checks.review.build_report import Review
    from passrole_checks.review.ci_context import Context
    from passrole_checks.review.report import ReviewReport

_Function = TypeVar("_Function", bound=Callable[..., Any])

FORMATS = ("text", "json", "markdown", "sarif", "github", "gitlab")
OF_THE_SCAN = ("sarif", "gitlab")  # formats that are about all of HEAD, and not about what is new alone
_LARGEST_STEP_SUMMARY = 1_048_576


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """What is reviewed: the forge's ``context``, and the versions; None where a bundle is read instead."""

    context: Context
    versions: VersionPair | None


def options(function: _Function) -> _Function:
    """The arguments and options of ``review``."""
    versions = click.argument(
        "versions", metavar="[BASE [HEAD]]", nargs=-1, callback=two_at_most, shell_complete=help_sections.versions
    )
    own = (
        click.option("--staged", is_flag=True, help="Review what is staged for the next commit."),
        severity("The least severe findings to tell."),
        confidence("The least certain findings to tell."),
        fail_on("The least severity of what is new that makes the exit status 1."),
        some_checks,
        baseline("Findings that are accepted; it is read as BASE has it."),
        click.option(
            "--strict",
            is_flag=True,
            help="What has changed and cannot be evaluated makes the exit status 2, as what cannot be read does.",
        ),
        click.option("--mask-accounts", is_flag=True, help="Tell no account ids of what has changed, but ACCOUNT-1, …"),
        click.option(
            "--post",
            type=click.Choice(["auto", "github", "gitlab", "none"]),
            default="auto",
            help="Where to write comments and the status; auto: on the forge whose pipeline this runs in, if any.",
        ),
        click.option(
            "--comment",
            type=click.Choice(["update", "new", "hide-and-new", "off"]),
            default="update",
            show_default=True,
            help="What becomes of the summary of an earlier run: kept up to date, left, hidden; off writes none.",
        ),
        click.option(
            "--max-inline",
            type=click.IntRange(0, 100),
            metavar="N",
            default=10,
            show_default=True,
            help="Comments at lines, at most (0 to 100); the summary names the rest.",
        ),
        click.option("--status/--no-status", default=True, help="Set the commit status.  [default: status]"),
        click.option("--check-run", is_flag=True, help="Write a check run with annotations, on GitHub."),
        click.option(
            "--key",
            metavar="NAME",
            default="default",
            help="Tells several reviews of one request apart: each has its own comment and status.",
        ),
        click.option("--author", metavar="LOGIN", default="", help="Whose comments are ours.  [default: the token's]"),
        click.option("--dry-run", is_flag=True, help="Print each call that would write, as JSON; make none."),
        click.option(
            "--offline-bundle",
            metavar="FILE",
            help="Write the report to FILE, to be posted elsewhere.",
            shell_complete=help_sections.files,
        ),
        click.option(
            "--from-bundle",
            metavar="FILE",
            help="Read the report from FILE (JSON, or a zip that holds it).",
            shell_complete=help_sections.files,
        ),
    )
    for option in reversed(own):
        function = option(function)
    return shared_options(FORMATS, (versions,))(function)


def asked_for(given: dict[str, Any]) -> ReviewRequest:
    """What is reviewed, by the options, or else by the environment.

    Raises an :class:`~passrole_checks.errors.InputError` for the file of an event, a
    :class:`~passrole_checks.errors.SnapshotError` for versions that are not there, and a
    :class:`~passrole_checks.errors.ConfigurationError` where nothing names them.
    """
    from passrole_checks import git_versions
    from passrole_checks.review.ci_context import read_context
    from passrole_checks.review.merge_base import versions_to_compare

    context = read_context(os.environ)
    names, staged = given["versions"], given["staged"]
    if given["from_bundle"]:
        if names or staged:
            raise click.UsageError("--from-bundle says what is reviewed: name no versions")
        return ReviewRequest(context, None)
    if not names and not staged:
        return ReviewRequest(context, versions_to_compare(context, Path.cwd()))
    versions = git_versions.asked_for(names, staged=staged, folder=Path.cwd())
    if versions is None:
        raise ConfigurationError("review: compares versions of a git repository; passrole-checks diff compares paths")
    return ReviewRequest(context, versions)


def table_of(asked: ReviewRequest) -> dict[str, Any]:
    """The configuration to go by: that of BASE, or, for a bundle, the working directory's."""
    if asked.versions is None:
        return settings.load(Path.cwd())
    content = asked.versions.file_of_base(settings.FILE)
    return {} if content is None else settings.table_in(content)


def _done(
    asked: ReviewRequest,
    given: dict[str, Any],
    chosen: Sequence[tuple[str, Destination]],
    bundle: Destination | None,
    say: Callable[[str], None],
) -> int:
    """Review, write what is asked for, and post it; the exit status. ``chosen``: formats with their destinations;
    ``say`` tells one line on standard error."""
    from passrole_checks.output.destination import write

    made = _made(asked.versions, given, {name for name, _ in chosen}) if asked.versions is not None else None
    report = made.report if made is not None else _read(given["from_bundle"], given)
    if given["mask_accounts"]:
        from passrole_checks.review.markdown.masking import mask_accounts

        report = mask_accounts(report)

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "text":
            _write_text(report, destination, given)
        else:
            write(destination, _rendered(report, made, asked.context, output_format))

    bundles = [("json", bundle)] if bundle is not None else []
    written = write_each([*chosen, *bundles], write_one)
    for note in report.unknown:
        say(": ".join(filter(None, (f"{note.file}:{note.line}" if note.line else note.file, note.reason))))
    with_annotations = all(name in ("text", "markdown") for name, destination in chosen if destination.path == "-")
    _publish(report, asked, given, say, with_annotations=with_annotations)
    status = OUR_FAULT if report.faults else UNUSABLE if report.unreadable else CLEAN
    return max(written, status) or (FINDINGS if report.failing else CLEAN)


def _made(versions: VersionPair, given: dict[str, Any], formats: Collection[str]) -> Review:
    from passrole_checks.cli import diff
    from passrole_checks.findings import Confidence, Severity
    from passrole_checks.output import check_pages
    from passrole_checks.review.build_report import ReportOptions, build_review

    wanted = ReportOptions(
        Severity(given["severity"]),
        Confidence(given["confidence"]),
        severity_that_fails(given),
        given["baseline"] or "",
        given["strict"],
        everything=any(name in OF_THE_SCAN for name in formats),
    )
    checks, skip_checks = check_pages.ids(given["check"]), check_pages.ids(given["skip_check"])
    judging = diff.judging(given, checks=checks, skip_checks=skip_checks)
    return build_review(versions, judging, diff.inputs_of(given), wanted)


def _read(path: str, given: dict[str, Any]) -> ReviewReport:
    """The report of a bundle; what fails is what is asked for here, and not what its maker asked for."""
    from passrole_checks.errors import InputError
    from passrole_checks.review.report_json import MAX_BUNDLE_BYTES, read_bundle

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None
    return replace(read_bundle(data, path), fail_on=severity_that_fails(given))


# -- what is written


def _write_text(report: ReviewReport, destination: Destination, given: dict[str, Any]) -> None:
    from passrole_checks.output.destination import is_terminal
    from passrole_checks.output.findings_text import width_for
    from passrole_checks.review.text import review_lines

    lines = review_lines(report, width=width_for(is_terminal(destination)), quiet=given["quiet"])
    write_lines(destination, lines, given)


def _rendered(report: ReviewReport, made: Review | None, context: Context, output_format: str) -> str:
    if output_format == "json":
        from passrole_checks.review.report_json import to_json

        return to_json(report)
    if output_format == "markdown":
        return _summary(report, context)
    if output_format == "github":
        from passrole_checks.review.annotations import workflow_commands

        return workflow_commands(report)
    if made is None:
        raise ConfigurationError(f"--format {output_format}: is about all of HEAD, of which a bundle does not hold all")
    if output_format == "sarif":
        from passrole_checks.checks import ALL
        from passrole_checks.output.sarif import review_sarif

        return review_sarif(made.scan, ALL, made.states, made.gone, made.accepted)
    from passrole_checks.output.gitlab import scan_gitlab

    return scan_gitlab(made.scan)


def _summary(report: ReviewReport, context: Context, **how: Any) -> str:
    from passrole_checks.review.ci_context import GITLAB
    from passrole_checks.review.markdown.links import Links
    from passrole_checks.review.markdown.summary import summary

    head = context.head_sha if report.head == context.merge_sha else report.head
    links = Links(
        context.server_url,
        context.repository,
        head,
        report.base,
        context.run_url,
        gitlab=context.forge == GITLAB,
        unlike_head=report.unlike_head,
    )
    return summary(report, links, **how)


# -- what is posted


def _publish(
    report: ReviewReport,
    asked: ReviewRequest,
    given: dict[str, Any],
    say: Callable[[str], None],
    *,
    with_annotations: bool,
) -> None:
    """Everything that is told beside the output. Nothing of it changes the exit status. On the forge nothing is said of
    what is no commit."""
    from passrole_checks.review.ci_context import GITHUB

    context, versions = asked.context, asked.versions

    committed = versions is None or versions.head.id is not None
    at_lines = committed and _post(report, context, given, say)
    if context.forge != GITHUB:
        return
    _write_step_summary(report, context, say)
    told_elsewhere = given["post"] != "none" and not given["max_inline"]  # by code scanning, say
    if with_annotations and not at_lines and not told_elsewhere:
        from passrole_checks.output.destination import STANDARD_OUTPUT, write
        from passrole_checks.review.annotations import workflow_commands

        write(STANDARD_OUTPUT, workflow_commands(report))


def _post(report: ReviewReport, context: Context, given: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Write on the forge; whether what is new is told at its lines now."""
    from passrole_checks.review.ci_context import PostOptions

    forge = context.forge if given["post"] == "auto" else given["post"]
    if forge in ("", "none"):
        return False
    if forge != context.forge:
        say(f"--post {forge}: this is no pipeline of it, so that it is not known where to write; nothing is written")
        return False
    how = PostOptions(
        given["comment"], given["max_inline"], given["status"], given["check_run"], given["dry_run"], given["key"],
        given["author"],
    )  # fmt: skip
    try:
        poster = import_module(f"passrole_checks.review.{forge}")
    except ImportError as error:
        say(f"nothing is written on {forge}, because {error.name} is not installed: pip install passrole-checks[bot]")
        return False
    try:
        posted = poster.post(report, context, how, say)
    except Exception as error:  # what the review has found out is not lost by it, and nor is the exit status
        if os.environ.get("PASSROLE_CHECKS_DEBUG"):
            raise
        say(f"writing on {forge} failed ({type(error).__name__}), which is a fault of this program; the result stands")
        return False
    return bool(getattr(posted, "at_lines", ()))


def _write_step_summary(report: ReviewReport, context: Context, say: Callable[[str], None]) -> None:
    """GitHub Docs, "Workflow commands", "Adding a job summary": at most 1 MiB a step, Markdown, appended to a file."""
    if not context.step_summary:
        return
    from passrole_checks.files.write_atomically import append_to_file, guarded_folders
    from passrole_checks.review.markdown.summary import STEP_SUMMARY_BUDGET

    text = _summary(report, context, budget=STEP_SUMMARY_BUDGET).encode("utf-8", "replace")[:_LARGEST_STEP_SUMMARY]
    try:
        append_to_file(context.step_summary, text, guarded=guarded_folders(()))
    except OSError as error:
        say(f"{context.step_summary}: the summary of the step cannot be written: {error.strerror or error}")


class ReviewCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE, which the environment may tell."""

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        given = click.Command.make_context(self, info_name, args, parent, **extra).params
        extra["obj"] = asked_for(given)
        return table_of(extra["obj"])


@click.command(cls=ReviewCommand)
@options
@click.pass_context
def review(context: click.Context, /, **options: Any) -> int:
    """Tell what a pull request changes.

    What is new is told once, where it can be mended, with what to write instead.

    BASE and HEAD are versions as for diff. Without them it is the pull request or merge request whose pipeline this
    runs in, and there the result is also written on the forge, as far as the token allows: one comment that is kept up
    to date, comments at the lines that differ, and a status.

    Both versions are scanned in full. New is what HEAD has and BASE has not; suppressions, the baseline and the
    configuration are those of BASE. sarif and gitlab hold all findings of HEAD, the other formats what is new.
    """
    bundle = written_by(context, "offline_bundle")
    return _done(context.obj, options, destinations(context, options), bundle, complain)
