"""Outputs lead to the page of a check where the documentation is published, else to AWS's page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from documentation_pages import ROOT, SITE

from passrole_checks import findings
from passrole_checks.checks import ALL
from passrole_checks.findings import GUIDE, check_page_url
from passrole_checks.output.findings_markdown import scan_markdown
from passrole_checks.output.page_texts import finding_text
from passrole_checks.output.sarif import scan_sarif
from passrole_checks.scan.scanner import ScanOptions, scan_paths

SAMPLE = ROOT / "sample_templates" / "001-any-role" / "terraform" / "flagged"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> str:
    address = "https://docs.example.com/passrole/"
    monkeypatch.setattr(findings, "SITE", address)
    return address


def test_each_check_has_the_page_that_its_address_names(published: str) -> None:
    """The path of the address is that of a file of the site."""
    for check in ALL:
        path = check_page_url(check.id).removeprefix(published).rstrip("/")
        assert Path(SITE, f"{path}.md").is_file()


def addresses_of_rules() -> dict[str, str]:
    result = scan_paths([SAMPLE], ScanOptions())
    rules = json.loads(scan_sarif(result, ALL))["runs"][0]["tool"]["driver"]["rules"]
    return {rule["id"]: rule["helpUri"] for rule in rules}


def test_unpublished_pages_are_not_linked() -> None:
    """Without an address, rules lead to AWS's page, and Markdown has no link."""
    assert set(addresses_of_rules().values()) == {GUIDE}
    assert "**PASSROLE_001 any-role**" in scan_markdown(scan_paths([SAMPLE], ScanOptions()))


def test_published_pages_are_linked(published: str) -> None:
    """With an address, rules and Markdown lead to the page of the check."""
    assert addresses_of_rules() == {check.id: f"{published}checks/{check.id}/" for check in ALL}
    link = f"**[PASSROLE_001 any-role]({published}checks/PASSROLE_001/)**"
    assert link in scan_markdown(scan_paths([SAMPLE], ScanOptions()))
    (finding, *_) = scan_paths([SAMPLE], ScanOptions()).findings
    assert f'<a href="{published}checks/PASSROLE_001/"' in finding_text(finding)
