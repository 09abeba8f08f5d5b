"""Find units below paths, recognized by content."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from passrole_checks.errors import InputError
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources import recognize
from passrole_checks.sources.detect import Discovery, Unit, discover, load, terraform_calls, terraform_roots
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE

POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
PLAN = json.dumps(
    {
        "format_version": "1.2",
        "terraform_version": "1.9.5",
        "planned_values": {"root_module": {}},
        "resource_changes": [
            {
                "address": "aws_iam_policy.x",
                "mode": "managed",
                "type": "aws_iam_policy",
                "name": "x",
                "change": {"actions": ["create"], "before": None, "after": {"policy": POLICY}, "after_unknown": {}},
            }
        ],
    }
)
STATE = json.dumps({"format_version": "1.0", "terraform_version": "1.9.5", "values": {"root_module": {}}})
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement: {Effect: Allow, Action: "iam:PassRole", Resource: "*"}
"""
JSON_TEMPLATE = json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
SAM = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n"
TERRAFORM = f'resource "aws_iam_policy" "x" {{\n  policy = <<EOT\n{POLICY}\nEOT\n}}\n'


def put(folder: Path, **files: str | bytes) -> None:
    """Write files; ``__`` in a name is a slash, ``_0`` a full stop."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_0", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def units(found: Discovery, folder: Path) -> dict[str, Framework]:
    return {unit.path.relative_to(folder.resolve()).as_posix(): unit.framework for unit in found.units}


def complaints(found: Discovery, folder: Path) -> dict[str, tuple[int | None, str]]:
    return {
        Path(item.file).relative_to(folder.resolve()).as_posix(): (item.line, item.reason) for item in found.unreadable
    }


@pytest.mark.parametrize(
    ("name", "content", "framework"),
    [
        ("plan.json", PLAN, Framework.TERRAFORM_PLAN),
        ("x.yaml", PLAN, Framework.TERRAFORM_PLAN),
        ("tfplan", PLAN, Framework.TERRAFORM_PLAN),
        ("x.out", PLAN, Framework.TERRAFORM_PLAN),
        ("state.json", STATE, Framework.TERRAFORM_PLAN),
        ("sorted.json", json.dumps(json.loads(PLAN) | {"configuration": {}}, sort_keys=True), Framework.TERRAFORM_PLAN),
        ("printed.json", json.dumps(json.loads(PLAN), indent=2), Framework.TERRAFORM_PLAN),
        ("mark.json", "\ufeff" + PLAN, Framework.TERRAFORM_PLAN),
        ("x.yaml", TEMPLATE, Framework.CLOUDFORMATION),
        ("x.json", TEMPLATE, Framework.CLOUDFORMATION),
        ("x.template", TEMPLATE, Framework.CLOUDFORMATION),
        ("stack", TEMPLATE, Framework.CLOUDFORMATION),
        ("x.YML", "\ufeff" + TEMPLATE, Framework.CLOUDFORMATION),
        ("x.template.json", JSON_TEMPLATE, Framework.CLOUDFORMATION),
        ("template.yaml", SAM, Framework.SAM),
    ],
)
def test_files_are_recognized_by_content(tmp_path: Path, name: str, content: str, framework: Framework) -> None:
    """Files of any name are recognized, both in a walked folder and as an argument."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    for found in (discover([tmp_path]), discover([tmp_path / name])):
        assert units(found, tmp_path) == {name: framework}
        assert found.unreadable == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", '{"name": "x", "dependencies": {}}'),
        ("k8s.yaml", "apiVersion: v1\nkind: List\nitems: []\n"),
        ("quota.yaml", "kind: Pod\nspec:\n  Resources:\n    cpu: 1\n"),
        ("schemas.json", '{"format_version": "1.0", "provider_schemas": {}}'),
        ("validate.json", '{"format_version": "1.0", "valid": true, "values": 3}'),
        ("fixture.json", json.dumps({"mock": json.loads(PLAN)})),
        ("list.json", json.dumps([json.loads(PLAN)])),
        ("log.json", '{"@level": "info", "type": "planned_change"}\n{"@level": "info"}'),
        ("broken.json", '{"a": '),
        ("broken.yaml", "a: [\n"),
        ("latin.yaml", b"name: caf\xe9\n"),
        ("empty.json", ""),
        ("Makefile", "all:\n\techo hello\n"),
        ("LICENSE", "Apache License\n"),
        ("archive", b"PK\x03\x04 something else"),
    ],
)
def test_other_files_are_skipped(tmp_path: Path, name: str, content: str | bytes) -> None:
    """On a walk silently; a given file is reported."""
    put(tmp_path, x=b"")
    (tmp_path / "x").unlink()
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = discover([tmp_path])
    assert (found.units, found.unreadable) == ((), ())
    named = discover([tmp_path / name])
    assert named.units == ()
    assert complaints(named, tmp_path) == {name: (None, NOT_INFRASTRUCTURE)}


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("plan.json", PLAN.encode("utf-16"), 1, "not UTF-8 text (UTF-16)"),
        ("tfplan.json", PLAN.replace('"x"', '"\xe9"').encode("latin-1"), 1, "not UTF-8 text"),
        ("x.yaml", b"# one\n# caf\xe9\n" + TEMPLATE.encode(), 2, "not UTF-8 text"),
        ("ci.json", b"[command]/usr/bin/terraform show -json\n" + PLAN.encode(), 2, "text before the JSON"),
    ],
)
def test_unreadable_plan_or_template_has_a_line(
    tmp_path: Path, name: str, content: bytes, line: int, reason: str
) -> None:
    """Plans and templates in another encoding, or behind other text."""
    (tmp_path / name).write_bytes(content)
    found = discover([tmp_path])
    assert found.units == ()
    ((where, said),) = complaints(found, tmp_path).values()
    assert where == line
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("text", "is_noted"),
    [
        ("Deploy:\n  # why\n  Type: 'AWS::IAM::Policy'\n  Properties: {}\n", True),
        ("Topic:\n  Type: AWS::SNS::Topic\n", False),
        ("Names:\n  - AWS::IAM::Policy\n", False),
        ("Ci:\n  Type: update-stacks\n  Parameters: {Arns: ['arn:aws:iam::aws:policy/AdministratorAccess']}\n", True),
        ("Ci:\n  Type: update-stacks\n  Parameters: {inlinePolicy: '{\"Statement\": []}'}\n", True),
        ("Ci:\n  Type: update-stacks\n  Parameters: {Name: policy}\n", False),
    ],
)
def test_resources_without_a_template_are_noted(tmp_path: Path, text: str, is_noted: bool) -> None:
    """A part of a template that another tool joins is no unit, and is noted if it has a resource of IAM; so is a task
    with policies."""
    put(tmp_path, **{"part.yml": text})
    found = discover([tmp_path])
    assert (found.units, [Path(note.file).name for note in found.not_evaluated]) == ((), ["part.yml"] * is_noted)


