"""What ``--help`` prints of a command beside its text and its options, in the order of a manual page.

Options stand in groups. The sections behind them are those of man-pages(7): exit status, environment, files, examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Rows = Sequence[tuple[str, str]]

_GROUPS = {
    "What is read": (
        "account", "var_file", "var", "parameters", "source", "exclude", "unchanged", "staged", "strict",
        "allow_empty", "evidence", "since", "until",
    ),
    "What is told": (
        "severity", "confidence", "check", "skip_check", "baseline", "write_baseline", "fail_on", "all", "principal",
        "role", "against", "events", "group_roles",
    ),
    "As SQL": ("sql", "table", "view"),
    "Where and how": ("format", "output", "quiet", "no_color", "no_progress"),
    "On the forge": (
        "post", "comment", "max_inline", "status", "check_run", "key", "author", "mask_accounts", "offline_bundle",
        "from_bundle",
    ),
    "Speed": ("jobs", "executor", "cache", "no_cache"),
}  # fmt: skip
_OTHERS = "Options"

_UNUSABLE = ("2", "A file could not be read (the others were), there was none at all, or the options cannot be used.")
_FAULT = ("3", "A fault of this program.")
_INTERRUPTED = ("130", "Interrupted.")
_ENDS: Rows = (_UNUSABLE, _FAULT, _INTERRUPTED)
_NO_COLOR = ("NO_COLOR", "If it is not empty, there are no colours.")
_DEBUG = ("PASSROLE_CHECKS_DEBUG", "If it is not empty, a fault of this program ends with a traceback.")
_ENVIRONMENT: Rows = (_NO_COLOR, _DEBUG)
_CACHE = (
    "PASSROLE_CHECKS_CACHE_DIR",
    "Where what scans gave is kept, in place of the platform's folder for caches; if it is empty, nowhere.",
)
_CONFIGURATION: Rows = (
    (
        "pyproject.toml",
        "In the working directory: [tool.passrole_checks] sets options, their names in snake_case; command-line options"
        " take precedence. It cannot set output files. Its paths must be inside the repository, and notes name the"
        " checks that it switches off.",
    ),
)
_OF_BASE: Rows = (
    ("pyproject.toml", "That of BASE, in the working directory: [tool.passrole_checks] sets options; see scan."),
)
_TERRAFORM: Rows = (
    ("terraform.tfvars, *.auto.tfvars", "Beside a Terraform root module: values for its variables, as in Terraform."),
)


@dataclass(frozen=True, slots=True)
class Page:
    """``examples``: what each is for, and the command line."""

    exit_status: Rows
    environment: Rows = _ENVIRONMENT
    files: Rows = ()
    examples: Rows = ()


PAGES = {
    "scan": Page(
        (
            ("0", "Nothing as severe as --fail-on, or no PassRole grants at all."),
            ("1", "Findings as severe as --fail-on."),
            *_ENDS,
        ),
        (
            *_ENVIRONMENT,
            ("GITHUB_WORKSPACE", "The root that --format github names files from."),
            ("CI_PROJECT_DIR", "The root that --format gitlab names files from."),
            _CACHE,
        ),
        (*_CONFIGURATION, *_TERRAFORM),
        (
            ("The folder, as production is deployed", "passrole-checks scan . --var-file production.tfvars"),
            ("A plan", "terraform show -json plan > plan.json && passrole-checks scan plan.json"),
            ("For code scanning", 'passrole-checks scan . --format sarif --output "$RUNNER_TEMP/passrole.sarif"'),
            ("Accept what is there now", "passrole-checks scan . --write-baseline passrole-baseline.json"),
            ("Only these checks", "passrole-checks scan . --check 001,privilege-escalation"),
            ("Many repositories, on a cluster", "passrole-checks scan /repositories --executor dask://scheduler:8786"),
        ),
    ),
    "grants": Page(
        (("0", "They are listed; or there are none."), *_ENDS),
        (*_ENVIRONMENT, _CACHE),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("Who may pass what", "passrole-checks grants ."),
            ("A page to look at", "passrole-checks grants . --format html --output grants.html"),
        ),
    ),
    "diff": Page(
        (
            ("0", "No new or widened access as severe as --fail-on."),
            ("1", "New or widened access as severe as --fail-on."),
            (
                "2",
                "A changed file could not be read, a version or the merge base is not there, or the options are wrong.",
            ),
            _FAULT,
            _INTERRUPTED,
        ),
        (*_ENVIRONMENT, ("GIT_DIR, GIT_INDEX_FILE", "As for git: where the repository and its index are.")),
        _OF_BASE,
        (
            ("What this branch brings", "passrole-checks diff main...HEAD"),
            ("What the next commit brings", "passrole-checks diff --staged"),
            ("Two templates", "passrole-checks diff deployed.yaml app.yaml"),
        ),
    ),
    "review": Page(
        (
            ("0", "Nothing new as severe as --fail-on."),
            ("1", "New findings as severe as --fail-on."),
            (
                "2",
                "It cannot be told: a changed file could not be read, a version or the merge base is not there, or the"
                " options cannot be used. That a comment could not be written changes nothing.",
            ),
            _FAULT,
            _INTERRUPTED,
        ),
        (
            *_ENVIRONMENT,
            ("GITHUB_TOKEN", "The token to comment with on GitHub. Without it nothing is written there."),
            ("PASSROLE_GITLAB_TOKEN", "The same for GitLab; the job's own token cannot write comments."),
            ("GITHUB_…, CI_…", "What GitHub Actions and GitLab CI tell of the request, the run and the addresses."),
            ("HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE", "As for requests, with which the forge is called."),
        ),
        (*_OF_BASE, ("$GITHUB_STEP_SUMMARY", "In GitHub Actions the summary is added to it.")),
        (
            ("In a terminal", "passrole-checks review main HEAD"),
            ("In a pipeline, without comments at lines", "passrole-checks review --max-inline 0"),
            ("What would be written", "passrole-checks review --dry-run"),
        ),
    ),
    "required": Page(
        (("0", "They are told; or no roles are passed."), *_ENDS),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("For whoever deploys this", "passrole-checks required ."),
            ("As a Terraform data document", "passrole-checks required . --format hcl --output deployer.tf"),
        ),
    ),
    "suggest": Page(
        (
            ("0", "There is nothing to change."),
            ("1", "There are findings, with or without a suggestion; or, with --evidence, statements to narrow."),
            *_ENDS,
        ),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("What could be written instead", "passrole-checks suggest ."),
            ("As a patch", "passrole-checks suggest . --format patch | git apply"),
            ("Only what was passed this year", "passrole-checks suggest . --evidence logs --since 2026-01-01"),
        ),
    ),
    "fix": Page(
        (
            ("0", "Nothing is left that is as severe as --fail-on."),
            ("1", "Something is left for a person to decide."),
            (
                "2",
                "A file could not be read or written, there was none at all, or the options cannot be used.",
            ),
            _FAULT,
            _INTERRUPTED,
        ),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("What would be done", "passrole-checks fix . --dry-run"),
            ("Of some checks only", "passrole-checks fix . --check 001,002,003"),
        ),
    ),
    "explain": Page(
        (("0", "It is printed."), ("2", "There is no such check."), _FAULT),
        (_DEBUG,),
        examples=(
            ("All checks, a line each", "passrole-checks explain"),
            ("One of them", "passrole-checks explain any-role"),
        ),
    ),
    "where": Page(
        (("0", "It is printed."), ("2", "There is no such host."), _FAULT),
        (
            ("PASSROLE_CHECKS_ACCOUNT", "Inside of a host: the account deployed to, twelve digits."),
            ("PASSROLE_CHECKS_SEVERITY", "Inside of a host: the least severity of findings (low); info shows all."),
            ("PASSROLE_CHECKS_CONFIDENCE", "Inside of a host: the least confidence of findings (low)."),
        ),
        examples=(
            ("checkov", 'checkov -d . --external-checks-dir "$(passrole-checks where checkov)"'),
            ("cfn-lint", 'cfn-lint --append-rules "$(passrole-checks where cfn-lint)" -t app.yaml'),
        ),
    ),
    "trail": Page(
        (
            ("0", "It is told what the logs hold, passes or not."),
            (
                "2",
                "A file could not be read to its end (what could be is told), there are no logs, or the options are"
                " wrong.",
            ),
            _FAULT,
            _INTERRUPTED,
        ),
        examples=(
            ("Who passed what", "aws s3 sync s3://BUCKET/AWSLogs logs && passrole-checks trail logs"),
            (
                "What one role passed in a month",
                "passrole-checks trail logs --role app --since 2026-03-01 --until 2026-03-31",
            ),
            ("What is granted and never used", "passrole-checks trail logs --against ."),
            ("The same as a page", "passrole-checks trail logs --against . --format html --output used.html"),
            ("Each pass by itself", "passrole-checks trail logs --format json --events --output passes.json"),
            ("The same in Athena", "passrole-checks trail --sql athena --table logs.cloudtrail --output view.sql"),
        ),
    ),
    "doctor": Page(
        (("0", "All is well."), ("1", "Something does not work; what to do is told."), _FAULT),
        (*_ENVIRONMENT, _CACHE),
        files=(("pyproject.toml", "In the working directory: looked at, whether it can be used."),),
        examples=(("For a report of a fault", "passrole-checks doctor --format json"),),
    ),
}
PROGRAM = Page(
    (
        ("0", "Nothing to report."),
        ("1", "Findings."),
        ("2", "A file could not be read, or the options cannot be used."),
        ("3", "A fault of this program. 3 goes before 2, and 2 before 1."),
        _INTERRUPTED,
    ),
    (*_ENVIRONMENT, ("_PASSROLE_CHECKS_COMPLETE", "Set by the shells that complete command lines, see below.")),
    _CONFIGURATION,
    (
        ("Start here", "passrole-checks scan ."),
        ("All that can be told of one check", "passrole-checks explain 001"),
        ("Completion in bash", 'eval "$(_PASSROLE_CHECKS_COMPLETE=bash_source passrole-checks)"'),
        ("in zsh", 'eval "$(_PASSROLE_CHECKS_COMPLETE=zsh_source passrole-checks)"'),
        ("in fish", "_PASSROLE_CHECKS_COMPLETE=fish_source passrole-checks | source"),
    ),
)


class DocumentedCommand(click.Command):
    """A command whose help is a page like those of a manual."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in (*_GROUPS, _OTHERS)}
        for parameter in self.get_params(ctx):
            record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(ctx)
            if record is not None:
                groups[_group(parameter.name)].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        page = PAGES.get(self.name or "")
        if page is not None:
            write_page(page, formatter)


