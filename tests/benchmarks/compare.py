"""Compare with other tools: what each reports about PassRole on the same inputs, and how long it takes::

    python -m tests.benchmarks.compare                    # installs the tools below a temporary folder; ten minutes
    python -m tests.benchmarks.compare --venvs FOLDER     # keeps their environments there for the next time
    python -m tests.benchmarks.compare --semgrep-rules CLONE --write  # with Semgrep, into docs/comparison.md

README.md in this folder says what is measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from benchmarking import corpora as generated
from benchmarking import machine, terraform_files
from benchmarking.runs import ROOT, Command, interleaved, output
from benchmarking.table import placed
from comparison import corpora, tools
from comparison.tools import Reports, Tool

PAGE = ROOT / "docs" / "comparison.md"
FILES = 300
_TOOL = ("tool", "reads")
_REPORTS = ("flagged samples", "clean samples", "pairs distinguished", "unsafe statements", "safe statements")
_PATHS = ("paths", "in two policies", "limited by a condition", "limited by a boundary")
_LISTED = 8  # pairs that are listed; of more, those are listed that are missing
_TIMES = "\n| {} Terraform files | processor time |\n|---|---|\n"


@dataclass(frozen=True, slots=True)
class Installed:
    """A tool and the environment that it is installed in; None for this program."""

    tool: Tool
    venv: Path | None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.compare", description=__doc__.partition("::")[0])
    parser.add_argument(
        "--venvs", type=Path, metavar="FOLDER", help="keep the environments of the tools in this folder"
    )
    parser.add_argument("--semgrep-rules", type=Path, metavar="CLONE", help="a clone of semgrep/semgrep-rules")
    parser.add_argument(
        "--repeats", type=int, default=3, help="how often the time is taken; the least counts (default: 3)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/comparison.md")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="passrole-compare-") as name:
        work = Path(name)
        installed = _install(asked.venvs or work / "venvs", asked.semgrep_rules)
        report = _versions(installed, asked.semgrep_rules) + _verdicts(work, installed)
        report += _times(generated.terraform(work / "files", FILES // terraform_files.FILES), installed, asked.repeats)
    print(report, end="")
    if asked.write:
        PAGE.write_text(placed(PAGE.read_text("utf-8"), report, "comparison"), "utf-8")
    return 0


def _install(folder: Path, semgrep_rules: Path | None) -> list[Installed]:
    """This program and each other tool, in an environment of its own, created if missing."""
    makers: dict[str, list[Callable[[Path], Tool]]] = {
        "checkov": [tools.checkov],
        "cfn-lint": [tools.cfn_lint],
        "cloudsplaining": [tools.cloudsplaining],
        "parliament": [tools.parliament, lambda where: tools.parliament(where, community=True)],
    }
    if semgrep_rules is not None:
        makers["semgrep"] = [lambda where: tools.semgrep(where, semgrep_rules.resolve())]
    installed = [Installed(tools.ours(), None)]
    for package, make in makers.items():
        where = (folder / package).resolve()
        if not where.is_dir():
            _say(f"installing {package}")
            venv.create(where, with_pip=True)
            subprocess.run([where / "bin/pip", "install", "--quiet", package], check=True)
        installed += [Installed(one(where), where) for one in make]
    return installed


def _versions(installed: list[Installed], semgrep_rules: Path | None) -> str:
    named = {one.tool.package: tools.version(one.tool, one.venv) for one in installed}
    listed = ", ".join(f"{package} {version}" for package, version in named.items())
    if semgrep_rules is not None:
        asked = ["-C", str(semgrep_rules), "log", "-1", "--format=%h of %cs"]
        listed += f", semgrep-rules {output(Command(asked, program='git')).strip()}"
    return f"{time.strftime('%Y-%m-%d')}: {listed}.\n\n"


def _verdicts(work: Path, installed: list[Installed]) -> str:
    """The tables of what each tool reports, one line for each form that it reads."""
    made = {
        "samples": corpora.samples(work / "samples"),
        "statements": corpora.statements(work / "statements"),
        "paths": corpora.paths(work / "paths"),
    }
    reports, paths = [(*_TOOL, *_REPORTS)], [(*_TOOL, *_PATHS)]
    for tool in (one.tool for one in installed):
        for form in tool.forms:
            _say(f"{tool.name}, {form}")
            statements = _statements(tool, made["statements"], form)
            reports.append((tool.name, form, *_samples(tool, made["samples"], form), *statements))
            if tool.escalation:
                paths.append((tool.name, form, *_escalations(tool, made["paths"], form)))
    return f"{_table(reports)}\n{_table(paths)}"


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *lines = (f"| {' | '.join(row)} |\n" for row in rows)
    return f"{head}{'|---' * len(rows[0])}|\n{''.join(lines)}"


def _samples(tool: Tool, folder: Path, form: str) -> list[str]:
    """Of the pairs of samples: how many flagged and clean ones a tool reports, and which pairs it distinguishes."""
    reports = tool.run(folder, form)
    pairs = sorted({*_cases(folder / form / "flagged")} & {*_cases(folder / form / "clean")})
    hits = [case for case in pairs if reports.get(f"flagged/{case}")]
    alarms = _alarms(reports, pairs, "clean")
    distinguished = [case for case in hits if case not in alarms]
    missing = [case for case in pairs if case not in distinguished]
    listed = ", ".join(case[:3] for case in distinguished) or "none"
    if len(distinguished) > _LISTED:
        listed = "all but " + ", ".join(case[:3] for case in missing) if missing else "all"
    return [f"{len(hits)} of {len(pairs)}", f"{len(alarms)} of {len(pairs)}", listed]


def _statements(tool: Tool, folder: Path, form: str) -> list[str]:
    """How many of the unsafe and of the safe statements a tool reports."""
    reports = tool.run(folder, form)
    unsafe, safe = _cases(folder / form / "unsafe"), _cases(folder / form / "safe")
    hits = [case for case in unsafe if reports.get(f"unsafe/{case}")]
    return [f"{len(hits)} of {len(unsafe)}", f"{len(_alarms(reports, safe, 'safe'))} of {len(safe)}"]


def _alarms(reports: Reports, cases: list[str], side: str) -> list[str]:
    """The clean cases with a report that is gone where the same text does not name iam:PassRole."""
    none: frozenset[str] = frozenset()
    return [
        case for case in cases if reports.get(f"{side}/{case}", none) - reports.get(f"{corpora.CONTROL}/{case}", none)
    ]


def _cases(folder: Path) -> list[str]:
    return sorted(case.name for case in folder.iterdir())


def _escalations(tool: Tool, folder: Path, form: str) -> list[str]:
    """How many paths a tool reports as privilege escalation, in each variant."""
    reports = tool.run(folder, form)
    cells = []
    for variant in corpora.VARIANTS:
        where = folder / form / variant
        cases = _cases(where) if where.is_dir() else []
        hits = [case for case in cases if reports.get(f"{variant}/{case}", frozenset()) & tool.escalation]
        cells.append(f"{len(hits)} of {len(cases)}" if cases else "none")
    return cells


def _times(folder: Path, installed: list[Installed], repeats: int) -> str:
    """The table of the processor time that each tool takes for a folder of Terraform files."""
    commands = {}
    for tool in (one.tool for one in installed if "terraform" in one.tool.forms):
        commands[tool.name] = tool.command(folder, "terraform")
        if tool.name == "checkov":
            some = [*commands[tool.name].arguments, "--check", ",".join(sorted(tool.rules))]
            commands["checkov, only the rules that count"] = Command(some, program=commands[tool.name].program)
    _say("times")
    files = sum(1 for _ in folder.rglob("*.tf"))
    lines = [f"| {name} | {taken.seconds:.1f} s |\n" for name, taken in interleaved(commands, repeats).items()]
    return _TIMES.format(files) + "".join(lines) + f"\n{machine.processor()}; the least of {repeats} runs.\n"


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
