"""The grants as GitHub Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.escaping.markup import prose
from passrole_checks.iam.values.nodes import Position
from passrole_checks.output.grants_markdown import MOST_EDGES, MOST_ROWS, grants_markdown
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Unreadable

ACCOUNT = "arn:aws:iam::111122223333"


def scanned(*statements: Mapping[str, object], users: tuple[str, ...] = ("ann",)) -> ScanResult:
    resources = {
        f"P{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Users": [users[number % len(users)]],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", **statement}],
                },
            },
        }
        for number, statement in enumerate(statements)
    }
    Path("t.json").write_text(json.dumps({"Resources": resources}, indent=1), "utf-8")
    return scan_paths([Path("t.json")], ScanOptions())


def markdown(result: ScanResult) -> str:
    return grants_markdown(result, result.grants)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_page_of_one_template() -> None:
    """The page has a summary, the diagram, a table of statements (most severe first), and the findings by severity."""
    condition = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    result = scanned({"Resource": f"{ACCOUNT}:role/app-*", "Condition": condition, "Sid": "Apps"}, {"Resource": "*"})
    (high,) = result.findings
    assert markdown(result) == (
        "## PassRole access\n"
        "\n"
        "2 PassRole grants in 1 file; 1 finding: 1 high.\n"
        "\n"
        "```mermaid\n"
        "flowchart LR\n"
        '  n0(["ann"]):::high\n'
        '  n1["app-*<br/>name pattern, 111122223333"]:::none\n'
        '  n2{{"lambda.amazonaws.com"}}:::none\n'
        '  n3["any role<br/>in the account"]:::high\n'
        '  n4{{"any service"}}:::high\n'
        "  n0 ==> n3\n"
        "  n3 ==> n4\n"
        "  n0 --> n1\n"
        "  n1 --> n2\n"
        "  linkStyle 0,1 stroke:#bb1f33\n"
        "  classDef high fill:#fce8ea,stroke:#bb1f33,stroke-width:3px,color:#1c2330\n"
        "  classDef none fill:#eef1f5,stroke:#7d899b,color:#1c2330\n"
        "```\n"
        "\n"
        "### Statements\n"
        "\n"
        "| severity | who | may pass | to | statement |\n"
        "|---|---|---|---|---|\n"
        "| **high** | `ann` | `any role` | `any service` | `t.json:36` |\n"
        f"|  | `ann` | `{ACCOUNT}:role/app-*` | `lambda.amazonaws.com` | `t.json:12` `Apps` |\n"
        "\n"
        "### High: 1 finding\n"
        "\n"
        f"- **PASSROLE_001 any-role** `t.json:36` `P1`<br>{prose(high.message)} *Instead:* {prose(high.remediation)}\n"
    )


def test_scanned_text_is_neither_markup_nor_mention() -> None:
    """Scanned names are entity codes in the diagram and code spans in the text."""
    name = '"]; click n0 href "x" <b>|`@octocat`'
    result = scanned({"Resource": f"{ACCOUNT}:role/app-*", "Sid": name}, users=(name,))
    text = markdown(result)
    label = "#34;#93;#59; #99;lick n0 href #34;x#34; #60;b#62;#124;#96;#64;octocat#96;"
    assert f'  n0(["{label}"]):::medium' in text
    assert '| `` "]; click n0 href "x" <b>\\|`@octocat` `` |' in text
    unread = ScanResult((), (), (Unreadable("a`b.tf", "<img> @octocat https://x.example *a* _b_", 3),), (), (), ())
    assert "- ``a`b.tf:3``: `<img> @octocat https://x.example *a* _b_`\n" in markdown(unread)


def test_backslashes_before_a_bar_do_not_end_a_cell() -> None:
    """A cell with a backslash before a bar stays one cell."""
    text = markdown(scanned({"Resource": f"{ACCOUNT}:role/app-*", "Sid": "a\\|b"}))
    assert "`a\\\\\\|b` |" in text


def test_mermaid_keywords_in_names_are_escaped() -> None:
    """Mermaid finds style and classDef anywhere in a line; their first letters are written as entity codes."""
    text = markdown(scanned({"Resource": f"{ACCOUNT}:role/app-*"}, users=("style a:#fff; classDef x",)))
    assert 'n0(["#115;tyle a#58;#35;fff#59; #99;lassDef x"])' in text


def test_many_links_are_grouped_with_a_note() -> None:
    """At most sixty arrows: principals and roles are merged by group, and a note counts omitted ones."""
    statements = [{"Resource": f"{ACCOUNT}:role/r{number}"} for number in range(40)]
    text = markdown(scanned(*statements, users=tuple(f"u{number}" for number in range(40))))
    assert text.count(" --> ") == 2
    assert "Too many links to draw (80): principals and roles are grouped by folder.\n" in text
    assert text.count("| low | `u") == 40


def test_omitted_arrows_are_noted() -> None:
    """If even the groups have too many arrows, the most severe are drawn."""
    for number in range(35):
        scanned({"Resource": f"{ACCOUNT}:role/r{number}"}, {"Resource": "*"}, users=("u", "v"))
        Path(f"f{number:02}").mkdir()
        Path("t.json").rename(f"f{number:02}/t.json")
    result = scan_paths(sorted(Path().glob("f*")), ScanOptions())
    text = markdown(result)
    assert text.count(" --> ") + text.count(" ==> ") == MOST_EDGES
    assert " arrows; highest severity of the others: low.\n" in text


def test_page_shows_empty_results_and_problems() -> None:
    """Missing grants or files, unreadable files and items not evaluated are shown."""
    assert "No PassRole grants in 1 file.\n" in markdown(ScanResult((), (), (), (), (), ("a.tf",)))
    assert "No Terraform, plan, CloudFormation, SAM or account files found.\n" in markdown(
        ScanResult((), (), (), (), (), ())
    )
    missing = Unreadable("main.tf", "module x is not here", 7)
    text = markdown(ScanResult((), (), (Unreadable("b.tf", "no block"),), (missing,), (), ("a.tf",)))
    assert "### Could not be read\n\n- `b.tf`: no block\n" in text
    assert "### Not evaluated\n\n- `main.tf:7`: module x is not here\n" in text


def test_long_lists_are_truncated_and_counted() -> None:
    """Of findings, statements and notes, the first are listed and the rest counted."""
    result = scanned({"Resource": "*"}, {"Resource": f"{ACCOUNT}:role/a"})
    (finding,) = (one for one in result.findings if one.check_id == "PASSROLE_001")
    notes = tuple(Unreadable("a.tf", f"reason {number}", number) for number in range(1, MOST_ROWS + 3))
    findings = tuple(replace(finding, group=str(number)) for number in range(MOST_ROWS + 1))
    many = replace(result, findings=findings, unreadable=notes)
    text = grants_markdown(many, result.grants)
    assert "- and 1 more\n" in text
    assert "- and 2 more\n" in text
    first = result.grants[0]
    grants = tuple(
        replace(first, grant=replace(first.grant, statement=replace(first.grant.statement, at=Position("t.json", n))))
        for n in range(1, MOST_ROWS + 5)
    )
    assert "6 more statements not listed." in grants_markdown(replace(result, grants=grants), grants)


def test_statements_known_from_findings_are_counted_separately() -> None:
    """Statements of AWS managed policies with findings are counted beside the grants of the files."""
    result = scanned({"Resource": "*"})
    assert "1 other statement with findings" in grants_markdown(result, ())
