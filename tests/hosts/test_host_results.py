"""Code that the adapters share, tested without a host."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.fail_closed import HostBlock
from passrole_checks.sources.model.configuration import Inputs
from passrole_checks.sources.terraform.reading.files import parse_bytes

ANY_ROLE = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
NO_ROLE = ANY_ROLE.replace("iam:PassRole", "iam:GetRole")


def module(folder: Path, policy: str, more: str = "") -> str:
    file = folder / "main.tf"
    file.write_text(f'resource "aws_iam_policy" "p" {{\n{more}\n  policy = jsonencode({policy})\n}}\n')
    return str(file)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ('aws_iam_policy.p["a.b"]', True),
        ("aws_iam_policy.p", True),
        ('aws_iam_policy.p["c"]', False),
        ("aws_iam_policy.q", False),
        ("module.m.aws_iam_policy.p", False),
    ],
)
def test_addresses(tmp_path: Path, address: str, found: bool) -> None:
    """An address finds its own instance, an address without a key all instances, and any other nothing."""
    answers = host_results.scan_for_host(module(tmp_path, ANY_ROLE, '  for_each = toset(["a.b"])'))
    assert bool(answers.findings_of("PASSROLE_001", address)) is found


def test_answers_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    """The same file is evaluated once, and again when it has changed, as a language server needs it."""
    file = module(tmp_path, ANY_ROLE)
    first = host_results.scan_for_host(file)
    assert host_results.scan_for_host(file) is first
    assert first.findings_of("PASSROLE_001", "aws_iam_policy.p")
    module(tmp_path, NO_ROLE, "  # of another length")
    assert not host_results.scan_for_host(file).findings_of("PASSROLE_001", "aws_iam_policy.p")


def test_parsed_files_are_kept_for_further_roots_until_released(tmp_path: Path) -> None:
    """Roots share modules, and a host's garbage collector visits what is kept for them."""
    file = module(tmp_path, ANY_ROLE)
    host_results.scan_for_host(file)
    parsed = file, Path(file).read_bytes()
    assert parsed in parse_bytes
    host_results.release_parsed_files()
    assert parsed not in parse_bytes


def test_a_root_is_not_walked(tmp_path: Path) -> None:
    """A folder's answers come from it and the modules that it calls, not from what happens to lie below it."""
    (tmp_path / "below").mkdir()
    module(tmp_path / "below", ANY_ROLE)
    answers = host_results.scan_for_host(module(tmp_path, NO_ROLE))
    assert answers.result is not None and not answers.of("PASSROLE_001")


def test_undetermined_results_have_a_reason(tmp_path: Path) -> None:
    """A file that is missing, is no text or is no infrastructure code has a reason, and a good one has none."""
    (tmp_path / "bytes.yaml").write_bytes(b"Resources: \xff")
    (tmp_path / "other.yaml").write_text("a: 1\n")
    for name in ("missing.yaml", "bytes.yaml", "other.yaml"):
        file = str(tmp_path / name)
        assert host_results.scan_for_host(file).template_failures(file), name
    file = module(tmp_path, ANY_ROLE)
    assert host_results.scan_for_host(file).template_failures(file) == ()


def test_what_a_host_does_not_offer_belongs_to_the_innermost_module_that_it_shows(tmp_path: Path) -> None:
    """Of findings on resources that a host does not offer, each instance goes to its own call, and to none if none."""
    for name in ("inner", "outer"):
        (tmp_path / name).mkdir()
    module(tmp_path / "inner", ANY_ROLE)
    (tmp_path / "outer" / "main.tf").write_text('module "inner" {\n  source = "../inner"\n}\n')
    caller = tmp_path / "main.tf"
    caller.write_text('module "m" {\n  source = "./outer"\n  for_each = toset(["a.b", "c"])\n}\n')
    answers = host_results.scan_for_host(str(caller))
    policy = "module.inner.aws_iam_policy.p"
    keys = [f'module.m["{key}"]' for key in ("a.b", "c")]

    def carried(offered: list[str], modules: list[str]) -> list[tuple[str | None, str]]:
        found = answers.elsewhere(offered, modules)
        return sorted(
            ((around, address) for around, address, finding in found if finding.check_id == "PASSROLE_001"), key=str
        )

    assert carried([], keys) == [(key, f"{key}.{policy}") for key in keys]
    assert carried([f"{keys[0]}.{policy}"], ["module.m"]) == [("module.m", f"{keys[1]}.{policy}")]
    assert carried([], ["module.m", "module.m.module.inner"]) == [
        ("module.m.module.inner", f"{key}.{policy}") for key in keys
    ]
    assert carried([], ["module.other"]) == [(None, f"{key}.{policy}") for key in keys]
    assert carried([f"module.m.{policy}"], keys) == []


