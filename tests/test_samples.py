"""The sample templates have exactly the findings and output recorded next to them.

``expected.json`` has one row per finding: check, file (below the sample's folder), line, resource, severity.
``suppressed.json`` has the suppressed ones; ``expected.txt``, ``grants.txt`` and ``tree.txt`` the output of ``scan``,
``grants`` and ``grants --format tree`` with ``--verbose``; ``options.json`` the options of the sample (``account``,
``account-details``, ``inventory``, ``parameters``, ``severity``, ``source``, ``var-file``).
``python -m tools.regenerate`` writes these files.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import expected_outputs
import pytest
import sample_inventory
from sample_folders import FOLDERS, ROOT, SAMPLES, options_of, scan_options_of

from passrole_checks.checks import ALL
from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

CHECKS = [name for name in FOLDERS if name[:3].isdigit()]
OUTPUTS = {"expected.txt": "scan", "grants.txt": "grants", "tree.txt": "grants --format tree"}
"""Files beside samples, with the commands that print them."""
FORMATS = {"terraform", "plan", "cloudformation", "sam"}
PLANNED = [  # those that hold Terraform and its plan
    name
    for name in FOLDERS
    if {"plan", "terraform"} <= {path.name for path in (SAMPLES / name).iterdir()}
    and name not in ("014-unresolved", "015-new-access", "everyday")
]
SUFFIXES = (
    *(".tf", ".tofu", ".tfvars", ".hcl", ".yaml", ".json", ".toml"),
    *(".cfn", ".cloudformation", ".j2", ".stack", ".tpl"),  # templates and policy documents, by their content
)
NEW_ACCESS = "PASSROLE_015"  # which only a plan has, because only a plan says what was before

Row = tuple[str, str, int, str, str]


@pytest.fixture(autouse=True)
def _repository_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    kept = "PASSROLE_CHECKS_CACHE_DIR"
    for name in [name for name in os.environ if name.startswith("PASSROLE_CHECKS_") and name != kept]:
        monkeypatch.delenv(name)


def formats_of(folder: str) -> set[str]:
    return {"plan"} if folder.startswith("015") else FORMATS


@functools.cache
def scan(folder: str, **changes: str) -> ScanResult:
    return scan_paths([Path("sample_templates", folder)], scan_options_of(folder, **changes))


def row(finding: Finding, folder: str) -> Row:
    file, line = below(folder, finding.at.file), finding.at.line
    return finding.check_id, file, line, finding.resource.address, finding.severity.value


def rows(result: ScanResult, folder: str, *, suppressed: bool = False) -> list[Row]:
    return sorted(
        (row(finding, folder) for finding in result.findings if bool(finding.suppressed) is suppressed), key=in_order
    )


def in_order(item: Row) -> tuple[str, int, str, str]:
    return item[1], item[2], item[0], item[3]


def recorded(folder: str, name: str) -> list[Row]:
    path = SAMPLES / folder / name
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return sorted((tuple(item) for item in found), key=in_order)


def printed(folder: str, command: str = "scan") -> str:
    """Return the output of ``passrole-checks COMMAND --verbose sample_templates/FOLDER`` with the sample's options."""
    arguments = [*command.split(), "--verbose", f"sample_templates/{folder}"]
    for name, value in options_of(folder).items():
        arguments += [f"--{name}", value]
    return expected_outputs.printed(*arguments)


def below(folder: str, file: str) -> str:
    """A file as the scan names it, from the sample's folder."""
    return Path(file).resolve().relative_to(SAMPLES / folder).as_posix()