class DocumentedGroup(click.Group):
    """The program: its help lists the commands, with the sections of its own page behind them."""

    command_class = DocumentedCommand

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_page(PROGRAM, formatter)


def _group(name: str | None) -> str:
    return next((group for group, names in _GROUPS.items() if name in names), _OTHERS)


def write_page(page: Page, formatter: click.HelpFormatter) -> None:
    """The sections behind the options, as far as there is something in them."""
    for heading, rows in (
        ("Exit status", page.exit_status),
        ("Environment", page.environment),
        ("Files", page.files),
    ):
        if rows:
            with formatter.section(heading):
                formatter.write_dl(list(rows))
    if page.examples:
        with formatter.section("Examples"):
            for purpose, command in page.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{purpose}:\n")
                formatter.write(f"{'':>{formatter.current_indent + 2}}{command}\n")


# -- completion


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of files: the shell knows how to complete them."""
    return [CompletionItem(incomplete, type="file")]


def folders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of folders."""
    return [CompletionItem(incomplete, type="dir")]


def checks(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The checks by name, or by number or id where the word begins like one; the last of several with commas."""
    from passrole_checks.checks import ALL

    before, comma, word = incomplete.rpartition(",")
    found = []
    for check in ALL:
        for name in (check.name, check.id, check.id[-3:]):
            if name.lower().startswith(word.lower()) and (word or name == check.name):
                found.append(CompletionItem(f"{before}{comma}{name}", help=check.title))
                break
    return found


def versions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches and tags of the repository around the working directory; names of files where none begins so."""
    from passrole_checks.errors import PassRoleChecksError
    from passrole_checks.git_versions.git import Repository

    before, dots, word = incomplete.rpartition("...")
    try:
        repository = Repository.around(Path.cwd())
        names = ["HEAD", *repository.names()] if repository is not None else []
    except (PassRoleChecksError, OSError):
        names = []
    found: list[CompletionItem] = [CompletionItem(f"{before}{dots}{name}") for name in names if name.startswith(word)]
    return found or files(context, parameter, incomplete)
