"""The command ``review``: the versions to compare, the outputs, posting to the forge, and the exit status.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.diff import load_configuration
from passrole_checks.cli.options import (
    apply_options,
    at_most_two,
    baseline,
    check_selection,
    confidence,
    destination_of_option,
    destinations,
    fail_on,
    failing_severity,
    jobs,
    repeatable_files,
    severity,
    shared_options,
)
from passrole_checks.cli.pyproject_defaults import CONFIGURATION_ONLY, ConfiguredCommand
from passrole_checks.cli.write_outputs import (
    CLEAN,
    FINDINGS,
    INTERNAL_ERROR,
    UNUSABLE,
    print_error,
    write_each,
    write_lines,
)
from passrole_checks.errors import DEBUG, ConfigurationError
from passrole_checks.iam.fast_dataclass import dataclass

if TYPE_CHECKING:
    from passrole_checks.diff.plans import RootPlan
    from passrole_checks.git_versions import VersionPair
    from passrole_checks.output.destination import Destination
    from passrole_checks.review.build_report import Review
    from passrole_checks.review.ci_context import Context, PostOptions
    from passrole_checks.review.report import ReviewReport

_Function = TypeVar("_Function", bound=Callable[..., Any])

FORMATS = ("text", "json", "markdown", "sarif", "github", "gitlab")
WHOLE_SCAN_FORMATS = ("sarif", "gitlab")  # formats that contain all findings of HEAD, not only new ones
_LARGEST_STEP_SUMMARY = 1_048_576


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """The subject of a review: the forge's ``context``, and the versions; None if a bundle is read instead. ``owners``:
    who may accept findings, from the configuration of BASE."""

    context: Context
    versions: VersionPair | None
    owners: tuple[str, ...] = ()


_FILTER_OPTIONS = (
    click.option("--staged", is_flag=True, help="Review the staged changes."),
    severity("Minimum severity to report."),
    confidence("Minimum confidence to report."),
    fail_on("Exit 1 on new findings at or above this severity."),
    check_selection,
    baseline("Ignore findings listed in this baseline; read from BASE."),
    repeatable_files(
        "--plan",
        "FILE[=DIR]",
        "Terraform plan of HEAD (JSON) for the root module DIR [default: .]; compares what it changes, and is used"
        " in place of the root module's source.",
    ),
    repeatable_files("--plan-before", "FILE[=DIR]", "Plan or state of BASE for DIR, to compare with the plan of HEAD."),
    click.option("--strict", is_flag=True, help="Exit 2 if changed code cannot be evaluated."),
    click.option("--mask-accounts", is_flag=True, help="Replace account IDs with ACCOUNT-1, ACCOUNT-2, …"),
    jobs,
)
_POSTING_OPTIONS = (
    click.option(
        "--post",
        type=click.Choice(["auto", "github", "gitlab", "gitea", "none"]),
        default="auto",
        help="Forge to post comments and the status to; auto detects it from the CI environment.",
    ),
    click.option(
        "--comment",
        type=click.Choice(["update", "new", "hide-and-new", "off"]),
        default="update",
        show_default=True,
        help="Handling of an earlier summary comment: update it, add a new one, hide it and add a new one, or post"
        " none.",
    ),
    click.option(
        "--max-inline",
        type=click.IntRange(0, 100),
        metavar="N",
        default=10,
        show_default=True,
        help="Maximum number of inline comments, 0 to 100; the summary lists the rest.",
    ),
    click.option("--status/--no-status", default=True, help="Set the commit status.  [default: status]"),
    click.option("--check-run", is_flag=True, help="Create a check run with annotations (GitHub)."),
    click.option(
        "--label",
        is_flag=True,
        help='Label the pull request "passrole: new access" while it has new findings that no owner has accepted.',
    ),
    click.option(
        "--key",
        metavar="NAME",
        default="default",
        help="Name of this review, if several run on one pull request; each has its own comment and status.",
    ),
    click.option(
        "--author", metavar="LOGIN", default="", help="Author of the comments to update.  [default: token owner]"
    ),
    click.option("--dry-run", is_flag=True, help="Print the API calls that would be made, as JSON."),
)
_BUNDLE_OPTIONS = (
    click.option(
        "--offline-bundle",
        metavar="FILE",
        help="Write the report to FILE, for posting with --from-bundle.",
        shell_complete=help_sections.complete_files,
    ),
    click.option(
        "--from-bundle",
        metavar="FILE",
        help="Read the report from FILE (JSON, or a zip file containing it).",
        shell_complete=help_sections.complete_files,
    ),
)


def options(function: _Function) -> _Function:
    """Add the arguments and options of ``review``."""
    versions = click.argument(
        "versions",
        metavar="[BASE [HEAD]]",
        nargs=-1,
        callback=at_most_two,
        shell_complete=help_sections.complete_versions,
    )
    own = (*_FILTER_OPTIONS, *_POSTING_OPTIONS, *_BUNDLE_OPTIONS)
    return shared_options(FORMATS, (versions,))(apply_options(function, own))


def review_request(options: dict[str, Any]) -> ReviewRequest:
    """Return the versions to review, from the options or else from the CI environment.

    Raises:
        InputError: the event file cannot be used.
        SnapshotError: a version was not found.
        ConfigurationError: nothing names the versions.
    """
    from passrole_checks import git_versions
    from passrole_checks.review.ci_context import read_context
    from passrole_checks.review.merge_base import versions_to_compare

    context = read_context(os.environ)
    names, staged = options["versions"], options["staged"]
    if options["from_bundle"]:
        if names or staged:
            raise click.UsageError("--from-bundle cannot be combined with versions")
        if options["plan"] or options["plan_before"]:
            raise click.UsageError("--from-bundle cannot be combined with plans")
        return ReviewRequest(context, None)
    if not names and not staged:
        return ReviewRequest(context, versions_to_compare(context, Path.cwd()))
    versions = git_versions.resolve_versions(names, staged=staged, folder=Path.cwd())
    if versions is None:
        raise ConfigurationError("review: expected git versions, not paths (to compare paths: passrole-checks diff)")
    return ReviewRequest(context, versions)


def _run(
    request: ReviewRequest,
    options: dict[str, Any],
    chosen: Sequence[tuple[str, Destination]],
    bundle: Destination | None,
    say: Callable[[str], None],
) -> int:
    """Review, write the outputs, post the result, and return the exit status.

    ``chosen``: formats with their destinations; ``say`` prints one line to standard error.
    """
    from passrole_checks.output.destination import write

    review = _build(request.versions, options, {name for name, _ in chosen}) if request.versions is not None else None
    report = review.report if review is not None else _read_bundle(options["from_bundle"], options)
    report = _with_acceptances(_with_owners(report, request), request, options)
    if options["mask_accounts"]:
        from passrole_checks.review.markdown.masking import mask_accounts

        report = mask_accounts(report)

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "text":
            _write_text(report, destination, options)
        else:
            write(destination, _render(report, review, request.context, output_format))

    bundles = [("json", bundle)] if bundle is not None else []
    written = write_each([*chosen, *bundles], write_one)
    for note in report.unknown:
        say(": ".join(filter(None, (f"{note.file}:{note.line}" if note.line else note.file, note.reason))))
    with_annotations = all(name in ("text", "markdown") for name, destination in chosen if destination.path == "-")
    _publish(report, request, options, say, with_annotations=with_annotations)
    status = INTERNAL_ERROR if report.faults else UNUSABLE if report.unreadable else CLEAN
    return max(written, status) or (FINDINGS if report.failing else CLEAN)


def _build(versions: VersionPair, options: dict[str, Any], formats: Collection[str]) -> Review:
    from passrole_checks.cli import diff
    from passrole_checks.findings import Confidence, Severity
    from passrole_checks.output import check_pages
    from passrole_checks.review.build_report import ReportOptions, build_review

    report_options = ReportOptions(
        Severity(options["severity"]),
        Confidence(options["confidence"]),
        failing_severity(options),
        options["baseline"] or "",
        options["strict"],
        everything=any(name in WHOLE_SCAN_FORMATS for name in formats),
    )
    checks, skip_checks = check_pages.check_ids(options["check"]), check_pages.check_ids(options["skip_check"])
    scan_settings = diff.comparison_options(options, checks=checks, skip_checks=skip_checks)
    plans = _plans(versions, options)
    inputs_of = diff.inputs_factory(options)
    return build_review(versions, scan_settings, inputs_of, report_options, plans, options["jobs"])


def _plans(versions: VersionPair, options: dict[str, Any]) -> tuple[RootPlan, ...]:
    """Return the plans of HEAD with those of BASE for the same folder.

    Raises:
        InputError: a file cannot be read, or is no plan.
        ConfigurationError: a folder is outside of the repository, or has a plan of BASE only.
    """
    if not options["plan"] and not options["plan_before"]:
        return ()
    from passrole_checks.diff.plans import RootPlan, read_plan_file

    top = str(versions.repository.top or Path.cwd())
    before = [_file_and_folder(top, "--plan-before", value) for value in options["plan_before"]]
    plans = []
    for name, folder in (_file_and_folder(top, "--plan", value) for value in options["plan"]):
        of_base = next((pair for pair in before if pair[1] == folder), None)
        if of_base is not None:
            before.remove(of_base)
        base_plan = read_plan_file(of_base[0], top) if of_base is not None else None
        plans.append(RootPlan(folder, read_plan_file(name, top), base_plan))
    if before:
        raise ConfigurationError(f"--plan-before {before[0][0]}: no --plan for the same folder ({before[0][1]})")
    return tuple(plans)


def _file_and_folder(top: str, option: str, value: str) -> tuple[str, str]:
    """Split ``FILE[=DIR]``; return the folder relative to ``top``, which is that of the repository.

    A pull request may contain a file that is named like the whole value: it counts only if there is no ``FILE``.
    """
    name, separator, folder = value.rpartition("=")
    is_file = os.path.lexists(name) and not os.path.isdir(name)
    is_split = separator and (is_file or not os.path.lexists(value))
    name, folder = (name, folder or ".") if is_split else (value, ".")
    below = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    if below.split(os.sep)[0] == os.pardir:
        raise ConfigurationError(f"{option} {value}: {folder} is outside of the repository")
    return name, Path(below).as_posix()


def _read_bundle(path: str, options: dict[str, Any]) -> ReviewReport:
    """Read the report of a bundle. ``--fail-on`` of this command applies, not that of the command that wrote the
    bundle; nor do its acceptances count, since a pull request may have written it."""
    from passrole_checks.errors import InputError
    from passrole_checks.review.report_json import MAX_BUNDLE_BYTES, read_bundle

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None
    report = read_bundle(data, path)
    unaccepted = tuple(replace(item, accepted=None) for item in report.items)
    return replace(report, items=unaccepted, fail_on=failing_severity(options))


# -- what owners have accepted


def _with_owners(report: ReviewReport, request: ReviewRequest) -> ReviewReport:
    """Return the report with the owners of BASE whom the target branch still names."""
    if not request.owners or request.versions is None:
        return replace(report, owners=request.owners)
    from passrole_checks.review.acceptance import with_former_owners
    from passrole_checks.review.owners import current_owners

    owners, former = current_owners(request.owners, request.context, request.versions)
    return replace(with_former_owners(report, former), owners=owners)


def _with_acceptances(report: ReviewReport, request: ReviewRequest, options: dict[str, Any]) -> ReviewReport:
    """Return the report with the findings that owners have accepted on the forge, or with a note that this is
    unknown."""
    if not (report.owners and report.items):
        return report
    from passrole_checks.review.acceptance import with_unknown_acceptance

    context = request.context
    if request.versions is not None and request.versions.head.id is None:
        return with_unknown_acceptance(report, "these are uncommitted changes")
    if not context.forge:
        return with_unknown_acceptance(report, "not in a pipeline of a forge")
    if options["post"] not in ("auto", context.forge):
        return with_unknown_acceptance(report, f"--post {options['post']}")
    forge = import_module(f"passrole_checks.review.{context.forge}")
    if not hasattr(forge, "accept"):
        return replace(with_unknown_acceptance(report, f"not supported for {context.forge}"), owners=())
    try:
        accepted: ReviewReport = forge.accept(report, context, _post_options(options))
    except Exception as error:  # must never make findings count less
        if os.environ.get(DEBUG):
            raise
        return with_unknown_acceptance(report, f"internal error ({type(error).__name__})")
    return accepted


# -- what is written


def _write_text(report: ReviewReport, destination: Destination, options: dict[str, Any]) -> None:
    from passrole_checks.output.destination import is_terminal
    from passrole_checks.output.findings_text import text_width
    from passrole_checks.review.text import review_lines

    width = text_width(is_terminal(destination))
    lines = review_lines(report, width=width, quiet=options["quiet"], verbose=options["verbose"])
    write_lines(destination, lines, options)


def _render(report: ReviewReport, review: Review | None, context: Context, output_format: str) -> str:
    if output_format == "json":
        from passrole_checks.review.report_json import to_json

        return to_json(report)
    if output_format == "markdown":
        return _summary(report, context)
    if output_format == "github":
        from passrole_checks.review.annotations import workflow_commands

        return workflow_commands(report)
    if review is None:
        raise ConfigurationError(
            f"--format {output_format}: needs all findings of HEAD, which a bundle does not contain"
        )
    accepted = review.accepted_findings(report)
    if output_format == "sarif":
        from passrole_checks.checks import ALL
        from passrole_checks.output.sarif import review_sarif

        return review_sarif(review.scan, ALL, review.states, review.gone, review.accepted, accepted)
    from passrole_checks.output.gitlab import scan_gitlab

    findings = tuple(finding for finding in review.scan.findings if finding.fingerprint not in accepted)
    return scan_gitlab(replace(review.scan, findings=findings))


def _summary(report: ReviewReport, context: Context, **how: Any) -> str:
    from passrole_checks.review.markdown.summary import summary
    from passrole_checks.review.posting import links_of

    head = context.head_sha if report.head == context.merge_sha else report.head
    return summary(report, links_of(report, replace(context, head_sha=head)), **how)


# -- what is posted


def _publish(
    report: ReviewReport,
    request: ReviewRequest,
    options: dict[str, Any],
    say: Callable[[str], None],
    *,
    with_annotations: bool,
) -> None:
    """Post the result to the forge, and write the step summary and annotations. Never changes the exit status.

    A review of uncommitted changes is not posted.
    """
    from passrole_checks.git_versions.forge_links import GITHUB

    context, versions = request.context, request.versions

    committed = versions is None or versions.head.id is not None
    at_lines = committed and _post(report, context, options, say)
    if context.forge != GITHUB:
        return
    _write_step_summary(report, context, say)
    reported_elsewhere = options["post"] != "none" and not options["max_inline"]  # for example by code scanning
    if with_annotations and not at_lines and not reported_elsewhere:
        from passrole_checks.output.destination import STANDARD_OUTPUT, write
        from passrole_checks.review.annotations import workflow_commands

        write(STANDARD_OUTPUT, workflow_commands(report))


def _post(report: ReviewReport, context: Context, options: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Post to the forge. Return True if new findings now have inline comments."""
    forge = context.forge if options["post"] == "auto" else options["post"]
    if forge in ("", "none"):
        return False
    if forge != context.forge:
        say(f"--post {forge}: not running in a {forge} pipeline; nothing was posted")
        return False
    poster = import_module(f"passrole_checks.review.{forge}")

    def notify(message: str) -> None:
        say(f"dry run: {message}" if options["dry_run"] else message)

    try:
        posted = poster.post(report, context, _post_options(options), notify)
    except Exception as error:  # posting must not affect the result or the exit status
        if os.environ.get(DEBUG):
            raise
        say(f"internal error while posting to {forge} ({type(error).__name__}); the result is not affected")
        return False
    return bool(getattr(posted, "at_lines", ()))


