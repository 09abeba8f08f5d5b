"""The tools: what each takes, and how it asks the Python API. They read only, and write nothing but temporary files.

A tool never raises for its input: what cannot be done is an answer that says so (:func:`call_tool`).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks.errors import ConfigurationError, PassRoleChecksError, internal_error
from passrole_checks.escaping.given_paths import naming_files_from
from passrole_checks.escaping.shorten import cut_in_the_middle
from passrole_checks.files.unsaved_texts import reading_texts
from passrole_checks.findings import Severity
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import clear_identity_caches
from passrole_checks.mcp_server import answers
from passrole_checks.mcp_server.answers import Answer
from passrole_checks.mcp_server.workspace import Workspace
from passrole_checks.output.counts import count_noun
from passrole_checks.sources.files.read_boundary import confined_to
from passrole_checks.suggest.grade import Grade

if TYPE_CHECKING:
    from passrole_checks.api import ScanOptions, ScanResult
    from passrole_checks.findings import Finding
    from passrole_checks.output.findings_text import Line
    from passrole_checks.scan.result import LocatedGrant
    from passrole_checks.sources.model.configuration import Unreadable
    from passrole_checks.suggest.suggestion import Suggestion

LIMIT, MOST_ENTRIES = 20, 200
_MOST_PATHS, _MOST_TEXTS = 100, 50
_LONGEST_MESSAGE = 300
_SECONDS = 60.0  # of processor time for a call; the limits for units are lower
_ONE_AT_A_TIME = threading.Lock()  # all calls share the processor

_PATHS = {
    "type": "array",
    "items": {"type": "string"},
    "maxItems": _MOST_PATHS,
    "description": "Files and folders, absolute or relative to a root. Default: the files of `texts`, else all roots.",
}
_TEXTS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "File name, as in `paths`; the file need not exist."},
            "text": {"type": "string"},
        },
        "required": ["path", "text"],
        "additionalProperties": False,
    },
    "maxItems": _MOST_TEXTS,
    "description": "Contents that are not saved yet. They are read as if they were, with the files beside them.",
}
_LIMIT = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST_ENTRIES,
    "default": LIMIT,
    "description": "Maximum number of entries in each list of the answer, worst first; `omitted` counts the rest.",
}
_ACCOUNT = {
    "type": "string",
    "pattern": "^[0-9]{12}$",
    "maxLength": 12,
    "description": "Target AWS account ID (12 digits).",
}
_SEVERITY = {
    "type": "string",
    "enum": [severity.value for severity in Severity],
    "default": "low",
    "description": "Minimum severity of findings.",
}
_GRADES = {
    "type": "array",
    "items": {"type": "string", "enum": [grade.value for grade in Grade if grade is not Grade.OBSERVED]},
    "description": "Grades of the edits in `patch`, in addition to equivalent. The suggestions have all grades.",
}
_CHECK = {"type": "string", "description": "Id, number or name (PASSROLE_001, 1, any-role). Default: list all checks."}


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of a call, resolved. ``paths``: files and folders. ``grades``: those of the edits in a patch."""

    paths: tuple[str, ...]
    limit: int
    options: ScanOptions
    grades: tuple[Grade, ...] = ()
    check: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``schema``: the stem of the JSON schema that its answers follow; "" for text only."""

    name: str
    title: str
    description: str
    properties: Mapping[str, Any]
    ask: Callable[[Request], Answer]
    schema: str = ""

    @property
    def reads_files(self) -> bool:
        """True if the tool takes paths."""
        return "paths" in self.properties

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        return {"type": "object", "properties": dict(self.properties), "additionalProperties": False}

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """The JSON schema of the structured answer: that of the command, and the number of entries left out."""
        if not self.schema:
            return None
        schema = dict(json.loads((_schemas() / f"{self.schema}.json").read_text("utf-8")))
        schema.pop("$id")  # a relative one, which not every client resolves
        schema["properties"] = {**schema["properties"], answers.OMITTED: _OMITTED}
        schema["required"] = [*schema["required"], answers.OMITTED]
        return schema


_OMITTED = {
    "type": "object",
    "additionalProperties": {"type": "integer", "minimum": 1},
    "description": "Number of entries that were left out of each list, by its name.",
}


def _schemas() -> Path:
    """Return the folder of the published schemas: part of the wheel, and of the repository in an editable install."""
    packaged = Path(__file__).resolve().parents[1] / "schema"
    return packaged if packaged.is_dir() else packaged.parents[1] / "docs" / "schema"


def call_tool(tool: Tool, arguments: Mapping[str, Any], workspace: Workspace, cancelled: threading.Event) -> Answer:
    """Answer one call. What cannot be done is an answer with an error; setting ``cancelled`` ends the work early.

    Calls wait for each other.
    """
    with (
        _ONE_AT_A_TIME,
        deadline.cancellable(cancelled),
        confined_to(workspace.roots),
        naming_files_from(workspace.base),
    ):
        if cancelled.is_set():
            return answers.error_answer("cancelled")
        try:
            with deadline.limited(_SECONDS):
                _validate(arguments, tool.input_schema)
                texts = _located_texts(arguments, workspace)
                with reading_texts(texts):
                    return tool.ask(_request(arguments, texts, workspace))
        except deadline.OutOfTimeError:
            return answers.error_answer("stopped: time limit exceeded (give fewer or smaller paths)")
        except PassRoleChecksError as error:
            return answers.error_answer(str(error))
        except Exception as error:
            return answers.error_answer(internal_error(error))
        finally:
            clear_identity_caches()  # which keep what this call has read


def _located_texts(arguments: Mapping[str, Any], workspace: Workspace) -> dict[str, str]:
    """Return the contents that are not saved, by path. Raises a :class:`PassRoleChecksError`."""
    texts: dict[str, str] = {}
    for entry in arguments.get("texts", ()):
        path = workspace.locate(entry["path"], may_be_new=True)
        if os.path.isdir(path) or path in texts:
            raise ConfigurationError(f"texts: {entry['path']} is a folder, or has two texts")
        texts[path] = entry["text"]
    return texts


def _request(arguments: Mapping[str, Any], texts: Mapping[str, str], workspace: Workspace) -> Request:
    """Return the resolved arguments. Raises a :class:`PassRoleChecksError`."""
    from passrole_checks.api import ScanOptions

    paths = map(workspace.locate, arguments.get("paths", ()))
    severity = Severity(arguments.get("severity", Severity.LOW.value))
    return Request(
        tuple(dict.fromkeys(paths)) or tuple(texts) or workspace.roots,
        int(arguments.get("limit", LIMIT)),
        ScanOptions(account=arguments.get("account"), minimum_severity=severity),
        (Grade.EQUIVALENT, *map(Grade, arguments.get("grades", ()))),
        arguments.get("check"),
    )


def _validate(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raise a :class:`ConfigurationError` for arguments that do not follow their schema."""
    from jsonschema import Draft202012Validator  # which the SDK depends on
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(dict(arguments)))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "arguments"
        raise ConfigurationError(f"{where}: {cut_in_the_middle(error.message, _LONGEST_MESSAGE)}")  # has the value


