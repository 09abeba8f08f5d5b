"""Skipped folders and symbolic links with infrastructure code are in ``not_evaluated``."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.cache.cached_scan import scan_with_cache
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths
from passrole_checks.sources import skipped_paths
from passrole_checks.sources.files.exclude_patterns import make_exclusions
from passrole_checks.sources.model.configuration import Inputs, NoteKind

POLICY = 'resource "aws_iam_policy" "p" {\n  policy = "{}"\n}\n'
TEMPLATE = "Resources:\n  B:\n    Type: AWS::S3::Bucket\n"


def put(folder: Path, /, **files: str) -> None:
    for name, text in {"main.tf": POLICY, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def noted(folder: Path, *given: Path) -> dict[str, str]:
    paths = list(given) or [folder]
    result = scan_paths(paths, ScanOptions())
    assert not result.faults
    read = read_paths(paths, ScanOptions())
    assert {note.file for note in read.notes} == {note.file for note in result.not_evaluated}
    return {Path(note.file).relative_to(folder).as_posix(): note.reason for note in result.not_evaluated}


@pytest.mark.parametrize("name", ["venv", "node_modules", ".aws-sam", ".serverless", ".cache", "a/site-packages"])
@pytest.mark.parametrize(
    ("file", "text"),
    [("x/main.tf", POLICY), ("build/t.yaml", TEMPLATE), ("t.json", '{"Resources": {"A": {"Type": "A::B::C"}}}')],
)
def test_skipped_folder_with_code_is_a_note(tmp_path: Path, name: str, file: str, text: str) -> None:
    """One per folder, with a file as an example."""
    put(tmp_path, **{f"{name}/{file}": text, f"{name}/other/main.tf": POLICY})
    notes = noted(tmp_path)
    assert list(notes) == [name] and ("main.tf" in notes[name] or file in notes[name])


def test_virtual_environment_is_a_note(tmp_path: Path) -> None:
    """Of any name."""
    put(tmp_path, **{"env/pyvenv.cfg": "", "env/lib/x.tf": POLICY})
    assert list(noted(tmp_path)) == ["env"]


@pytest.mark.parametrize(
    "file",
    ["node_modules/a/package.json", "node_modules/a/x.json", "venv/x.yaml", ".git/x.tf", ".terraform/modules/m/a.tf"],
)
def test_skipped_folder_without_code_is_no_note(tmp_path: Path, file: str) -> None:
    """Modules are read where a root module calls them."""
    put(tmp_path, **{file: POLICY if file.endswith("tf") else "{}"})
    assert not noted(tmp_path)


def test_excluded_folder_is_no_note(tmp_path: Path) -> None:
    """The user knows it; a link, too."""
    put(tmp_path, **{"venv/x.tf": POLICY})
    (tmp_path / "away.yaml").symlink_to("/etc/hostname")
    exclusions = make_exclusions(["venv/", "/away.yaml"], [tmp_path])
    assert not scan_paths([tmp_path], ScanOptions(inputs=Inputs(exclusions=exclusions))).not_evaluated


def test_large_folder_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot be searched within the limits."""
    monkeypatch.setattr(skipped_paths, "MAX_ENTRIES", 5)
    put(tmp_path, **{f"node_modules/p{number}/a": "" for number in range(10)})
    assert "too large" in noted(tmp_path)["node_modules"]
    monkeypatch.setattr(skipped_paths, "MAX_ENTRIES", 100)
    assert not noted(tmp_path)
    monkeypatch.setattr(skipped_paths, "MAX_READS", 2)
    put(tmp_path, **{f"node_modules/p{number}/a.json": "{}" for number in range(3)})
    assert "too large" in noted(tmp_path)["node_modules"]


def test_link_to_code_is_a_note(tmp_path: Path) -> None:
    """If its target is not scanned."""
    scanned = tmp_path / "repository" / "infra"
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    put(scanned, **{"../shared/main.tf": POLICY, "../t.yaml": TEMPLATE, "../plain/x": "", "../../out/main.tf": POLICY})
    for name, target in {
        "folder": "../shared", "file.yaml": "../t.yaml", "empty": "../plain", "outside": "../../out",
        "outside.json": "../../out/main.tf", "broken": "nothing", "inside": ".", "same.txt": "main.tf",
    }.items():  # fmt: skip
        (scanned / name).symlink_to(target)
    assert set(noted(scanned)) == {"folder", "file.yaml", "outside", "outside.json"}


def test_link_is_no_note_where_its_target_is_scanned(tmp_path: Path) -> None:
    """By another argument."""
    put(tmp_path / "a")
    put(tmp_path / "b")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b")
    assert not noted(tmp_path, tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("name", ["serverless.ts", "serverless.js", "service/serverless.mjs"])
def test_service_program_is_a_note(tmp_path: Path, name: str) -> None:
    """Beside other code; a file with other content is none."""
    put(tmp_path, **{name: "module.exports = {service: 'a', provider: {name: 'aws'}}"})
    assert list(noted(tmp_path)) == [name]
    for other in ("console.log(1)", "module.exports = {service: 'a', provider: {name: 'google'}}"):
        put(tmp_path, **{name: other})
        assert not noted(tmp_path)


POLICY_COMMAND = """#!/bin/sh
# needs iam:PassRole
aws iam put-role-policy --role-name deployer --policy-name pass \\
  --policy-document '{"Statement": {"Effect": "Allow", "Action": "ACTION", "Resource": "*"}}'
"""


@pytest.mark.parametrize("name", ["deploy.sh", "scripts/roles.bash", "a.zsh", "B.SH"])
def test_shell_script_that_names_pass_role_is_a_note(tmp_path: Path, name: str) -> None:
    """At its line, or at the first command that attaches or creates another policy. One with neither is none, nor is
    any other file."""
    put(tmp_path, **{name: POLICY_COMMAND.replace("ACTION", "iam:passrole"), "a.py": "# iam:PassRole\n'iam:PassRole'"})
    assert list(noted(tmp_path)) == [name]
    (note,) = read_paths([tmp_path], ScanOptions()).notes
    assert (note.line, note.kind) == (4, NoteKind.COMMAND)
    put(tmp_path, **{name: POLICY_COMMAND.replace("ACTION", "s3:GetObject")})
    assert [note.line for note in read_paths([tmp_path], ScanOptions()).notes] == [3]
    put(tmp_path, **{name: POLICY_COMMAND.replace("put-role-policy", "list-roles").replace("ACTION", "s3:GetObject")})
    assert not noted(tmp_path)


def test_cached_scan_notices_new_code(tmp_path: Path) -> None:
    """In skipped folders, and new links."""
    store, folder = ResultStore(str(tmp_path / "cache"), "test"), tmp_path / "code"
    put(folder, **{"node_modules/a/x.json": "{}"})

    def noted_files() -> set[str]:
        return {Path(note.file).name for note in scan_with_cache([folder], ScanOptions(), store).not_evaluated}

    assert noted_files() == set()
    put(folder, **{"node_modules/a/x.json": '{"Resources": {"A": {"Type": "A::B::C"}}}'})
    assert noted_files() == {"node_modules"}
    (folder / "away").symlink_to(tmp_path)
    assert noted_files() == {"node_modules", "away"}
    put(folder, **{"node_modules/a/x.json": "{}"})
    assert noted_files() == {"away"}
    put(folder, **{"node_modules/b/x.tf": POLICY})
    assert noted_files() == {"node_modules", "away"}