def _post_options(options: dict[str, Any]) -> PostOptions:
    from passrole_checks.review.ci_context import PostOptions

    names = ("comment", "max_inline", "status", "check_run", "dry_run", "key", "author", "label")
    return PostOptions(**{name: options[name] for name in names})


def _write_step_summary(report: ReviewReport, context: Context, say: Callable[[str], None]) -> None:
    """Append the summary to the step summary file.

    GitHub Docs, "Workflow commands", "Adding a job summary": at most 1 MiB per step, Markdown, appended to a file.
    """
    if not context.step_summary:
        return
    from passrole_checks.files.write_atomically import append_to_file, guarded_folders
    from passrole_checks.review.markdown.summary import STEP_SUMMARY_BUDGET

    text = _summary(report, context, budget=STEP_SUMMARY_BUDGET).encode("utf-8", "replace")[:_LARGEST_STEP_SUMMARY]
    try:
        append_to_file(context.step_summary, text, guarded=guarded_folders(()))
    except OSError as error:
        say(f"{context.step_summary}: cannot write the step summary: {error.strerror or error}")


class ReviewCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE, which the CI environment may name."""

    def load_table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        options = click.Command.make_context(self, info_name, args, parent, **extra).params
        extra["obj"] = review_request(options)
        return load_configuration(extra["obj"].versions)


@click.command(cls=ReviewCommand)
@options
@click.pass_context
def review(context: click.Context, /, **options: Any) -> int:
    """Review a pull request for new PassRole access.

    New issues are reported once, on the line to fix, with a suggested replacement.

    BASE and HEAD are versions as for diff. The default is the pull request or merge request of the current pipeline;
    the result is then also posted to the forge, as far as the token permits: a summary comment, inline comments, and a
    commit status.

    With a plan, items are at the lines of the source that it comes from.

    Only root modules and templates that the change can affect are read, unless a format or option needs all of them:
    sarif and gitlab contain all findings of HEAD, the others only what is new, and --baseline counts all. New findings
    are those in HEAD but not in BASE; suppressions, baseline and configuration are read from BASE.

    Owners, logins or teams that BASE's configuration lists as accept_owners, accept a finding by a reply to its inline
    comment: "passrole: accept REASON".
    """
    bundle = destination_of_option(context, "offline_bundle")
    owners = context.meta[CONFIGURATION_ONLY].get("accept_owners", ())
    request = replace(context.obj, owners=tuple(owners))
    return _run(request, options, destinations(context, options), bundle, print_error)
