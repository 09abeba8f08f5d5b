"""The access log of a unit is complete, so that every relevant change is detected."""

from __future__ import annotations

import builtins
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.errors import InputError
from passrole_checks.files.access_log import FileAccessLog, Kind, record_access, recording_accesses
from passrole_checks.sources import detect
from passrole_checks.sources.files.path_states import FileFingerprints, PathStates
from passrole_checks.sources.files.tree_difference import TreeDifference, same_below
from passrole_checks.sources.model.configuration import Inputs

SAMPLES = Path(__file__).parents[2] / "sample_templates"


@contextmanager
def asked_of_the_disk(monkeypatch: pytest.MonkeyPatch, below: Path) -> Iterator[dict[str, set[str]]]:
    """Record the accesses below a folder: opened files, looked up names, listed folders."""
    asked: dict[str, set[str]] = {"opened": set(), "looked": set(), "listed": set()}
    resolving: list[None] = []  # where links lead is no business of ours

    def told(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(path: Any = ".", *arguments: Any, **named: Any) -> Any:
            if not isinstance(path, int) and not resolving:
                place = os.path.abspath(os.fsdecode(path))
                if "\0" not in place and place.startswith(f"{below}{os.sep}"):
                    asked[kind].add(place)
            return function(path, *arguments, **named)

        return run

    resolve = Path.resolve

    def resolved(path: Path, *, strict: bool = False) -> Path:
        resolving.append(None)
        try:
            return resolve(path, strict)
        finally:
            resolving.pop()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "resolve", lambda path, strict=False: resolved(path, strict=strict))
        opened = told("opened", io.open)
        patch.setattr(builtins, "open", opened)
        patch.setattr(io, "open", opened)
        patch.setattr(os, "open", told("opened", os.open))
        patch.setattr(os, "stat", told("looked", os.stat))
        patch.setattr(os, "listdir", told("listed", os.listdir))
        patch.setattr(os, "scandir", told("listed", os.scandir))
        yield asked


def log(*paths: Iterable[str]) -> FileAccessLog:
    """Return a log of files, folders, trees and links."""
    return FileAccessLog(*map(dict.fromkeys, paths))


def failures(asked: dict[str, set[str]], looked: FileAccessLog) -> set[str]:
    """Return the accesses that are missing in the log."""
    files, folders, trees, lookups = ({os.path.normpath(path) for path in paths} for paths in (
        looked.files, looked.folders, looked.trees, {**looked.files, **looked.lookups},
    ))  # fmt: skip

    def walked(path: str) -> bool:
        return any(path == tree or path.startswith(f"{tree}{os.sep}") for tree in trees)

    found = {path for path in asked["opened"] if path not in files}
    names = asked["looked"]
    found |= {path for path in names if not (path in lookups or os.path.dirname(path) in folders or walked(path))}
    return found | {path for path in asked["listed"] if not (path in folders or walked(path))}


def reads(unit: detect.Unit, below: Path, monkeypatch: pytest.MonkeyPatch, inputs: Inputs) -> None:
    with asked_of_the_disk(monkeypatch, below) as asked, recording_accesses() as looked, suppress(InputError):
        detect.load(unit, unchanged=True, inputs=inputs)
    assert failures(asked, looked) == set(), unit.path
    assert asked["opened"]