# -- the tools


def _scan(request: Request) -> Answer:
    from passrole_checks import api
    from passrole_checks.output.findings_text import scan_lines, scan_summary
    from passrole_checks.output.json_output import scan_json

    result = api.scan(request.paths, request.options)
    _require_code(request, result.files, result.unreadable, anything=bool(result.grants))
    result = replace(result, findings=tuple(sorted(result.findings, key=_badness)))
    document = answers.bounded_document(scan_json(result), request.limit)
    shown = replace(result, findings=result.findings[: len(document["findings"])])
    text = [_plain(scan_lines(shown, quiet=True)), *_problems(result.unreadable, request.limit)]
    return _answer(document, *text, _plain([scan_summary(result)]), _not_evaluated(result.not_evaluated))


def _badness(finding: Finding) -> tuple[object, ...]:
    return (finding.suppressed is not None, -finding.severity.rank, -finding.confidence.rank, finding.at.file)


def _grants(request: Request) -> Answer:
    from passrole_checks import api
    from passrole_checks.output.findings_text import grants_lines, grants_summary
    from passrole_checks.output.json_output import grants_json

    result = api.scan(request.paths, request.options)
    _require_code(request, result.files, result.unreadable, anything=bool(result.grants))
    listed = sorted(api.inventory(result), key=_width)
    document = answers.bounded_document(grants_json(result, listed), request.limit)
    shown = grants_lines(result, listed[: len(document["grants"])], quiet=True)
    text = [_plain(shown), *_problems(result.unreadable, request.limit)]
    return _answer(document, *text, _plain(grants_summary(result, listed)))