@pytest.mark.parametrize("name", ["tfplan", "x.tfplan", "x.plan", "x.out"])
def test_binary_plan_names_the_command_to_run(tmp_path: Path, name: str) -> None:
    """A plan as ``terraform plan -out`` writes it is unreadable, and the reason says how to make it readable."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("tfplan", b"\x08\x03")
        archive.writestr("tfstate", b"{}")
    found = discover([tmp_path])
    assert complaints(found, tmp_path) == {name: (None, f"binary plan: run `terraform show -json {name}`")}


@pytest.mark.parametrize("content", [PLAN[:-40], '{"format_version": "1.2", "terraform_version": "1.9', PLAN + "}"])
def test_truncated_plan_is_an_error(tmp_path: Path, content: str) -> None:
    """It is recognized and rejected, not skipped."""
    (tmp_path / "plan.json").write_text(content)
    (unit,) = discover([tmp_path]).units
    assert unit.framework is Framework.TERRAFORM_PLAN
    with pytest.raises(InputError) as caught:
        load(unit)
    assert str(caught.value).startswith(f"{unit.path}:1: ")


def test_truncated_template_is_an_error(tmp_path: Path) -> None:
    """JSON that starts like a template is recognized and rejected."""
    (tmp_path / "x.json").write_text('{"AWSTemplateFormatVersion": "2010-09-09",\n "Resources": {"A": {"Type": ')
    (unit,) = discover([tmp_path]).units
    with pytest.raises(InputError):
        load(unit)


def test_escaped_keys_are_read(tmp_path: Path) -> None:
    """A template whose only telling words are written with escapes is found and loaded."""
    put(tmp_path, **{"a.yaml": '"Resourc\\x65s":\n  A:\n    "Typ\\x65": "\\u0041WS::IAM::Role"\n'})
    found = discover([tmp_path])
    assert [load(unit).resources[0].type for unit in found.units] == ["AWS::IAM::Role"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.yaml", "a.txt"])
def test_utf_16_and_utf_32_templates_are_unreadable(tmp_path: Path, name: str, encoding: str) -> None:
    """With or without a byte order mark; other texts are skipped."""
    put(tmp_path, **{name: TEMPLATE.encode(encoding), "b.yaml": "kind: Pod\n".encode(encoding)})
    assert complaints(discover([tmp_path]), tmp_path) == {name: (1, f"not UTF-8 text ({encoding[:6].upper()})")}


@pytest.mark.parametrize("suffix", ["cfn", "cform", "cft", "cfn.yaml", "tmpl", "tpl", "txt"])
def test_templates_of_other_extensions_are_found(tmp_path: Path, suffix: str) -> None:
    """Files with extensions of templates are read if they begin like one, else skipped."""
    put(tmp_path, **{f"a.{suffix}": TEMPLATE, f"b.{suffix}": "How to write Resources for AWS::IAM::Role\n"})
    assert units(discover([tmp_path]), tmp_path) == {f"a.{suffix}": Framework.CLOUDFORMATION}


def test_paths_are_resolved_and_deduplicated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file given three ways is one unit; a link that is given is followed."""
    put(tmp_path, a__plan_0json=PLAN)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    found = discover([Path("a"), Path("a/../a/plan.json"), Path("link"), tmp_path / "link" / "plan.json"])
    assert units(found, tmp_path) == {"a/plan.json": Framework.TERRAFORM_PLAN}