@pytest.mark.parametrize("folder", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_every_file_access_of_a_sample_is_recorded(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While any sample is read."""
    for unit in detect.discover([SAMPLES / folder]).units:
        reads(unit, SAMPLES, monkeypatch, Inputs())


CALLED = "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {}}\n"
HASH = "a" * 64
TREE = {
    "root/main.tf": """
module "here" { source = "../mod" }
module "gone" { source = "../not-here" }
module "registry" {
  source  = "terraform-aws-modules/iam/aws"
  version = "1.0.0"
}
module "cloned" { source = "github.com/org/repo//inner?ref=v1" }
module "other" { source = "org/thing/aws" }
locals {
  there   = fileexists("${path.module}/sub/no.json") ? file("${path.module}/no.json") : file("${path.module}/p.json")
  all     = [for name in fileset(path.module, "policies/*.json") : file("${path.module}/${name}")]
  made    = templatefile("${path.module}/p.tftpl", { x = 1 })
  missing = try(file("${path.module}/deep/er/missing.json"), "")
  hashed  = filemd5("${path.module}/p.json")
}
resource "aws_iam_policy" "p" {
  for_each = toset(concat([local.there, local.made, local.missing, local.hashed], local.all))
  policy   = each.value
}
""",
    "root/x.tofu": "",
    "root/x.tf": "",
    "root/override.tf": "locals { }",
    "root/terraform.tfvars": "",
    "root/a.auto.tfvars.json": "{}",
    "root/p.json": "{}",
    "root/p.tftpl": "${x}",
    "root/policies/one.json": "{}",
    "root/.terraform/modules/modules.json": json.dumps(
        {"Modules": [{"Key": "registry", "Source": "registry.terraform.io/terraform-aws-modules/iam/aws",
                      "Version": "1.0.0", "Dir": ".terraform/modules/registry"}]}
    ),
    "root/.terraform/modules/registry/main.tf": "",
    ".external_modules/github.com/org/repo/v1/inner/main.tf": "",
    ".external_modules/github.com/org/terraform-aws-thing/HEAD/main.tf": "",
    "mod/main.tf": 'resource "aws_iam_role" "r" {}',
    "given.tfvars": "",
    "app/outer.yaml": "Resources:\n"
    + "".join(
        f"  {name}: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}}}}}\n"
        for name, url in (("A", "inner.yaml"), ("B", "../gone.yaml"), ("C", "folder"), ("D", "https://x/y.yaml"))
    )
    + "  E: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: included.yaml}}}\n"
    + "  F: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: not-here.yaml}}}\n",
    "app/inner.yaml": CALLED,
    "app/folder/x": "",
    "app/included.yaml": "Type: AWS::IAM::Role\nProperties: {}\n",
    "cdk.out/manifest.json": json.dumps(
        {"version": "1", "artifacts": {"S": {"type": "aws:cloudformation:stack",
         "environment": "aws://111122223333/x", "properties": {"templateFile": "S.template.json"}}}}
    ),
    "cdk.out/S.template.json": json.dumps(
        {"Resources": {"N": {"Type": "AWS::CloudFormation::Stack",
         "Properties": {"TemplateURL": {"Fn::Sub": f"https://s3/{HASH}.json"}}}}}
    ),
    "cdk.out/S.assets.json": json.dumps({"files": {HASH: {"source": {"path": "N.nested.template.json"}}}}),
    "cdk.out/N.nested.template.json": json.dumps({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {}}}}),
    "plan.json": json.dumps(
        {"format_version": "1.0", "terraform_version": "1.9.0", "planned_values": {"root_module": {}},
         "resource_changes": [], "configuration": {"root_module": {}}}
    ),
    "empty.tfvars": "",
}  # fmt: skip


def test_every_kind_of_file_access_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions, local, installed, downloaded and missing modules, variable files, nested templates, includes, cloud
    assemblies, the source of a plan."""
    for name, content in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / ".git").mkdir()
    inputs = Inputs(var_files=(tmp_path / "given.tfvars", tmp_path / "none.tfvars"), source=tmp_path / "root")
    units = detect.discover([tmp_path]).units
    assert {unit.path.relative_to(tmp_path).as_posix() for unit in units} >= {
        "root", "app/outer.yaml", "cdk.out/S.template.json", "plan.json",
    }  # fmt: skip
    for unit in units:
        reads(unit, tmp_path, monkeypatch, inputs)
    (plan,) = detect.discover([tmp_path / "plan.json"]).units
    reads(plan, tmp_path, monkeypatch, Inputs(source=tmp_path / "not-here"))


@pytest.mark.parametrize(
    ("modified", "others", "concerned"),
    [
        ([], [], False),
        (["/top/a/main.tf"], [], True),
        (["/top/A/Main.TF"], [], True),
        (["/top/a/readme"], [], False),
        ([], ["/top/a/readme"], True),
        ([], ["/top/a/below/readme"], False),
        ([], ["/top/b"], False),
        ([], ["/top/a"], True),
        ([], ["/top"], True),
        (["/top/t/x/y"], [], True),
        ([], ["/top/t"], True),
        ([], ["/top/gone/now/here"], True),
        ([], ["/top/gone/now"], True),
        (["/top/gon"], ["/top/gone.tf"], False),
    ],
)
def test_tree_difference_concerns_a_unit(modified: list[str], others: list[str], concerned: bool) -> None:
    """A change at, above or below an accessed file, to the names in a listed folder, or in a walked folder; in any
    spelling."""
    looked = log(["/top/a/main.tf", "/top/x/../gone/now"], ["/top/a"], ["/top/t"])
    assert TreeDifference(modified, others).concerns(looked) is concerned


def test_access_is_recorded_in_the_innermost_log() -> None:
    """Outside of a context nothing is recorded."""
    record_access("files", "/before")
    with recording_accesses() as outer:
        record_access("files", "/a")
        with recording_accesses() as inner:
            record_access("folders", "/b")
        record_access("trees", Path("/c"))
    assert outer == log(["/a"], [], ["/c"], ["/", "/c"])
    assert inner == log([], ["/b"], [], ["/b"])


def relinked(top: Path) -> None:
    """Let a link lead to another folder with the same files."""
    (top / "link").unlink()
    (top / "link").symlink_to("same")


LOOKED = {"files": {"a/main.tf", "gone/now.tf", "m"}, "folders": {"a", "not"}, "trees": {"t"}}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"a/main.tf": "other"}, False),
        ({"a/main.tf": "othe!"}, False),
        ({"a/main.tf": None}, False),
        ({"a/more": ""}, False),
        ({"a/below/more": ""}, True),
        ({"a/below": None, "a/below/x": None}, False),
        ({"a/below/x": None, "a/below": "a file"}, False),
        ({"b/more": ""}, True),
        ({"gone": "a file"}, False),
        ({"gone/now.tf": ""}, False),
        ({"m/x": ""}, True),
        ({"m/main.tf": None, "m": "a file"}, False),
        ({"t/x/y/z": "other"}, True),
        ({"t/x/y/more": ""}, False),
        ({"t/x/y/z": None, "t/x/y": None}, False),
        ({"not/x": ""}, False),
    ],
)
def test_same_below_compares_files_folders_and_trees(change: dict[str, str | None], same: bool, tmp_path: Path) -> None:
    """Equal content, missing paths that are still missing, equal names in listed folders, and in walked ones at every
    depth."""
    files = {"a/main.tf": "first", "a/below/x": "", "m/main.tf": "", "t/x/y/z": "", "b/x": ""}
    for top, changes in (("old", {}), ("new", change)):
        for name, content in {**files, **changes}.items():
            if content is not None:
                (tmp_path / top / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / top / name).write_text(content, "utf-8")
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    looked = log(*([f"{old}/./{path}" for path in LOOKED[kind]] for kind in ("files", "folders", "trees")))
    assert same_below(looked, old, new) is same
    assert same_below(log([f"{new}/a/main.tf", f"{old}-not/x"]), old, new)


