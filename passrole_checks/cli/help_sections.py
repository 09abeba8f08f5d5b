"""The sections that ``--help`` prints besides a command's description: option groups and manual-page sections.

The sections after the options are those of man-pages(7): exit status, environment, files, examples.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from passrole_checks.errors import did_you_mean
from passrole_checks.iam.fast_dataclass import dataclass

Rows = Sequence[tuple[str, str]]

_GROUPS = {
    "Input": (
        "paths", "account", "account_details", "inventory", "repository", "var_file", "var", "parameters", "source",
        "plan", "plan_before", "exclude", "unchanged", "staged", "allow_empty", "evidence", "since", "until", "against",
        "from_bundle", "folders",
    ),
    "Filtering": (
        "severity", "confidence", "check", "skip_check", "baseline", "fail_on", "strict", "all", "principal", "role",
    ),
    "Edits": ("grade", "group_roles", "dry_run", "interactive"),
    "SQL": ("sql", "table", "view"),
    "Output": (
        "format", "output", "write_baseline", "update_inventory", "group_by", "events", "quiet", "verbose", "no_color",
        "no_progress", "mask_accounts", "offline_bundle",
    ),
    "Forge": (
        "post", "comment", "max_inline", "status", "check_run", "label", "key", "author", "dry_run",
    ),
    "Performance": ("jobs", "executor", "cache", "no_cache"),
}  # fmt: skip
_UNGROUPED = "Options"

_UNUSABLE = ("2", "A file could not be read (all others were), nothing was found to read, or an option is invalid.")
_INTERNAL_ERROR = ("3", "Internal error.")
_INTERRUPTED = ("130", "Interrupted.")
_ERROR_STATUSES: Rows = (_UNUSABLE, _INTERNAL_ERROR, _INTERRUPTED)
_ENVIRONMENT: Rows = (
    ("NO_COLOR", "If set and not empty, disable colored output."),
    ("PASSROLE_CHECKS_DEBUG", "If set and not empty, print a traceback on internal errors."),
)
_PAGE_TIME = ("SOURCE_DATE_EPOCH", "Time in the heading of HTML pages, in seconds since 1970 (default: now).")
_CACHE = (
    "PASSROLE_CHECKS_CACHE_DIR",
    "Folder for cached scan results (default: the platform's cache folder). If empty, disable the cache.",
)
_CONFIGURATION: Rows = (
    (
        "pyproject.toml",
        "Read from the working directory. [tool.passrole_checks] sets options, with snake_case keys; command-line"
        " options take precedence. It cannot set output files, and its paths must be inside the repository. A note"
        " names every check that it disables.",
    ),
)
_BASE_CONFIGURATION: Rows = (
    ("pyproject.toml", "Read from BASE, in the working directory. [tool.passrole_checks] sets options; see scan."),
)
_TERRAFORM: Rows = (("terraform.tfvars, *.auto.tfvars", "Read next to each Terraform root module, as Terraform does."),)


@dataclass(frozen=True, slots=True)
class Page:
    """The manual-page sections of one command. ``examples``: pairs of a purpose and a command line."""

    exit_status: Rows
    environment: Rows = _ENVIRONMENT
    files: Rows = ()
    examples: Rows = ()


PAGES = {
    "scan": Page(
        (
            ("0", "No findings at or above --fail-on, or no PassRole grants at all."),
            ("1", "Findings at or above --fail-on."),
            *_ERROR_STATUSES,
        ),
        (
            *_ENVIRONMENT,
            ("GITHUB_WORKSPACE", "Root that --format github writes paths relative to."),
            ("CI_PROJECT_DIR", "Root that --format gitlab writes paths relative to."),
            _CACHE,
        ),
        (*_CONFIGURATION, *_TERRAFORM),
        (
            ("Scan the current folder with production values", "passrole-checks scan --var-file production.tfvars"),
            ("Scan a plan", "terraform show -json plan | passrole-checks scan -"),
            ("Write SARIF for code scanning", 'passrole-checks scan --format sarif --output "$RUNNER_TEMP/p.sarif"'),
            ("Accept the current findings", "passrole-checks scan --write-baseline passrole-baseline.json"),
            ("Run only some checks", "passrole-checks scan --check 001,privilege-escalation"),
            ("Scan many repositories on a cluster", "passrole-checks scan /repos --executor dask://scheduler:8786"),
        ),
    ),
    "grants": Page(
        (("0", "Grants were listed, or there are none."), *_ERROR_STATUSES),
        (*_ENVIRONMENT, _PAGE_TIME, _CACHE),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("List who may pass which roles", "passrole-checks grants"),
            ("Show them as a tree, worst principals first", "passrole-checks grants --format tree"),
            ("Write an HTML page with a graph", "passrole-checks grants --format html --output grants.html"),
        ),
    ),
    "diff": Page(
        (
            ("0", "No new or widened access at or above --fail-on."),
            ("1", "New or widened access at or above --fail-on."),
            ("2", "A changed file could not be read, a version or merge base was not found, or an option is invalid."),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        (*_ENVIRONMENT, ("GIT_DIR, GIT_INDEX_FILE", "Location of the repository and of its index, as for git.")),
        _BASE_CONFIGURATION,
        (
            ("Show what this branch changes", "passrole-checks diff main...HEAD"),
            ("Show what the next commit changes", "passrole-checks diff --staged"),
            ("Compare two templates", "passrole-checks diff deployed.yaml app.yaml"),
        ),
    ),
    "review": Page(
        (
            ("0", "No new findings at or above --fail-on."),
            ("1", "New findings at or above --fail-on."),
            (
                "2",
                "A changed file could not be read, a version or merge base was not found, or an option is invalid."
                " A comment that could not be posted does not change the exit status.",
            ),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        (
            *_ENVIRONMENT,
            ("GITHUB_TOKEN", "Token for comments on GitHub. Without it nothing is posted there."),
            ("PASSROLE_GITLAB_TOKEN", "Token for comments on GitLab; the CI job token cannot write comments."),
            ("GITEA_TOKEN, FORGEJO_TOKEN", "Token for comments on Gitea or Forgejo; without it, GITHUB_TOKEN."),
            ("GITHUB_…, CI_…", "Pull request, run and URLs, as set by GitHub, Gitea, Forgejo and GitLab pipelines."),
            ("HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE", "Proxy and certificates, as for the Requests library."),
        ),
        (*_BASE_CONFIGURATION, ("$GITHUB_STEP_SUMMARY", "In GitHub Actions, the summary is appended to it.")),
        (
            ("Review in a terminal", "passrole-checks review main HEAD"),
            ("In a pipeline, without inline comments", "passrole-checks review --max-inline 0"),
            ("Show what would be posted", "passrole-checks review --dry-run"),
            ("With the plan of a root module", "passrole-checks review main HEAD --plan plan.json=infra"),
        ),
    ),
    "required": Page(
        (("0", "Required permissions were listed, or no roles are passed."), *_ERROR_STATUSES),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("List the permissions needed to deploy", "passrole-checks required"),
            ("Write a Terraform policy document", "passrole-checks required --format hcl --output deployer.tf"),
        ),
    ),
    "suggest": Page(
        (
            ("0", "Nothing to change."),
            ("1", "There are findings, with or without a suggestion, or statements that --evidence can narrow."),
            *_ERROR_STATUSES,
        ),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("Show suggestions", "passrole-checks suggest"),
            ("Apply the equivalent ones as a patch", "passrole-checks suggest --format patch | git apply"),
            ("Narrow to what was passed this year", "passrole-checks suggest --evidence logs --since 2026-01-01"),
        ),
    ),
    "fix": Page(
        (
            ("0", "No findings at or above --fail-on remain."),
            ("1", "Findings at or above --fail-on remain: they need manual review or another --grade."),
            ("2", "A file could not be read or written, nothing was found to read, or an option is invalid."),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        files=(*_CONFIGURATION, *_TERRAFORM),
        examples=(
            ("Write the patch to a file", "passrole-checks fix --dry-run > fixes.patch"),
            ("Also keep only what this code uses", "passrole-checks fix --grade narrowed"),
            ("Decide on each edit", "passrole-checks fix --interactive"),
            ("Fix findings of some checks only", "passrole-checks fix --check 001,002,003"),
        ),
    ),
    "explain": Page(
        (("0", "The explanation was printed."), ("2", "No such check."), _INTERNAL_ERROR),
        (_ENVIRONMENT[1],),
        examples=(
            ("List all checks", "passrole-checks explain"),
            ("Explain one check", "passrole-checks explain any-role"),
        ),
    ),
    "where": Page(
        (("0", "The folder was printed."), ("2", "No such tool."), _INTERNAL_ERROR),
        (
            ("PASSROLE_CHECKS_ACCOUNT", "In checkov and cfn-lint: target AWS account ID (12 digits)."),
            (
                "PASSROLE_CHECKS_ACCOUNT_DETAILS",
                "In checkov and cfn-lint: files as for --account-details, separated as in PATH.",
            ),
            ("PASSROLE_CHECKS_SEVERITY", "In checkov and cfn-lint: minimum severity to report (default: low)."),
            ("PASSROLE_CHECKS_CONFIDENCE", "In checkov and cfn-lint: minimum confidence to report (default: low)."),
        ),
        examples=(
            ("Use with checkov", 'checkov -d . --external-checks-dir "$(passrole-checks where checkov)"'),
            ("Use with cfn-lint", 'cfn-lint --append-rules "$(passrole-checks where cfn-lint)" -t app.yaml'),
        ),
    ),
    "trail": Page(
        (
            ("0", "The logs were read, whether or not roles were passed."),
            (
                "2",
                "A file could not be read completely (the rest is reported), no logs were found, or an option is"
                " invalid.",
            ),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        (*_ENVIRONMENT, _PAGE_TIME),
        examples=(
            ("Show who passed which roles", "aws s3 sync s3://BUCKET/AWSLogs logs && passrole-checks trail logs"),
            (
                "Show uses of one role in a month",
                "passrole-checks trail logs --role app --since 2026-03-01 --until 2026-03-31",
            ),
            ("Show grants that were never used", "passrole-checks trail logs --against ."),
            ("Write them as an HTML page", "passrole-checks trail logs --against . --format html --output used.html"),
            ("Include each event", "passrole-checks trail logs --format json --events --output passes.json"),
            ("Create a view in Athena", "passrole-checks trail --sql athena --table logs.cloudtrail --output view.sql"),
        ),
    ),
    "lsp": Page(
        (
            ("0", "The client ended the session."),
            ("1", "The client ended it without a shutdown request."),
            ("2", "An option is invalid, or the extra lsp is not installed."),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        (_ENVIRONMENT[1],),
        (
            ("pyproject.toml", "Not used, since a pull request can change it; the client's log names what it sets."),
            *_TERRAFORM,
        ),
        (
            ("Command of the server, for the settings of an editor", "passrole-checks lsp"),
            ("With an account, without a check", "passrole-checks lsp --account 111122223333 --skip-check 012"),
        ),
    ),
    "mcp": Page(
        (
            ("0", "The client ended the connection."),
            ("2", "The extra mcp is not installed, or FOLDER is not a folder."),
            _INTERNAL_ERROR,
            _INTERRUPTED,
        ),
        (_ENVIRONMENT[1],),
        files=_TERRAFORM,
        examples=(
            ("Add it to Claude Code", "claude mcp add passrole-checks -- passrole-checks mcp"),
            ("Serve a client that has no roots", "passrole-checks mcp ~/infrastructure"),
        ),
    ),
    "doctor": Page(
        (("0", "No problems found."), ("1", "Problems found; each with a remedy."), _INTERNAL_ERROR),
        (*_ENVIRONMENT, _CACHE),
        files=(("pyproject.toml", "Read from the working directory and validated."),),
        examples=(("Write a report for a bug report", "passrole-checks doctor --format json"),),
    ),
}
PROGRAM = Page(
    (
        ("0", "Nothing to report."),
        ("1", "Findings."),
        ("2", "A file could not be read, or an option is invalid."),
        ("3", "Internal error. The highest applicable code is returned."),
        _INTERRUPTED,
    ),
    (*_ENVIRONMENT, ("_PASSROLE_CHECKS_COMPLETE", "Set by the shell completion scripts below.")),
    _CONFIGURATION,
    (
        ("Start here", "passrole-checks scan"),
        ("Explain a check", "passrole-checks explain 001"),
        ("Enable completion in bash", 'eval "$(_PASSROLE_CHECKS_COMPLETE=bash_source passrole-checks)"'),
        ("in zsh", 'eval "$(_PASSROLE_CHECKS_COMPLETE=zsh_source passrole-checks)"'),
        ("in fish", "_PASSROLE_CHECKS_COMPLETE=fish_source passrole-checks | source"),
    ),
)


HELP_OPTIONS = ("-h", "--help")


class DocumentedArgument(click.Argument):
    """An argument that ``--help`` describes among the options, by its metavar."""

    def __init__(self, declarations: Sequence[str], *, words: str, **attributes: Any) -> None:
        self.words = words
        super().__init__(declarations, **attributes)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return (self.metavar or "").strip("[]."), self.words


class DocumentedCommand(click.Command):
    """A command whose help is a page like those of a manual."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the names of the help option. They do not depend on the parent of ``ctx``: click keeps the option that
        it makes for the first context of a command."""
        return list(HELP_OPTIONS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments; all errors know the command, so that they can name it."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in (*_GROUPS, _UNGROUPED)}
        parameters = self.get_params(ctx)
        names = {parameter.name for parameter in parameters}
        for parameter in parameters:
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups[_group(parameter.name, names)].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        page = PAGES.get(self.name or "")
        if page is not None:
            write_page(page, formatter)


class ImportedCommands(Mapping[str, click.Command]):
    """Commands by name, each imported when it is first asked for. ``modules``: their modules in this package."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"passrole_checks.cli.{self._modules[name]}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class DocumentedGroup(click.Group):
    """The program: its help lists the commands, followed by the sections of its own page."""

    command_class = DocumentedCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they were added: those for a start come first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name. For an unknown one, the error names the nearest."""
        name = args[0]
        if self.get_command(ctx, name) is None and name[:1] != "-" and not ctx.resilient_parsing:
            is_path = f"; did you mean {ctx.command_path} scan {name}?" if os.path.exists(name) else ""
            ctx.fail(f"no such command: {name!r}{is_path or did_you_mean(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_page(PROGRAM, formatter)


def _group(name: str | None, names: Collection[str | None]) -> str:
    """Return the group of an option; of several, the one that has most of the options of the command, ``names``."""
    groups = [group for group, members in _GROUPS.items() if name in members]
    return max(groups, key=lambda group: len(set(_GROUPS[group]) & set(names)), default=_UNGROUPED)


def write_page(page: Page, formatter: click.HelpFormatter) -> None:
    """Write the sections that follow the options; empty sections are left out."""
    for heading, rows in (("Exit status", page.exit_status), ("Environment", page.environment), ("Files", page.files)):
        if rows:
            with formatter.section(heading):
                formatter.write_dl(list(rows))
    if page.examples:
        with formatter.section("Examples"):
            for purpose, command in page.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{purpose}:\n")
                formatter.write(f"{'':>{formatter.current_indent + 2}}{command}\n")


# -- completion


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete file names."""
    return [CompletionItem(incomplete, type="file")]


def complete_folders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete folder names."""
    return [CompletionItem(incomplete, type="dir")]


def complete_checks(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete check names, or numbers and ids if the word begins like one; completes the last of a comma-separated
    list."""
    from passrole_checks.checks import ALL

    before, comma, word = incomplete.rpartition(",")
    completions = []
    for check in ALL:
        for name in (check.name, check.id, check.id[-3:]):
            if name.lower().startswith(word.lower()) and (word or name == check.name):
                completions.append(CompletionItem(f"{before}{comma}{name}", help=check.title))
                break
    return completions


def complete_versions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete branches and tags of the repository around the working directory; file names if none matches."""
    from passrole_checks.errors import PassRoleChecksError
    from passrole_checks.git_versions.git import Repository

    before, dots, word = incomplete.rpartition("...")
    try:
        repository = Repository.around(Path.cwd())
        names = ["HEAD", *repository.names()] if repository is not None else []
    except (PassRoleChecksError, OSError):
        names = []
    matches = [CompletionItem(f"{before}{dots}{name}") for name in names if name.startswith(word)]
    return matches or complete_files(context, parameter, incomplete)