def test_missing_path_is_unreadable(tmp_path: Path) -> None:
    """A missing or invalid path is one entry, and the rest is found."""
    put(tmp_path, plan_0json=PLAN)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = discover([tmp_path / "gone", Path("a\0b"), tmp_path / "loop", tmp_path / "plan.json"])
    assert len(found.units) == 1
    assert len(found.unreadable) == 3
    assert ("no such file or folder") in {item.reason for item in found.unreadable}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes")
def test_pipes_are_never_opened(tmp_path: Path) -> None:
    """A pipe without a writer would block: it is unreadable, in a folder and when given."""
    os.mkfifo(tmp_path / "plan.json")
    for given in (tmp_path, tmp_path / "plan.json"):
        assert complaints(discover([given]), tmp_path) == {"plan.json": (None, "is not a regular file")}


def test_file_without_permission_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it may be a plan or a template, by its name."""
    put(tmp_path, x_0yaml=TEMPLATE, notes="x")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert complaints(discover([tmp_path]), tmp_path) == {"x.yaml": (None, "cannot be opened: Permission denied")}


def test_too_large_files_are_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they look like a template or a plan; others are skipped."""
    put(tmp_path, t_0yaml=TEMPLATE + "#" * 9000, p_0json=PLAN + " " * 9000, other_0json='{"a": 1}' + " " * 9000)
    monkeypatch.setattr(recognize, "LARGEST_TEMPLATE", 5000)
    found = discover([tmp_path])
    assert units(found, tmp_path) == {"p.json": Framework.TERRAFORM_PLAN}
    assert complaints(found, tmp_path) == {"t.yaml": (None, "larger than 0 MB")}
    monkeypatch.setattr(recognize, "LARGEST_PLAN", 8000)
    assert set(complaints(discover([tmp_path]), tmp_path)) == {"t.yaml", "p.json"}


