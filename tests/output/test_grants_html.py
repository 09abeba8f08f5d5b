"""The text of the page of grants, and hostile names that stay text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from html_pages import Elements

from passrole_checks.cli import main
from passrole_checks.findings import Finding
from passrole_checks.output.grants_html import grants_html
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Suppression, Unreadable

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&"


def scanned(user: str = "ann", sid: str = "Pass", role: str = "app-*") -> ScanResult:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": f"arn:aws:iam::111122223333:role/{role}",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"Users": [user], "PolicyDocument": document}
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
    Path("t.json").write_text(json.dumps({"Resources": {"A": resource}}, indent=1), "utf-8")
    return scan_paths([Path("t.json")], ScanOptions())


def page(result: ScanResult) -> str:
    return grants_html(result, result.grants)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_page_shows_statements_with_findings() -> None:
    """Location, resource, Sid, principal, roles, source text, and each finding with its remedy."""
    text = " ".join(Elements(page(scanned())).text.split())
    for words in (
        "1 PassRole grant in 1 file",
        "1 finding 1 medium",
        "t.json:12",
        "Sid Pass",
        '"Resource": "arn:aws:iam::111122223333:role/app-*"',
        "any service (missing iam:PassedToService condition)",
        "PASSROLE_002 any-service",
        "Instead: Add",
    ):
        assert words in text


def test_page_is_deterministic_and_ascii() -> None:
    """Without a heading, the page contains no timestamp, random order or non-ASCII character."""
    assert page(scanned()) == page(scanned())
    assert page(scanned(user="\u00fc\u202e", sid="\U0001f600")).isascii()


def test_hostile_names_stay_text() -> None:
    """Markup in a name, Sid, role, message or reason creates no element and ends no script."""
    plain = Elements(page(scanned()))
    result = scanned(user=HOSTILE, sid=HOSTILE, role=f"{HOSTILE}*")
    hostile = replace(result.findings[0], message=HOSTILE, remediation=HOSTILE)
    result = replace(result, findings=(hostile,), not_evaluated=(Unreadable(f"{HOSTILE}.tf", HOSTILE, 1),))
    hostile = Elements(page(result))
    known = {"details", "summary", "ul", "li", "wbr"}  # of the list of what is not evaluated, and long names
    assert {tag for tag, _ in hostile.found} <= {tag for tag, _ in plain.found} | known
    assert [tag for tag, _ in hostile.found].count("script") == 2
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)
    assert hostile.text.count(HOSTILE) >= 6


def test_content_security_policy_allows_only_own_script_and_style() -> None:
    """The Content-Security-Policy has the digests of script and style, and allows no requests."""
    text = page(scanned())
    (policy,) = [
        attributes["content"] for tag, attributes in Elements(text).found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]  # fmt: skip
    digests = [
        base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for tag in ("style", "script")
        for content in re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[:1]
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    loading = {"src", "href", "action", "data", "style"}
    links = [value for _, attributes in Elements(text).found for name, value in attributes.items() if name in loading]
    assert [link for link in links if not str(link).startswith("#")] == []


def test_huge_texts_are_truncated() -> None:
    """A name of 100 KB is truncated, and its length is shown."""
    text = page(scanned(role="a" * 100_000))
    assert len(text) < 90_000
    assert "(100,031 characters)" in text


def finding(result: ScanResult, **changes: Any) -> ScanResult:
    found: Finding = result.findings[0]
    return replace(result, findings=(replace(found, **changes),))


def test_only_known_references_become_links() -> None:
    """The URL of an escalation path is a link; a URL in a scanned file is not."""
    known = "https://pathfinding.cloud/paths/lambda-001"
    result = finding(scanned(), message=f"See {known}, not https://evil.example/pathfinding.cloud/paths/x.")
    links = [str(attributes.get("href", "#")) for tag, attributes in Elements(page(result)).found if tag == "a"]
    assert [link for link in links if not link.startswith("#")] == [known]


def test_page_shows_empty_results_and_problems() -> None:
    """Missing grants or files, unreadable files and items not evaluated are shown."""
    nothing = ScanResult((), (), (), (), (), ("a.tf", "b.tf"))
    assert "No PassRole grants in 2 files." in page(nothing)
    assert "No Terraform, plan, CloudFormation, SAM or account files found." in page(replace(nothing, files=()))
    broken = replace(nothing, unreadable=(Unreadable("c.tf", "not HCL", 4),))
    text = Elements(page(broken)).text
    assert "Could not be read (1)" in text and "c.tf:4 not HCL" in text
    assert "ERROR: 1 of 3 files could not be read" in text
    missing = replace(nothing, not_evaluated=(Unreadable("a.tf", "module x is not here", 2),))
    text = Elements(page(missing)).text
    assert "Not evaluated (1)" in text and "a.tf:2 module x is not here" in text


def test_clean_grants_are_marked() -> None:
    """Without findings, the header and the statement say so."""
    text = " ".join(Elements(page(replace(scanned(), findings=()))).text.split())
    assert "no findings" in text


def test_statements_known_from_findings_are_counted_separately() -> None:
    """A statement of an AWS managed policy, or of an unchanged policy, is not one of the listed grants."""
    text = Elements(grants_html(scanned(), [])).text
    assert "0 PassRole grants in 1 file" in text and "1 other statement with findings" in text


def test_findings_without_a_statement_have_their_own_section() -> None:
    """A finding that belongs to no statement has a section of its own."""
    text = page(finding(scanned(), grant=None))
    assert '<section id="others" class="others"><h2>' in text
    assert "PASSROLE_002" in text.partition('id="others"')[2].partition('id="statements"')[0]


def test_grants_writes_html_and_markdown() -> None:
    """``grants`` writes both formats in one run; --all lists statements without effect as such."""
    scanned()
    access = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}]}
    queue = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": ["q"], "PolicyDocument": access}}
    Path("q.json").write_text(json.dumps({"Resources": {"Q": queue}}), "utf-8")
    formats = ["--format", "html", "--format", "markdown", "--output", "g.html", "--output", "g.md"]
    assert main(["grants", "t.json", "q.json", "--all", *formats]) == 0
    text = Elements(Path("g.html").read_text("ascii")).text
    assert "1 PassRole grant in 2 files" in text and "no effect on PassRole" in text
    assert Path("g.md").read_text("utf-8").count("| no effect: `Q` |") == 1


def test_suppressed_finding_is_shown_with_its_reason() -> None:
    """A suppressed finding is counted, and shown at its statement with the reason."""
    result = scanned()
    silenced = Suppression("PASSROLE_002", "broken glass", result.findings[0].at, "passrole")
    quiet = replace(result, findings=tuple(replace(one, suppressed=silenced) for one in result.findings))
    text = " ".join(Elements(page(quiet)).text.split())
    assert f"{len(result.findings)} suppressed" in text
    assert "Suppressed: broken glass" in text


def test_negated_service_condition_is_explained() -> None:
    """A statement that excludes services says so beside them."""
    condition = {"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    properties = {"Users": ["ann"], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
    Path("t.json").write_text(json.dumps({"Resources": {"A": resource}}, indent=1), "utf-8")
    assert "any service except these" in Elements(page(scan_paths([Path("t.json")], ScanOptions()))).text
