"""Cases: inputs as a user writes them, with what commands find in them. CONTRIBUTING.md says how to write one.

A file is a case with its expectations as comments at its lines. A folder with ``expected.txt``, and a JSON file with
``NAME.expected.txt`` beside it, have them there. Expected are facts, never sentences. Each case runs on a copy outside
of this repository, through the command line. ``pytest --update-cases`` writes the expectations.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command_runs import run_command

CASES = Path(__file__).resolve().parent / "cases"
EXPECTED = "expected.txt"
COMMENTED = {".tf", ".tofu", ".hcl", ".yaml", ".yml"}
COMMANDS = {"scan", "grants", "diff", "required", "suggest"}
"""Commands whose JSON is shown as facts; of others, only the exit status is."""

VALUES = re.compile(
    r"`([^`]+)`"  # code font
    r"|(\barn:[^\s,;()`\"]*[^\s,;.:()`\"])"
    r"|([\w.*?-]+\.amazonaws\.com(?:\.cn)?)"
    r"|(\b[a-z0-9-]{2,}:[A-Z*][\w*?]*)"  # actions and condition keys
)
"""Values in a sentence: a case may expect these, not its wording."""

Entry = dict[str, Any]


class Fact(NamedTuple):
    """A fact that a command reports: at a line, or about a file or the whole."""

    file: str
    line: int | None
    text: str


def _cases(folder: Path = CASES) -> Iterator[Path]:
    """Yield the file or folder of each case."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from [path] if (path / EXPECTED).exists() else _cases(path)
        elif path.suffix in COMMENTED or _beside(path).exists():
            yield path


def _beside(case: Path) -> Path:
    return case / EXPECTED if case.is_dir() else case.with_suffix(f".{EXPECTED}")


ALL = list(_cases())