def _width(located: LocatedGrant) -> tuple[object, ...]:
    grant = located.grant
    return (located.effect_on_passrole != "allow", grant.denied, grant.scope.width, grant.at.file, grant.at.line)


def _required(request: Request) -> Answer:
    from passrole_checks import api
    from passrole_checks.output.findings_text import error_summary
    from passrole_checks.output.required import required_json, required_lines

    result = api.required(request.paths, request.options)
    _require_code(request, result.files, result.unreadable, anything=bool(result.required.received))
    arguments = (result.unreadable, result.not_evaluated, result.excluded)
    document = answers.bounded_document(required_json(result.required, *arguments), request.limit)
    error = error_summary(result.unreadable, result.files, anything=bool(result.required.received))
    lines = required_lines(result.required, len(result.files), error, result.not_evaluated, result.excluded)
    return _answer(document, _plain(lines), *_problems(result.unreadable, request.limit))


def _suggest(request: Request) -> Answer:
    from passrole_checks import api
    from passrole_checks.output import suggest as output
    from passrole_checks.scan.group_findings import findings_by_statement
    from passrole_checks.suggest.edits import edited_files

    statements: list[list[Finding]] = []

    def worst(result: ScanResult) -> list[Finding]:
        """Return the findings on the worst statements: each takes time, and no more are listed."""
        open_findings = (finding for finding in result.findings if finding.suppressed is None)
        statements.extend(findings_by_statement(sorted(open_findings, key=_badness)))
        return [finding for statement in statements[: request.limit] for finding in statement]

    result = api.suggest(
        request.paths,
        request.options,
        select=worst,
        include_info=request.options.minimum_severity is Severity.INFO,
        grades=request.grades,
    )
    _require_code(request, result.files, result.unreadable, anything=bool(result.findings))
    texts = result.session.texts
    suggestions = [_with_plain_edits(one) for one in sorted(result.suggestions, key=_worst)]
    problems = (result.unreadable, result.not_evaluated, result.excluded)
    patch = output.patch_of(result.changed, texts)
    more = max(len(statements) - request.limit, 0)
    document = answers.bounded_document(
        output.suggestions_json(suggestions, patch, *problems), request.limit, suggestions=more
    )
    shown = suggestions[: len(document["suggestions"])]
    lines = output.suggestion_lines(shown, texts, lambda one: edited_files(one.edits, texts))
    text = [_plain(lines), *_problems(result.unreadable, request.limit)]
    return _answer(document, *text, _counts(suggestions), _not_evaluated(result.not_evaluated))


def _counts(suggestions: Sequence[Suggestion]) -> str:
    """Return how many statements the edits narrow, and how many need manual review."""
    edited = sum(bool(suggestion.edits) for suggestion in suggestions)
    if not suggestions:
        return "nothing to suggest"
    return f"edits for {count_noun(edited, 'statement')}; {len(suggestions) - edited} to review manually"


def _worst(suggestion: Suggestion) -> tuple[object, ...]:
    ranks = [finding.severity.rank for finding in (*suggestion.findings, *suggestion.less_severe)]
    return (-max(ranks, default=0), suggestion.at.file, suggestion.at.line)


