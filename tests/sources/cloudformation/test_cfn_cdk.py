"""The cloud assembly of the AWS CDK: each template once, nested ones through the stack that nests them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation.cdk import assembly_templates, deployment_of, read_assembly

HASH = "4c5f" * 16
NESTED = "AppInner12AB.nested.template.json"


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def stack_artifact(template: str, account: str = "unknown-account") -> dict[str, Any]:
    environment = f"aws://{account}/eu-west-1"
    return {"type": "aws:cloudformation:stack", "environment": environment, "properties": {"templateFile": template}}


def manifest(folder: Path, **artifacts: Any) -> Path:
    return write(folder / "manifest.json", {"version": "36.0.0", "artifacts": artifacts})


def policy(resource: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}


def nested(metadata: dict[str, str]) -> dict[str, Any]:
    url = {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, f".amazonaws.com/cdk-assets/{HASH}.json"]]}
    properties = {"TemplateURL": url, "Parameters": {"refArn": "*"}}
    return {"Type": "AWS::CloudFormation::Stack", "Properties": properties, "Metadata": metadata}


def inner_template() -> dict[str, Any]:
    return {"Parameters": {"refArn": {"Type": "String"}}, "Resources": {"P": policy({"Ref": "refArn"})}}


def scan(*paths: Path) -> ScanResult:
    return scan_paths(list(paths), ScanOptions())


def said(result: ScanResult) -> list[tuple[str, str, str]]:
    return [(item.check_id[-3:], Path(item.at.file).name, item.resource.address) for item in result.findings]


def test_nested_stack_is_found_by_its_asset_path(tmp_path: Path) -> None:
    """The template of a nested stack is the file in aws:asset:path, and gets its arguments."""
    metadata = {"aws:asset:path": NESTED, "aws:asset:property": "TemplateURL"}
    write(tmp_path / "App.template.json", {"Resources": {"Inner": nested(metadata)}})
    write(tmp_path / NESTED, inner_template())
    manifest(tmp_path, App=stack_artifact("App.template.json"))
    result = scan(tmp_path)
    assert said(result) == [("001", NESTED, "Inner.P")]
    assert (result.unreadable, result.not_evaluated) == ((), ())


def test_nested_stack_is_found_by_its_asset_hash(tmp_path: Path) -> None:
    """Without the metadata it is the file that the list of assets has for the hash in the URL."""
    write(tmp_path / "App.template.json", {"Resources": {"Inner": nested({})}})
    write(tmp_path / NESTED, inner_template())
    write(tmp_path / "App.assets.json", {"version": "36.0.0", "files": {HASH: {"source": {"path": NESTED}}}})
    assert said(scan(tmp_path)) == [("001", NESTED, "Inner.P")]


def test_missing_asset_is_not_evaluated(tmp_path: Path) -> None:
    """A nested stack is not evaluated if neither the metadata nor the list of assets leads to a file."""
    write(tmp_path / "App.template.json", {"Resources": {"Inner": nested({})}})
    write(tmp_path / "App.assets.json", "[")
    assert [note.reason.split(":")[0] for note in scan(tmp_path).not_evaluated] == ["Inner"]


def test_account_of_the_manifest_is_used(tmp_path: Path) -> None:
    """A role of another account than the one in the manifest is flagged."""
    role = "arn:aws:iam::444455556666:role/app"
    for name in ("App", "Other"):
        write(tmp_path / f"{name}.template.json", {"Resources": {"P": policy(role)}})
    manifest(
        tmp_path, App=stack_artifact("App.template.json", "111122223333"), Other=stack_artifact("Other.template.json")
    )
    assert [item for item in said(scan(tmp_path)) if item[0] == "005"] == [("005", "App.template.json", "P")]
    assert deployment_of(tmp_path / "App.template.json")[0] == "111122223333"
    assert deployment_of(tmp_path / "Other.template.json")[0] is None


def test_given_manifest_selects_its_templates(tmp_path: Path) -> None:
    """A given manifest means the templates that it and its stages name, and no others; a missing one is reported."""
    write(tmp_path / "App.template.json", {"Resources": {"P": policy("*")}})
    write(tmp_path / "Old.template.json", {"Resources": {"P": policy("*")}})
    write(tmp_path / "assembly-Prod" / "ProdApp.template.json", {"Resources": {"Q": policy("*")}})
    manifest(tmp_path / "assembly-Prod", ProdApp=stack_artifact("ProdApp.template.json"))
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    path = manifest(
        tmp_path, App=stack_artifact("App.template.json"), Gone=stack_artifact("Gone.template.json"), S=stage
    )
    result = scan(path)
    assert said(result) == [("001", "App.template.json", "P"), ("001", "ProdApp.template.json", "Q")]
    assert [(Path(item.file).name, item.reason) for item in result.unreadable] == [
        ("Gone.template.json", "no such file or folder")
    ]


def test_stack_without_resources_is_accepted(tmp_path: Path) -> None:
    """A template in the manifest may have only parameters and rules."""
    empty = {"Parameters": {"BootstrapVersion": {"Type": "String"}}, "Rules": {"CheckBootstrapVersion": {}}}
    write(tmp_path / "App.template.json", {"Resources": {"P": policy("*")}})
    write(tmp_path / "Empty.template.json", empty)
    write(tmp_path / "Broken.template.json", "[")
    path = manifest(tmp_path, **{name: stack_artifact(f"{name}.template.json") for name in ("App", "Broken", "Empty")})
    result = scan(path)
    assert said(result) == [("001", "App.template.json", "P")]
    assert [Path(item.file).name for item in result.unreadable] == ["Broken.template.json"]
    assert [Path(file).name for file in result.files] == ["App.template.json", "Empty.template.json"]


def test_template_copied_into_an_asset_is_checked_once(tmp_path: Path) -> None:
    """A template that is copied into the assembly with other code counts as its original."""
    template, out = {"Resources": {"P": policy("*")}}, tmp_path / "cdk.out"
    write(tmp_path / "src" / "template.json", template)
    write(out / f"asset.{HASH}" / "template.json", template)
    write(out / f"asset.{HASH}" / "other.json", {"Resources": {"Q": policy("*")}})
    manifest(out)
    assert said(scan(tmp_path)) == [("001", "other.json", "Q"), ("001", "template.json", "P")]
    assert said(scan(out)) == [("001", "other.json", "Q"), ("001", "template.json", "P")]


def test_asset_folder_outside_an_assembly_is_ordinary(tmp_path: Path) -> None:
    """Two equal templates outside of an assembly are two units."""
    for folder in ("asset.one", "two"):
        write(tmp_path / folder / "template.json", {"Resources": {"P": policy("*")}})
    assert len(scan(tmp_path).files) == 2


def test_invalid_manifests_are_ignored(tmp_path: Path) -> None:
    """Other manifests, malformed ones, and names that lead out of the folder yield no templates."""
    for text in ("{", "[]", '{"version": 1}', '{"version": 1, "artifacts": []}', '{"name": "app"}', "[" * 100_000):
        write(tmp_path / "manifest.json", text)
        assert read_assembly(tmp_path) is None
        assert [item.reason for item in scan(tmp_path / "manifest.json").unreadable] != []
    odd = {"a": 1, "b": {"type": "aws:cloudformation:stack", "properties": []}, "c": {"type": "cdk:cloud-assembly"}}
    manifest(tmp_path, **odd, d=stack_artifact("../x.template.json"), e=stack_artifact("/etc/x.template.json"))
    assert list(assembly_templates(tmp_path)) == []
    manifest(tmp_path, loop={"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}})
    assert list(assembly_templates(tmp_path)) == []