def test_large_plan_with_sorted_keys_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan with sorted keys begins with its configuration."""
    document = {**json.loads(PLAN), "configuration": {"root_module": {"filling": "x" * 200_000}}}
    put(tmp_path, p_0json=json.dumps(document, sort_keys=True))
    monkeypatch.setattr(recognize, "LARGEST_TEMPLATE", 100_000)
    assert units(discover([tmp_path]), tmp_path) == {"p.json": Framework.TERRAFORM_PLAN}


def module(*sources: str) -> str:
    return "".join(f'module "m{number}" {{\n  source = "{source}"\n}}\n' for number, source in enumerate(sources))


def test_folder_called_as_a_module_is_not_a_root(tmp_path: Path) -> None:
    """Its caller is."""
    put(
        tmp_path,
        prod__main_0tf=module("../modules/app"),
        modules__app__main_0tf=module("./inner") + TERRAFORM,
        modules__app__inner__x_0tofu=TERRAFORM,
        alone__main_0tf=TERRAFORM,
    )
    found = discover([tmp_path])
    assert units(found, tmp_path) == {"prod": Framework.TERRAFORM, "alone": Framework.TERRAFORM}


def test_module_is_a_root_if_its_caller_is_not_scanned(tmp_path: Path) -> None:
    """Only scanned folders count as callers."""
    put(tmp_path, prod__main_0tf=module("../app"), app__main_0tf=TERRAFORM)
    assert units(discover([tmp_path / "app"]), tmp_path) == {"app": Framework.TERRAFORM}


def test_folders_in_a_call_cycle_are_roots(tmp_path: Path) -> None:
    """A circle of modules has no beginning, so nothing of it is lost."""
    put(
        tmp_path,
        a__main_0tf=module("../b"),
        b__main_0tf=module("../c"),
        c__main_0tf=module("../a", "../d"),
        d__main_0tf=TERRAFORM,
        e__main_0tf=module("./"),
    )
    roots = terraform_roots(terraform_calls([tmp_path.resolve() / name for name in "abcde"]))
    assert {root.name for root in roots} == {"a", "b", "c", "e"}


def test_given_terraform_file_is_the_only_one_reported(tmp_path: Path) -> None:
    """Its folder is evaluated; given with its folder it adds nothing."""
    put(tmp_path, app__main_0tf=TERRAFORM, app__other_0tf=TERRAFORM.replace('"x"', '"y"'))
    app = tmp_path.resolve() / "app"
    (unit,) = discover([app / "main.tf"]).units
    assert (unit.framework, unit.path, unit.only) == (Framework.TERRAFORM, app, app / "main.tf")
    assert [policy.resource.address for policy in load(unit).policies] == ["aws_iam_policy.x"]
    (unit,) = discover([app / "main.tf", app]).units
    assert unit.only is None
    assert len(load(unit).policies) == 2


def test_expressions_read_only_files_of_the_repository(tmp_path: Path) -> None:
    """Without a repository, only files of the folder."""
    put(tmp_path, repository__envs__prod__main_0tf=TERRAFORM)
    prod = tmp_path.resolve() / "repository/envs/prod"
    assert discover([prod]).units[0].boundary == prod or (tmp_path / ".git").exists()
    (tmp_path / "repository/.git").mkdir()
    assert discover([prod]).units[0].boundary == tmp_path.resolve() / "repository"


def test_every_framework_is_loaded_by_its_source(tmp_path: Path) -> None:
    """Each kind of unit can be loaded and contains its policy."""
    put(tmp_path, plan_0json=PLAN, t_0yaml=TEMPLATE, tf__main_0tf=TERRAFORM)
    found = discover([tmp_path])
    loaded = {unit.framework: load(unit) for unit in found.units}
    assert set(loaded) == {Framework.TERRAFORM_PLAN, Framework.CLOUDFORMATION, Framework.TERRAFORM}
    for framework, configuration in loaded.items():
        assert configuration.framework is framework
        assert len(configuration.policies) == 1


def test_given_content_is_not_read_again(tmp_path: Path) -> None:
    """A unit with content is loaded without touching the file."""
    unit = Unit(Framework.TERRAFORM_PLAN, tmp_path / "nowhere.json", content=PLAN)
    assert len(load(unit).policies) == 1
    with pytest.raises(InputError, match="cannot be opened"):
        load(Unit(Framework.TERRAFORM_PLAN, tmp_path / "nowhere.json"))


def test_unchanged_option_loads_unchanged_resources(tmp_path: Path) -> None:
    """The unchanged resources of a plan are loaded on request."""
    unit = Unit(Framework.TERRAFORM_PLAN, tmp_path / "p", content=PLAN.replace('"create"', '"no-op"'))
    assert (len(load(unit).policies), len(load(unit, unchanged=True).policies)) == (0, 1)


@pytest.mark.parametrize("name", ["main.tf", "app.template"])
def test_dangling_symlink_is_reported_with_its_target(tmp_path: Path, name: str) -> None:
    """The reason names the missing target, in a folder and for a given file."""
    link = tmp_path / name
    link.symlink_to("elsewhere/gone.tf")
    reasons = {one.reason for one in scan_paths([link], ScanOptions()).unreadable}
    if name == "main.tf":
        reasons |= {one.reason for one in scan_paths([tmp_path], ScanOptions()).unreadable}
    (reason,) = reasons
    assert "elsewhere/gone.tf" in reason


COMMENTS = "# a line of a license\n" * 2_000  # more than what is read to recognize a file


@pytest.mark.parametrize(
    "name", ["a.j2", "a.yaml.j2", "a.stack", "a.cloudformation", "a.yaml.erb", "a.in", "a.cfn", "a.tmpl", "a", "a.yaml"]
)
@pytest.mark.parametrize("before", ["", COMMENTS])
def test_template_is_recognized_whatever_its_name(tmp_path: Path, name: str, before: str) -> None:
    """A template is recognized by its content, also after a long comment."""
    (tmp_path / name).write_text(before + TEMPLATE, encoding="utf-8")
    assert units(discover([tmp_path]), tmp_path) == {name: Framework.CLOUDFORMATION}


@pytest.mark.parametrize("name", ["a.md", "a.py", "a.ts", "a.png", "a.lock", "a.tfstate"])
def test_source_code_and_documentation_are_no_templates(tmp_path: Path, name: str) -> None:
    """A template in source code, documentation or data is not scanned."""
    (tmp_path / name).write_text(TEMPLATE, encoding="utf-8")
    assert not discover([tmp_path]).units


@pytest.mark.parametrize(
    "content",
    [PLAN.encode(), STATE.encode(), b"\0" + TEMPLATE.encode(), b"Resources are AWS::IAM::Role here\n", b"\xff\xfe\x00"],
)
def test_other_content_of_unusual_names_is_no_template(tmp_path: Path, content: bytes) -> None:
    """With an unusual name, only templates are recognized: no plans, states, or binary files."""
    (tmp_path / "a.stack").write_bytes(content)
    found = discover([tmp_path])
    assert not found.units and not found.unreadable


def test_template_of_unusual_name_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    """A template that only its content shows is a note if it cannot be read; given by name, it is an error."""
    path = tmp_path / "a.yaml.j2"
    path.write_text(TEMPLATE.replace("Resources:", "Resources:\n{% if x %}"), encoding="utf-8")
    walked, given = scan_paths([tmp_path], ScanOptions()), scan_paths([path], ScanOptions())
    assert [(note.line, bool(walked.unreadable)) for note in walked.not_evaluated] == [(3, False)]
    assert [entry.line for entry in given.unreadable] == [3]


@pytest.mark.parametrize("named", [True, False])
def test_policies_of_resources_without_types_are_judged(tmp_path: Path, named: bool) -> None:
    """AWS Chalice merges such a file into the template that it makes (``chalice package --merge-template``)."""
    trust = {"Statement": [{**json.loads(POLICY)["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]}
    for name, properties in (
        ("resources.json", {"Policies": [{"PolicyName": "p", "PolicyDocument": json.loads(POLICY)}]}),
        ("trust.json", {"AssumeRolePolicyDocument": trust}),
        ("pods.json", {}),
    ):
        (tmp_path / name).write_text(json.dumps({"Resources": {"DefaultRole": {"Properties": properties}}}))
    paths = [tmp_path / "resources.json", tmp_path / "trust.json"] if named else [tmp_path]
    result = scan_paths(paths, ScanOptions())
    (finding,) = result.findings
    assert (finding.check_id, finding.confidence.value) == ("PASSROLE_001", "medium")
    assert (os.path.basename(finding.at.file), finding.resource.address) == ("resources.json", "DefaultRole")
    notes = {(os.path.basename(note.file), note.kind.value) for note in result.not_evaluated}
    assert notes == {("resources.json", "other_tool"), ("trust.json", "other_tool")} and not result.unreadable


def test_policies_of_a_resource_without_a_type_are_judged_in_a_template(tmp_path: Path) -> None:
    """CloudFormation rejects the template unless another tool completes it, so it cannot be read either."""
    properties = {"PolicyDocument": json.loads(POLICY)}
    resources = {"T": {"Type": "AWS::SNS::Topic"}, "P": {"Properties": properties}}
    (tmp_path / "t.json").write_text(json.dumps({"Resources": resources}))
    result = scan_paths([tmp_path], ScanOptions())
    assert [finding.check_id for finding in result.findings] == ["PASSROLE_001"]
    assert [entry.resource for entry in result.unreadable] == ["P"]
