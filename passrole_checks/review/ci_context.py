"""The pipeline that a review runs in: the forge, the repository and change under review, and the token.

Read only from environment variables and the event file, without network access or git.
Sources: GitHub Docs, "Variables reference" (GITHUB_API_URL, GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REPOSITORY,
GITHUB_RUN_ATTEMPT, GITHUB_RUN_ID, GITHUB_RUN_NUMBER, GITHUB_SERVER_URL, GITHUB_SHA, GITHUB_STEP_SUMMARY), "Events that
trigger workflows" (the meaning of GITHUB_SHA), "Webhook events and payloads" (pull_request, merge_group, push,
workflow_run; at most 25 MB); GitLab Docs, "Predefined CI/CD variables reference" (CI_MERGE_REQUEST_…, CI_COMMIT_SHA,
CI_API_V4_URL); Gitea Docs, "Compared to GitHub Actions", and Forgejo Docs, "Forgejo Actions" (both set GitHub's
variables and write GitHub's event; GITEA_ACTIONS, FORGEJO_ACTIONS; a run's address ends in its number).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from passrole_checks.errors import InputError
from passrole_checks.files.decoded_json import get_nested
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.git_versions.forge_links import GITEA, GITHUB, GITLAB
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

GITHUB_TOKEN = "GITHUB_TOKEN"
GITLAB_TOKEN = "PASSROLE_GITLAB_TOKEN"
GITEA_TOKENS = ("GITEA_TOKEN", "FORGEJO_TOKEN", GITHUB_TOKEN)  # the first that is set

_SHA = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_QUEUE_BRANCH = lazy_regex(r"refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,15})-[0-9a-f]{40,64}", re.DOTALL)
_ZEROS = lazy_regex(r"0+")
_REPOSITORY = lazy_regex(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_PROJECT = lazy_regex(r"[\w.-]{1,255}(?:/[\w.-]{1,255})+")
_URL = lazy_regex(r"https?://[^\s\"'<>\\]{1,2000}")
_MAX_EVENT_BYTES = 30_000_000
_MAX_NAME = 1_000
_MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow, or a pipeline of GitLab.

    ``number`` increases with each run, ``attempt`` with each re-run (0: unknown). ``url``: its page, in GitLab that of
    the job; "" if unknown.
    """

    number: int = 0
    attempt: int = 0
    url: str = ""


NO_RUN = WorkflowRun()


@dataclass(frozen=True, slots=True)
class Context:
    """The change under review according to the forge. Every field may be empty (0, ""). Commits need not be in the
    clone; only the format of ids, numbers and the forge's own names is validated.

    ``forge``: ``github``, ``gitlab``, ``gitea`` (also for Forgejo), or "" outside of all. ``repository``: the base
    repository, ``owner/name``, or GitLab's project path. ``project_id``: GitLab's project number. ``number``: of the
    pull or merge request; 0 if the event has none, or (``workflow_run``) it must be looked up by ``head_sha``,
    ``head_repository`` and ``head_branch``.

    ``head_sha``: the head commit; comments belong to it. ``base_sha``: the base according to the event, which may be
    outdated: a hint for finding the merge base, and the base itself only for ``merge_group`` and ``push``.
    ``merge_sha``: the forge's test merge commit. ``base_branch``: the target; ``default_branch``: that of the
    repository; branch names are untrusted.

    ``event``: the event name (GitLab: the pipeline source). ``run``: that of the scanning workflow; for
    ``workflow_run`` the one that scanned. ``api_url`` and ``server_url``: without a trailing slash. ``is_fork``: the
    head repository differs or was deleted. ``step_summary``: path of the step summary. ``is_forgejo``: ``gitea`` is
    Forgejo. ``queued``: number of the pull request that a ``merge_group`` is about to merge. ``token``: never output.
    """

    forge: str = ""
    repository: str = ""
    project_id: int = 0
    number: int = 0
    head_sha: str = ""
    base_sha: str = ""
    merge_sha: str = ""
    base_branch: str = ""
    default_branch: str = ""
    head_repository: str = ""
    head_branch: str = ""
    event: str = ""
    run: WorkflowRun = NO_RUN
    api_url: str = ""
    server_url: str = ""
    is_fork: bool = False
    step_summary: str = ""
    is_forgejo: bool = False
    queued: int = 0
    token: str = field(default="", repr=False)

    @property
    def has_token(self) -> bool:
        return bool(self.token)

    @property
    def can_be_commented(self) -> bool:
        """True if this is about a pull request, which can have comments; other events only have a status."""
        has_request = bool(self.number) or (self.event == "workflow_run" and bool(self.head_sha))
        return has_request and self.event not in ("merge_group", "push")

    @property
    def is_of_fork_workflow(self) -> bool:
        """True if the report comes from a workflow that a fork can change, and with it the report."""
        return self.event == "workflow_run" and self.is_fork