def test_one_file_of_a_root(tmp_path: Path) -> None:
    """Asked for one file only, the answers are those of what stands in it, as on the command line."""
    file = module(tmp_path, ANY_ROLE)
    other = tmp_path / "other.tf"
    other.write_text("locals {}\n")
    assert host_results.scan_for_host(file, only=True).findings_of("PASSROLE_001", "aws_iam_policy.p")
    assert not host_results.scan_for_host(str(other), only=True).of("PASSROLE_001")


def test_inputs_of_the_host(tmp_path: Path) -> None:
    """A variable file that the host was given decides, and is read again when it has changed."""
    file = tmp_path / "main.tf"
    file.write_text(
        'variable "r" {}\nresource "aws_iam_policy" "p" {\n  policy = jsonencode('
        + ANY_ROLE.replace('"*"', "var.r")
        + ")\n}\n"
    )
    values = tmp_path / "given.tfvars"
    inputs = Inputs(var_files=(values,))
    values.write_text('r = "*"\n')
    assert host_results.scan_for_host(str(file), inputs=inputs).of("PASSROLE_001")
    values.write_text('r = "arn:aws:iam::111122223333:role/app-worker"\n')
    assert not host_results.scan_for_host(str(file), inputs=inputs).of("PASSROLE_001")
    assert not host_results.scan_for_host(str(file)).of("PASSROLE_001")


def test_notes_name_unreadable_files_and_missing_modules(tmp_path: Path) -> None:
    """An unreadable file and a missing module are one line each."""
    file = module(tmp_path, ANY_ROLE)
    (tmp_path / "calls.tf").write_text('module "m" {\n  source = "example/nowhere/aws"\n}\n')
    (tmp_path / "broken.tofu").write_bytes(b"locals {\n}\n\xff")
    unreadable, missing = host_results.scan_for_host(file).notes()
    assert "broken.tofu:3: cannot be read" in unreadable
    assert "calls.tf:1: not evaluated" in missing and "example/nowhere/aws" in missing


def test_a_suppression_in_a_module_block_holds_for_everything_in_the_call(tmp_path: Path) -> None:
    """All instances of the call, and no other call whose name begins alike."""
    (tmp_path / "inner").mkdir()
    module(tmp_path / "inner", ANY_ROLE)
    caller = tmp_path / "main.tf"
    caller.write_text(
        'module "m" {\n  # passrole:skip=PASSROLE_001 reviewed\n  source   = "./inner"\n  for_each = toset(["a"])\n}\n'
        'module "mm" {\n  source = "./inner"\n}\n'
    )
    answers = host_results.scan_for_host(str(caller))
    silenced = {address: bool(one.suppressed) for one in answers.of("PASSROLE_001") for address in one.uses}
    assert silenced == {'module.m["a"].aws_iam_policy.p': True, "module.mm.aws_iam_policy.p": False}
    assert answers.result is not None and not answers.result.unused_suppressions


def test_repeated_query_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host asks about each resource with each check; only the first time is the disk read."""
    file = module(tmp_path, '{"Statement": 7}')
    blocks = [HostBlock("p", "aws_iam_policy.p", file), HostBlock("q", "aws_iam_policy.q", str(tmp_path / "other.tf"))]
    answers = host_results.scan_for_host(file)
    told = answers.template_failures(file), answers.block_failures(blocks)
    assert told[0] and set(told[1]) == {"p", "q"}

    def looked(path: str, **_: object) -> str:
        raise AssertionError(f"{path} was looked at again")

    monkeypatch.setattr(os.path, "realpath", looked)
    assert (answers.template_failures(file), answers.block_failures(blocks)) == told


@pytest.mark.parametrize("text", ["locals {}\n", "\0"])
def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path, text: str) -> None:
    """However the engine ends, the host's own settings of garbage collection hold again."""
    before = gc.get_threshold()
    gc.set_threshold(650, 9, 8)
    try:
        file = tmp_path / "main.tf"
        file.write_text(text)
        host_results.scan_for_host(str(file))
        assert gc.get_threshold() == (650, 9, 8)
    finally:
        gc.set_threshold(*before)


def test_engine_exception_is_undetermined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in the engine is returned to the host as an undetermined result."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(host_results, "scan_paths", fail)
    file = tmp_path / "template.json"
    file.write_text('{"Resources": {}}')
    ((_, reason),) = host_results.scan_for_host(str(file)).template_failures(str(file))
    assert "internal error: RuntimeError: a fault" in reason