def templates_of(folder: str) -> set[str]:
    """All files of a sample that are infrastructure code: those in a folder for a format."""
    return {
        path.relative_to(SAMPLES / folder).as_posix()
        for path in (SAMPLES / folder).glob("*/**/*")
        if (
            path.suffix in SUFFIXES
            or (path.suffix == ".yml" and path.relative_to(SAMPLES / folder).parts[0] == "serverless")
        )
        and path.name != "manifest.json"
        and not path.name.endswith(".tftest.hcl")
        and path.relative_to(SAMPLES / folder).parts[0] != "logs"
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_findings_are_the_expected_ones(folder: str) -> None:
    """A sample has exactly the findings in ``expected.json``."""
    assert rows(scan(folder), folder) == recorded(folder, "expected.json")


@pytest.mark.parametrize("folder", FOLDERS)
def test_suppressed_findings_are_the_expected_ones(folder: str) -> None:
    """A sample's suppressions apply to exactly the findings in ``suppressed.json``, and none is unused."""
    result = scan(folder)
    assert rows(result, folder, suppressed=True) == recorded(folder, "suppressed.json")
    assert result.unused_suppressions == ()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_template_is_read(folder: str) -> None:
    """No template of a sample is passed over or unreadable, so that its silence means something."""
    result = scan(folder)
    assert result.unreadable == ()
    filled_in = {file for file in result.files if file.endswith(".tftpl")}  # the templates of stacks among them
    assert {below(folder, file) for file in {*result.files} - filled_in} == templates_of(folder)


@pytest.mark.parametrize(
    "path",
    [path for name in OUTPUTS for path in sorted(SAMPLES.glob(f"*/{name}"))],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_text_is_the_expected_one(path: Path) -> None:
    """The command line prints exactly the text in ``expected.txt``, ``grants.txt`` and ``tree.txt``."""
    assert printed(path.parent.name, OUTPUTS[path.name]) == path.read_text(encoding="utf-8")


def test_every_check_has_a_sample_and_every_sample_a_check() -> None:
    """The folders are the checks' numbers and names."""
    assert sorted(f"{check.id.removeprefix('PASSROLE_')}-{check.name}" for check in ALL) == CHECKS


@pytest.mark.parametrize("folder", CHECKS)
def test_every_flagged_file_shows_its_check(folder: str) -> None:
    """Each flagged template is flagged by the check that its folder is about, in all four formats."""
    flagged = {file for file in templates_of(folder) if "flagged" in file}
    own = f"PASSROLE_{folder[:3]}"
    assert flagged <= {item[1] for item in recorded(folder, "expected.json") if item[0] == own}
    assert {file.split("/")[0] for file in flagged} == formats_of(folder)


@pytest.mark.parametrize("folder", CHECKS)
def test_clean_files_grant_passrole_without_findings(folder: str) -> None:
    """Each clean template grants PassRole and has no findings, not even info."""
    clean = {file for file in templates_of(folder) if "clean" in file}
    result = scan(folder, severity="info")
    # whatever a plan creates is new access
    said = [item for item in result.findings if item.check_id != NEW_ACCESS or folder.startswith("015")]
    assert {below(folder, finding.at.file) for finding in said} & clean == set()
    assert clean <= {below(folder, item.grant.at.file) for item in result.grants if item.effect_on_passrole == "allow"}
    assert {file.split("/")[0] for file in clean} == formats_of(folder)


@pytest.mark.parametrize("folder", PLANNED)
def test_plan_has_the_findings_of_its_terraform(folder: str) -> None:
    """The plan and its Terraform code give the same checks on the same statements of the same resources."""
    result = scan(folder)

    def said_of(kind: str) -> set[tuple[str, str, str | None, str]]:
        return {
            (finding.check_id, finding.resource.address, finding.sid, finding.severity.value)
            for finding in result.findings
            if below(folder, finding.at.file).startswith(f"{kind}/")
            and "trusted-by-one-service" not in finding.at.file
            and finding.check_id != NEW_ACCESS
        }

    assert said_of("plan") == said_of("terraform")


@pytest.mark.parametrize("file", ["codepipeline.json", "create-stack.json", "plain.json", "samconfig.toml"])
def test_values_of_parameters_are_read_in_every_form(file: str) -> None:
    """Each form of a file of parameters gives the findings of the sample, which are others without one."""
    given = scan("parameters", parameters=f"sample_templates/parameters/{file}")
    assert rows(given, "parameters") == recorded("parameters", "expected.json")
    assert rows(scan_paths([SAMPLES / "parameters"], ScanOptions()), "parameters") != rows(given, "parameters")


@pytest.mark.slow
def test_samples_do_not_affect_each_other() -> None:
    """All samples in one run give what each gives alone, and findings about names that another one declares.

    Except for the one that reads what another one passes, by way of an inventory.
    """
    options = ScanOptions(minimum_severity=Severity.INFO)
    folders = [Path("sample_templates", folder) for folder in FOLDERS if folder != "across-repositories"]
    together, apart = (
        Counter(
            (item.check_id, item.at, item.resource.address, item.severity, item.suppressed is None)
            for paths in runs
            for item in scan_paths(paths, options).findings
        )
        for runs in ([folders], [[folder] for folder in folders])
    )
    assert not apart - together
    assert {row[0] for row in together - apart} == {"PASSROLE_001", "PASSROLE_009", "PASSROLE_011"}


def test_cross_account_needs_the_account() -> None:
    """Roles of another account are not reported if the deployment account is unknown."""
    result = scan_paths([Path("sample_templates/005-cross-account")], ScanOptions())
    assert rows(result, "005-cross-account") == []


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files beside the samples, with the findings and the text of the samples now."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as temporary:
        yield sample_inventory.PATH, sample_inventory.recorded_inventory(Path(temporary))
    for folder in FOLDERS:
        result = scan(folder)
        for name, suppressed in (("expected.json", False), ("suppressed.json", True)):
            found = rows(result, folder, suppressed=suppressed)
            path = SAMPLES / folder / name
            if found or path.exists():
                lines = ",\n".join(f"  {json.dumps(list(item))}" for item in found)
                yield path, f"[\n{lines}\n]\n" if found else "[]\n"
        for name, command in OUTPUTS.items():
            if (SAMPLES / folder / name).exists():
                yield SAMPLES / folder / name, printed(folder, command)