@dataclass(frozen=True, slots=True)
class PostOptions:
    """Options of posting on the forge.

    ``comment``: mode of the summary, ``update``, ``new``, ``hide-and-new`` or ``off``. ``max_inline``: maximum number
    of line comments. ``status``: set the commit status; ``check_run``: write a check run. ``dry_run``: print each write
    as JSON instead. ``key``: distinguishes several reviews of one pull request, each with its own comment, status and
    check run. ``author``: login whose comments are ours, "" for the owner of the token. ``label``: label the request
    while it has new access that no owner accepted.
    """

    comment: str = "update"
    max_inline: int = 10
    status: bool = True
    check_run: bool = False
    dry_run: bool = False
    key: str = "default"
    author: str = ""
    label: bool = False

    @property
    def writes_on_request(self) -> bool:
        """True if something is written on the pull or merge request itself."""
        return self.comment != "off" or self.max_inline > 0 or self.label


def read_context(environment: Mapping[str, str]) -> Context:
    """Read the context from environment variables; empty outside of GitHub, Gitea and Forgejo Actions and
    GitLab CI.

    Raise an :class:`InputError` for an unreadable event file.
    """
    if "true" in (environment.get("GITEA_ACTIONS"), environment.get("FORGEJO_ACTIONS")):
        return _gitea(environment)
    if environment.get("GITHUB_ACTIONS") == "true" or environment.get("GITHUB_EVENT_PATH"):
        return _github(environment)
    if environment.get("GITLAB_CI"):
        return _gitlab(environment)
    return Context()


def _github(environment: Mapping[str, str]) -> Context:
    event = _event(environment.get("GITHUB_EVENT_PATH", ""))
    name = environment.get("GITHUB_EVENT_NAME", "")
    repository = _repository(environment.get("GITHUB_REPOSITORY"))
    server = _url(environment.get("GITHUB_SERVER_URL")) or "https://github.com"
    run_id = _number(environment.get("GITHUB_RUN_ID"))
    sha = _sha(environment.get("GITHUB_SHA"))
    fields: dict[str, Any] = {
        "head_sha": sha,
        "default_branch": _name(get_nested(event, "repository", "default_branch")),
        "run": WorkflowRun(
            _number(environment.get("GITHUB_RUN_NUMBER")),
            _number(environment.get("GITHUB_RUN_ATTEMPT")),
            f"{server}/{repository}/actions/runs/{run_id}" if repository and run_id else "",
        ),
    }
    if name in ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment"):
        fields |= _pull_request(event, repository)
        if name != "pull_request_target" and sha != fields["head_sha"]:
            fields["merge_sha"] = sha
    elif name == "merge_group":
        fields |= {
            "head_sha": _sha(get_nested(event, "merge_group", "head_sha")) or sha,
            "base_sha": _sha(get_nested(event, "merge_group", "base_sha")),
            "queued": _queued(_name(get_nested(event, "merge_group", "head_ref"))),
        }
    elif name == "push":
        ref = _name(event.get("ref"))
        fields |= {
            "head_sha": _sha(event.get("after")) or sha,
            "base_sha": _sha(event.get("before")),
            "head_branch": ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else "",
        }
    elif name == "workflow_run":
        fields |= _workflow_run(event, repository)
    return Context(
        forge=GITHUB,
        repository=repository,
        event=_name(name),
        api_url=_url(environment.get("GITHUB_API_URL")) or "https://api.github.com",
        server_url=server,
        step_summary=environment.get("GITHUB_STEP_SUMMARY", ""),
        token=environment.get(GITHUB_TOKEN, "").strip(),
        **fields,
    )


def _gitea(environment: Mapping[str, str]) -> Context:
    """Read the variables of GitHub Actions with the meaning that Gitea and Forgejo give them."""
    context = _github(environment)
    server = _url(environment.get("GITHUB_SERVER_URL"))
    repository, number = context.repository, context.run.number
    return replace(
        context,
        forge=GITEA,
        api_url=_url(environment.get("GITHUB_API_URL")) or (f"{server}/api/v1" if server else ""),
        server_url=server,
        run=replace(
            context.run, url=f"{server}/{repository}/actions/runs/{number}" if server and repository and number else ""
        ),
        step_summary="",
        is_forgejo=environment.get("FORGEJO_ACTIONS") == "true",
        token=next(filter(None, (environment.get(name, "").strip() for name in GITEA_TOKENS)), ""),
    )