@pytest.mark.parametrize("case", ALL, ids=[case.relative_to(CASES).as_posix() for case in ALL])
def test_case(case: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The commands of a case report what it expects, and nothing else."""
    commented = case.is_file() and case.suffix in COMMENTED
    path, rendered = (case, _with_comments) if commented else (_beside(case), _transcript)
    expected = path.read_text("utf-8")
    actual = rendered(expected, case, tmp_path / "run")
    if actual != expected and request.config.getoption("--update-cases"):
        path.write_text(actual, "utf-8")
        expected, actual = actual, rendered(actual, case, tmp_path / "again")
        assert actual == expected, "comments change what is found in this text (a heredoc?): use a folder"
    if actual != expected:
        name = path.relative_to(CASES).as_posix()
        lines = difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), f"{name} (expected)", "actual", n=2, lineterm=""
        )
        pytest.fail("\n".join([*lines, "", "pytest --update-cases writes what is found now."]), pytrace=False)


def test_each_file_belongs_to_a_case() -> None:
    """Every file below ``tests/cases`` is an input or an expectation, so that none is kept without being run."""
    run = {*ALL, *(_beside(case) for case in ALL if case.is_file())}
    files = (path for path in CASES.rglob("*") if path.is_file() and path not in run and run.isdisjoint(path.parents))
    assert ALL and [path.relative_to(CASES).as_posix() for path in files] == []


def _copied(case: Path, to: Path) -> Path:
    if case.is_dir():
        return Path(shutil.copytree(case, to, symlinks=True, ignore=shutil.ignore_patterns(EXPECTED)))
    to.mkdir()
    shutil.copy(case, to)
    return to


def _with_comments(text: str, case: Path, folder: Path) -> str:
    """Return the text of a file with the facts about each line as a comment there, and the others at the end."""
    lines, facts = text.splitlines(), list[Fact]()
    commands = [line[3:] for line in lines if line.startswith("#> ") and line[3:].partition(" ")[0] in COMMANDS]
    _copied(case, folder)
    for command in commands or ["scan"]:
        reported, status = _run(command, folder)
        facts += [*reported, Fact("", None, f"exit {status}")] if status > 1 or not reported else reported
    at = {fact.line: _joined(other.text for other in facts if other.line == fact.line) for fact in facts}
    written = []
    for number, line in enumerate(lines, 1):
        code, marker, comment = line.partition("#> ")
        if code.strip() or not marker or comment in commands:
            kept = code.rstrip() if marker and code.strip() else line
            written.append(f"{kept}  #> {at[number]}" if number in at else kept)
    return "\n".join([*written, *(f"#> {fact.text}" for fact in facts if not fact.line), ""])


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(f"{times} x {text}" if times > 1 else text for text, times in Counter(texts).items())


def _transcript(text: str, case: Path, folder: Path) -> str:
    """Return ``expected.txt`` with the outputs of its commands, which run one after the other in one copy."""
    kept = [line for line in text.splitlines() if line.startswith(("#", "$ "))]
    assert any(line.startswith("$ ") for line in kept), f"no `$ passrole-checks …` in {_beside(case)}"
    written = list[str]()
    _copied(case, folder)
    for line in kept:
        written += ["", line] if written and not written[-1].startswith("#") else [line]
        if line.startswith("$ cat "):
            written += (folder / line[6:]).read_text("utf-8").splitlines()
        elif line.startswith("$ "):
            facts, status = _run(line.removeprefix("$ passrole-checks "), folder, "resource", "principals")
            at = (f"{fact.file}:{fact.line or ''} " if fact.file else "" for fact in facts)
            written += [*(before + fact.text for before, fact in zip(at, facts, strict=True)), f"exit {status}"]
    return "\n".join([*written, ""])


def _run(command: str, folder: Path, *columns: str) -> tuple[list[Fact], int]:
    """Return the facts that a command reports, with ``columns`` or those after ``|``, and its exit status."""
    command, _, named = command.partition(" | ")
    arguments = shlex.split(command)
    if arguments[0] not in COMMANDS or "--format" in arguments:
        return [], run_command(*arguments, cwd=folder).returncode
    done = run_command(*arguments, "--format", "json", cwd=folder)
    report = json.loads(done.stdout) if done.stdout else {}
    return list(_facts(report, tuple(named.split(", ")) if named else columns)), done.returncode


def _facts(report: Entry, columns: tuple[str, ...]) -> Iterator[Fact]:
    for kind, text_of in KINDS.items():
        for entry in _entries(report, kind):
            extras = [shown for column in columns if (shown := _column(entry, column))]
            if entry.get("confidence", "high") != "high":
                extras.insert(0, f"{entry['confidence']} confidence")
            shown = text_of(entry, kind.replace("_", " ")) + (f" ({', '.join(extras)})" if extras else "")
            yield Fact(entry.get("file") or "", entry.get("line"), shown)
    if isinstance(report.get("unchanged"), int):
        yield Fact("", None, f"unchanged: {report['unchanged']}")
    if "summary" in report and not report["findings"]:
        yield Fact("", None, f"statements without finding: {report['summary']['grants']}")


def _entries(report: Entry, kind: str) -> list[Entry]:
    """Return a list of a report without what repeats others: sentences, and who may read the roles that are passed."""
    entries = (entry for entry in report.get(kind) or () if isinstance(entry, dict))
    return [entry for entry in entries if kind != "statements" or entry["Action"] == "iam:PassRole"]


def _column(entry: Entry, column: str) -> str:
    missing = "; ".join(entry.get("missing") or ())
    sentences = {"values": entry.get("message", entry.get("reason")), "remedy": entry.get("remediation")}
    sentence = (sentences | {"missing": missing, "says": entry.get("says")}).get(column)
    if sentence:
        values = dict.fromkeys("".join(groups) for groups in VALUES.findall(sentence))
        return " ".join(value for value in values if value not in ("iam:PassRole", "iam:PassedToService"))
    if column in ("missing", "says"):
        return ""
    if column == "grant":
        return _access(entry["grant"]) if entry.get("grant") else ""
    if column == "principals" and "effect" in entry:
        return ""  # a grant begins with them
    shown = " ".join(_listed(entry.get(column) or "").split())
    off = ", off by default" if entry.get("off_by_default") else ""
    return f"when {shown}{off}" if shown and column == "when" else shown


def _listed(value: object) -> str:
    return " & ".join(map(str, value)) if isinstance(value, list) else str(value)


def _access(grant: Entry) -> str:
    """Return who can pass which roles to which services."""
    services, roles = grant["services"], _listed([role["pattern"] for role in grant["roles"]])
    to = _listed(services["values"]) or "any service"
    to += "" if services["constraint"] in ("exact", "absent") else f" ({services['constraint']})"
    return f"{_listed(grant['principals']) or '?'} -> {'all but ' * grant['not_resource']}{roles} to {to}"


def _grant(entry: Entry, kind: str) -> str:
    effect, on_passrole = entry["effect"].lower(), entry["effect_on_passrole"]
    words = (
        "" if kind == "grants" else kind,
        entry.get("severity", ""),
        effect if effect == on_passrole else f"{effect} ({on_passrole})",
    )
    under = f" under {_listed(entry['other_conditions'])}" if entry["other_conditions"] else ""
    return f"{' '.join(filter(None, words))} {_access(entry)}{under}"


def _statement(entry: Entry, _: str) -> str:
    services = entry["Condition"]["StringEquals"]["iam:PassedToService"]
    return f"{entry['Sid']}: {_listed(entry['Resource'])} to {_listed(services)}"


def _suggestion(entry: Entry) -> str:
    findings, less_severe = (_listed(list(map(_finding, entry[key]))) for key in ("findings", "less_severe"))
    grade = f"{entry['grade'] or 'manual'}{' on request' if entry['on_request'] else ''}"
    return " ".join(filter(None, (grade, findings, less_severe and f"(less severe: {less_severe})")))


def _finding(entry: Entry, _: str = "") -> str:
    suppressed = " suppressed" if entry.get("suppressed") else ""
    return f"{entry['check_id'].rpartition('_')[2]} {entry['severity']}{suppressed}"


def _note(entry: Entry, kind: str) -> str:
    return f"{kind}: {entry['kind']}" if entry.get("kind") else kind


KINDS: dict[str, Callable[[Entry, str], str]] = {
    "findings": _finding,
    "suggestions": lambda entry, _: _suggestion(entry),
    "required": lambda entry, _: f"{entry['role']} to {_listed(entry['services'])} ({entry['how']})",
    "statements": _statement,
    "already_allowed": lambda entry, _: f"already allowed: {entry['principal']} ({_listed(entry['statements'])})",
    **dict.fromkeys(("grants", "new", "widened", "narrowed", "removed", "moved"), _grant),
    **dict.fromkeys(("unreadable", "faults", "not_evaluated", "notes", "unused_suppressions"), _note),
}
"""Lists in the JSON outputs of commands, and what is shown of an entry."""