def _with_plain_edits(suggestion: Suggestion) -> Suggestion:
    """Return a suggestion without edits that contain invisible characters, which must not reach a model."""
    if all(map(answers.is_plain, (suggestion.statement, *(edit.text for edit in suggestion.edits)))):
        return suggestion
    why = "the edit, which is not shown since the code has invisible characters there"
    return replace(suggestion, edits=(), grade=None, statement="", missing=(*suggestion.missing, why))


def _explain(request: Request) -> Answer:
    from passrole_checks import api
    from passrole_checks.output.check_pages import list_checks

    return Answer(list_checks() if request.check is None else api.explain(request.check))


def _require_code(
    request: Request, files: Iterable[str], unreadable: Sequence[Unreadable], *, anything: bool = False
) -> None:
    """Raise a :class:`ConfigurationError` if nothing was read: that is no clean result. ``anything``: there are
    results."""
    if anything or set(files) - {entry.file for entry in unreadable}:
        return
    from passrole_checks.escaping.shorten import listed
    from passrole_checks.escaping.terminal import display_path
    from passrole_checks.sources.recognize import NOTHING_HERE

    names = listed([*map(display_path, request.paths)])
    raise ConfigurationError("; ".join(_problems(unreadable, LIMIT)) or f"{names}: {NOTHING_HERE}")


def _answer(document: dict[str, Any], *parts: str) -> Answer:
    """Return a structured answer and its text, which names what was left out of both."""
    omitted = answers.omitted_in_words(document[answers.OMITTED], document)
    text = answers.bounded_text(answers.lines_of(*parts).rstrip("\n"))
    return Answer(answers.lines_of(text, omitted, answers.REMARK), document)


def _plain(lines: Iterable[Line]) -> str:
    from passrole_checks.output.findings_text import to_plain_text

    return to_plain_text(lines)


def _problems(unreadable: Sequence[Unreadable], limit: int) -> list[str]:
    """Return a line for each file that could not be read."""
    from passrole_checks.output.findings_text import file_and_line

    return [f"ERROR: {file_and_line(entry.file, entry.line)}: {entry.reason}" for entry in unreadable[:limit]]


def _not_evaluated(notes: Sequence[Unreadable]) -> str:
    from passrole_checks.output.findings_text import not_evaluated_notes

    return _plain(not_evaluated_notes(notes, verbose=False))


_COMMON = {"paths": _PATHS, "texts": _TEXTS, "limit": _LIMIT, "account": _ACCOUNT}

TOOLS = (
    Tool(
        "scan",
        "Scan for overly permissive iam:PassRole",
        "Find overly permissive iam:PassRole access in Terraform, CloudFormation and SAM code. Use it after writing IAM"
        " policies or roles, also on text that is not saved yet.",
        {**_COMMON, "severity": _SEVERITY},
        _scan,
        "scan",
    ),
    Tool(
        "grants",
        "List iam:PassRole grants",
        "List which principals can pass which IAM roles to which AWS services: every statement that grants or denies"
        " iam:PassRole, flagged or not, widest first.",
        _COMMON,
        _grants,
        "grants",
    ),
    Tool(
        "required",
        "List required iam:PassRole permissions",
        "Return the least-privilege iam:PassRole statements that deploying this code needs.",
        _COMMON,
        _required,
        "required",
    ),
    Tool(
        "suggest",
        "Suggest narrower iam:PassRole statements",
        "Return verified edits that narrow flagged iam:PassRole statements, and a patch. Writes nothing. Offsets of"
        " edits count characters of the file.",
        {**_COMMON, "severity": _SEVERITY, "grades": _GRADES},
        _suggest,
        "suggest",
    ),
    Tool(
        "explain",
        "Explain a check",
        "Explain a check of passrole-checks: the problem, the risk, the fix, and examples.",
        {"check": _CHECK},
        _explain,
    ),
)
"""All tools, in the order in which clients list them."""
