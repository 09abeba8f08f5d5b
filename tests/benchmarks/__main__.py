"""How fast it is, in ratios: this program beside bare parsers, checkov and cfn-lint, on corpora made here::

    python -m tests.benchmarks            # the table; needs checkov and cfn-lint, takes about twenty minutes
    python -m tests.benchmarks --write    # and puts it into docs/concepts/speed.md, with the plot
    python -m tests.benchmarks --only terraform-parse --only repeated
    python -m tests.benchmarks --profile  # where the time of a scan goes, by rooms
    python -m tests.benchmarks --quick    # tiny corpora: does it still work?

README.md in this folder says what is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from benchmarking import machine, plot, table
from benchmarking.rows import QUICK, ROWS, SIZES, Bench, Result, Row, Settings
from benchmarking.runs import ROOT, BenchmarkError, output
from benchmarking.scanners import profiled

PAGE = ROOT / "docs" / "concepts" / "speed.md"
PLOT = ROOT / "docs" / "pictures" / "growth.svg"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition("::")[0])
    parser.add_argument("--quick", action="store_true", help="tiny corpora, each command once: no figures to rely on")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS], default=[], metavar="ROW",
                        help=f"only these rows, repeatable: {', '.join(row.name for row in ROWS)}")  # fmt: skip
    parser.add_argument("--repeats", type=int, help="how often each command is run; the least is taken (default: 3)")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/concepts/speed.md")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot of growth here")
    parser.add_argument("--profile", action="store_true", help="instead: the shares of the rooms in a cold scan's time")
    asked = parser.parse_args(arguments)
    if asked.write and (asked.quick or asked.only):
        parser.error("--write puts all rows into the page, and no figures of --quick")
    settings = QUICK if asked.quick else Settings()
    if asked.repeats:
        settings = replace(settings, repeats=asked.repeats)
    rows = [row for row in ROWS if not asked.only or row.name in asked.only]
    if machine.missing() and any("checkov" in row.name or "cfn-lint" in row.name for row in rows):
        parser.error(f"not installed: {', '.join(machine.missing())} (the extra `all` brings them)")
    with tempfile.TemporaryDirectory(prefix="passrole-benchmark-") as folder:
        bench = Bench(Path(folder), settings, lambda what: print(f"… {what}", file=sys.stderr, flush=True))
        try:
            if asked.profile:
                print(_profile(bench), end="")
                return 0
            results = [(row, row.measure(bench)) for row in rows]
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 2
        report = _report(bench, results)
        if asked.write or asked.plot:
            files = {kind: bench.files(kind, SIZES[-1]) for kind in ("terraform", "templates")}
            drawn = plot.growth(SIZES, bench.growth, files)
            for file in [PLOT] * asked.write + [asked.plot] * bool(asked.plot):
                file.write_text(drawn, "utf-8")
    print(report, end="")
    if asked.write:
        PAGE.write_text(table.placed(PAGE.read_text("utf-8"), report), "utf-8")
    return 0


def _profile(bench: Bench) -> str:
    """The shares of both kinds of files, of a cold scan in one process."""
    tables = []
    for kind, path in (("Terraform", bench.terraform(SIZES[-1])), ("templates", bench.templates(SIZES[-1]))):
        bench.say(f"a profile, {kind}")
        told = output(profiled(path))
        tables.append(f"| {kind}, room | share |\n|---|---|\n{told}\n")
    return "".join(tables)


def _report(bench: Bench, results: list[tuple[Row, Result]]) -> str:
    terraform, templates = (bench.files(kind, SIZES[-1]) for kind in ("terraform", "templates"))
    return (
        f"{terraform:,} Terraform files and {templates:,} templates, generated; processor time of whole processes,\n"
        f"the least of {bench.settings.repeats} runs in turns; those with checkov or cfn-lint on a quarter of them.\n"
        f"{time.strftime('%Y-%m-%d')}, {machine.described()}.\n\n" + table.table(results) + "\n"
        "![Time and memory of a scan over the number of files: both grow in proportion](../pictures/growth.svg)\n"
    )


if __name__ == "__main__":
    sys.exit(main())