@pytest.mark.parametrize(
    ("kind", "path", "change", "differs"),
    [
        ("files", "a", lambda top: (top / "a").write_text("other"), True),
        ("lookups", "a", lambda top: (top / "a").write_text("other"), False),
        ("lookups", "a", lambda top: (top / "a").unlink(), True),
        ("lookups", "none", lambda top: (top / "none").symlink_to("nowhere"), True),
        ("lookups", "none", lambda top: (top / "none").mkdir(), True),
        ("lookups", "folder", lambda top: (top / "folder" / "new").touch(), False),
        ("folders", "folder", lambda top: (top / "folder" / "new").touch(), True),
        ("folders", ".", lambda top: (top / "a").write_text("other"), False),
        ("folders", ".", lambda top: (top / "folder" / "new").touch(), False),
        ("folders", ".", lambda top: (top / "b").unlink(), True),
        ("trees", ".", lambda top: (top / "folder" / "new").touch(), True),
        ("trees", ".", lambda top: (top / "folder" / "x").write_text("other"), False),
        ("links", "link/x", lambda top: (top / "link" / "x").write_text("other"), False),
        ("links", "link/x", relinked, True),
        ("files", "link/x", relinked, True),
        ("folders", "link", relinked, True),
        ("lookups", "link/x", relinked, True),
    ],
)
def test_state_differs_if_what_an_access_depends_on_has_changed(
    kind: Kind, path: str, change: Callable[[Path], object], differs: bool, tmp_path: Path
) -> None:
    """The content of an opened file, the type of a path that was looked up, the names in a folder, and where links
    lead."""
    for folder in ("folder", "same"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text("x")
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "link").symlink_to("folder")
    accesses = FileFingerprints()
    accesses.record(kind, os.path.normpath(tmp_path / path))
    accesses.began += 3_600_000_000_000
    states = PathStates().unchanged(accesses)
    assert states is not None and PathStates().first_difference(states) is None
    change(tmp_path)
    assert (PathStates().first_difference(states) is not None) is differs
    assert (PathStates().unchanged(accesses) is None) is differs


def test_hard_link_is_not_read_to_compare(tmp_path: Path) -> None:
    """A file that is one on the disk under two names is not read to be compared."""
    for top in ("old", "new"):
        (tmp_path / top).mkdir()
    (tmp_path / "old" / "x").write_text("first", "utf-8")
    os.link(tmp_path / "old" / "x", tmp_path / "new" / "x")
    (tmp_path / "old" / "x").chmod(0)
    assert same_below(log([f"{tmp_path}/old/x"]), f"{tmp_path}/old", f"{tmp_path}/new")