def _pull_request(event: Mapping[str, Any], repository: str) -> dict[str, Any]:
    request = event.get("pull_request")
    head = _repository(get_nested(request, "head", "repo", "full_name"))  # missing if the fork was deleted
    return {
        "number": _number(event.get("number")) or _number(get_nested(request, "number")),
        "head_sha": _sha(get_nested(request, "head", "sha")),
        "base_sha": _sha(get_nested(request, "base", "sha")),
        "base_branch": _name(get_nested(request, "base", "ref")),
        "head_branch": _name(get_nested(request, "head", "ref")),
        "head_repository": head,
        "is_fork": head.lower() != repository.lower(),
    }


def _workflow_run(event: Mapping[str, Any], repository: str) -> dict[str, Any]:
    run = event.get("workflow_run")
    head = _repository(get_nested(run, "head_repository", "full_name"))
    return {
        "head_sha": _sha(get_nested(run, "head_sha")),
        "head_repository": head,
        "head_branch": _name(get_nested(run, "head_branch")),
        "is_fork": head.lower() != repository.lower(),
        "run": WorkflowRun(
            _number(get_nested(run, "run_number")),
            _number(get_nested(run, "run_attempt")),
            _url(get_nested(run, "html_url")),
        ),
    }


def _gitlab(environment: Mapping[str, str]) -> Context:
    get = environment.get
    source = _sha(get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"))  # only in merged results pipelines
    commit = _sha(get("CI_COMMIT_SHA"))
    number = _number(get("CI_MERGE_REQUEST_IID"))
    project = _number(get("CI_MERGE_REQUEST_PROJECT_ID")) or _number(get("CI_PROJECT_ID"))
    base = _sha(get("CI_MERGE_REQUEST_DIFF_BASE_SHA") if number else get("CI_COMMIT_BEFORE_SHA"))
    return Context(
        forge=GITLAB,
        repository=_project(get("CI_MERGE_REQUEST_PROJECT_PATH")) or _project(get("CI_PROJECT_PATH")),
        project_id=project,
        number=number,
        head_sha=source or commit,
        base_sha=base,
        merge_sha=commit if source and commit != source else "",
        base_branch=_name(get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")),
        default_branch=_name(get("CI_DEFAULT_BRANCH")),
        head_repository=_project(get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")),
        head_branch=_name(get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or get("CI_COMMIT_REF_NAME")),
        event=_name(get("CI_PIPELINE_SOURCE")),
        run=WorkflowRun(
            number=_number(get("CI_PIPELINE_IID")), url=_url(get("CI_JOB_URL")) or _url(get("CI_PIPELINE_URL"))
        ),
        api_url=_url(get("CI_API_V4_URL")),
        server_url=_url(get("CI_SERVER_URL")),
        is_fork=bool(number) and get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "") != str(project),
        token=get(GITLAB_TOKEN, "").strip(),
    )


# -- validated fields


def _event(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        data = read_bounded(path, _MAX_EVENT_BYTES, pipes=True)
    except OSError as error:
        raise InputError(path, f"cannot read the event: {error.strerror}") from None
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(path, "the event is not JSON") from None
    if not isinstance(event, dict):
        raise InputError(path, "the event is not a JSON object")
    return event


def _sha(value: object) -> str:
    """Return a commit id; "" for all zeros, which mean none."""
    if not isinstance(value, str) or not _SHA.fullmatch(value) or _ZEROS.fullmatch(value):
        return ""
    return value


def _number(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**_MAX_DIGITS:
        return value
    return 0


def _queued(head_ref: str) -> int:
    """Return the number of the pull request in the name of a merge queue's branch."""
    match = _QUEUE_BRANCH.fullmatch(head_ref)
    return _number(match[1]) if match is not None else 0


def _repository(value: object) -> str:
    return value if isinstance(value, str) and _REPOSITORY.fullmatch(value) else ""


def _project(value: object) -> str:
    return value if isinstance(value, str) and _PROJECT.fullmatch(value) else ""


def _name(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _MAX_NAME and value.isprintable() else ""


def _url(value: object) -> str:
    return value.rstrip("/") if isinstance(value, str) and _URL.fullmatch(value) else ""
