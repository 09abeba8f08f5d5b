"""Targets of fuzzing: each generates samples, runs a part of the package on them, and checks the results.

A target raises :class:`AssertionError` for a wrong result; the code under test must not raise any other exception. A
sample is a tree of files, written to a folder.
"""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import reports_of_tests
from suggesting import suggest_options

from fuzzing import making
from fuzzing.corpus import Tree, files_named, format_of, pieces, trees
from fuzzing.mutators import erase, flip, mutated, repeat, truncate
from passrole_checks import cli
from passrole_checks.cli import suggest_runner
from passrole_checks.cli.options import GRADES
from passrole_checks.cli.pyproject_defaults import configurable_options
from passrole_checks.diff import compare_paths
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved
from passrole_checks.output import findings_text as text
from passrole_checks.output import grants_html, grants_markdown, json_output, required_policy
from passrole_checks.output import required as required_output
from passrole_checks.output.diff import diff_lines
from passrole_checks.output.scan_formats import FORMATS, ScanReport, render
from passrole_checks.required.required_grants import compute_required
from passrole_checks.review import report_json
from passrole_checks.scan import baseline
from passrole_checks.scan import settings as configuration
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ScanResult, read_paths, scan_paths
from passrole_checks.sources.cloudformation.parameter_values import parse_parameter_options
from passrole_checks.sources.model.configuration import Inputs, Unreadable

Make = Callable[[random.Random], Tree]
Run = Callable[[Path], None]

GOOD = b"""\
resource "aws_iam_user_policy" "good" {
  user   = "bot"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_ALL = ScanOptions(minimum_severity=Severity.INFO)


@dataclass(frozen=True)
class Target:
    """``weight``: how large its share of all samples is."""

    name: str
    make: Make
    run: Run
    weight: int = 1


# -- how samples are made

_MANIFEST = ".terraform/modules/modules.json"
_INSTALLED: Tree = {
    "main.tf": b'module "m" {\n  source  = "acme/roles/aws"\n  version = "1.2.0"\n}\n',
    _MANIFEST: b'{"Modules": [{"Key": "", "Source": "", "Dir": "."}, {"Key": "m", "Version": "1.2.0", '
    b'"Source": "registry.terraform.io/acme/roles/aws", "Dir": ".terraform/modules/m"}]}',
    ".terraform/modules/m/main.tf": GOOD,
}


def changed_tree(rng: random.Random) -> Tree:
    """A small folder with one or two of its files changed, and sometimes with a file of another one."""
    tree = dict(rng.choice(trees()))
    if rng.random() < 0.15:
        tree.update(rng.choice(trees()))
    for name in rng.sample(sorted(tree), min(len(tree), rng.choice((1, 1, 2)))):
        tree[name] = changed(name, tree[name], rng)
    return tree


def changed(name: str, content: bytes, rng: random.Random) -> bytes:
    kind = format_of(name)
    change = making.expressions if kind == "hcl" and rng.random() < 0.3 else mutated
    return change(content, rng, kind)


def _two_versions(rng: random.Random) -> Tree:
    base = rng.choice(trees())
    versions = {"old": dict(base), "new": dict(base)}
    for side in ("old", "new"):
        for name in rng.sample(sorted(base), 1) if side == "new" or rng.random() < 0.4 else ():
            versions[side][name] = changed(name, base[name], rng)
    if rng.random() < 0.1:
        versions["new"] = dict(rng.choice(trees()))
    return {f"{side}/{name}": content for side, tree in versions.items() for name, content in tree.items()}


def _with_inputs(rng: random.Random) -> Tree:
    """A folder with files of values, those of Terraform and those of CloudFormation."""
    tree = dict(_INSTALLED if rng.random() < 0.2 else rng.choice(trees()))
    if _MANIFEST in tree:
        tree[_MANIFEST] = mutated(tree[_MANIFEST], rng, "json")
    values = rng.choice((*files_named(".tfvars"), b'env = "a"\nroles = ["x", { y = 1 }]\n', rng.choice(pieces("hcl"))))
    parameters = rng.choice(
        (b'{"Parameters": {"Env": "a"}}', b'[{"ParameterKey": "Env", "ParameterValue": "a,b"}]', b'{"Env": 1}',
         b"Env: a\nRole: [b]\n",
         b'version = 0.1\n[default.deploy.parameters]\nparameter_overrides = "Env=\\"a\\" B=c"\n')
    )  # fmt: skip
    tree["terraform.tfvars"] = mutated(values, rng, "hcl")
    tree["given.tfvars.json"] = mutated(b'{"env": "a", "list": ["${x}", {"y": 1}]}', rng, "json")
    tree[rng.choice(("given.json", "given.yaml", "given.toml"))] = mutated(
        parameters, rng, rng.choice(("json", "yaml", "hcl"))
    )
    return tree


def _bundles(rng: random.Random) -> Tree:
    """A report of a review, as JSON or packed as GitHub packs it."""
    content = rng.choice(_BUNDLE)
    if rng.random() < 0.6:
        return {"bundle.json": mutated(content, rng, "json")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        made = zipfile.ZipInfo(
            report_json.ZIP_MEMBER if rng.random() < 0.9 else "../x"
        )  # of one time, so that it is the same
        archive.writestr(made, content)
    data = packed.getvalue()
    for _ in range(rng.choice((0, 1, 3))):
        data = rng.choice((flip, truncate, erase, repeat))(data, rng, "json")
    return {"bundle.zip": data}


def _one_file(name: str, kind: str, *originals: bytes) -> Make:
    def make(rng: random.Random) -> Tree:
        return {name: mutated(rng.choice(originals), rng, kind)}

    return make


def _documents(rng: random.Random) -> Tree:
    """A policy document as a text, in which ``~`` stands for what is not known."""
    content = json.dumps(making.policy(rng), indent=rng.choice((None, 1)))
    for _ in range(rng.choice((0, 1, 2))):
        place = rng.randrange(len(content))
        content = content[:place] + "~" + content[place + rng.choice((0, 1, 12)) :]
    return {"policy.json": mutated(content.encode(), rng, "json") if rng.random() < 0.8 else content.encode()}


_CONFIGURATION = (
    b'[tool.passrole_checks]\nseverity = "info"\nformat = ["text", "sarif"]\nvar_file = ["x.tfvars"]\n'
    b"unchanged = true\n"
    b'check = ["001", "any-service"]\nfail_on = "high"\nvar = ["a=b"]\naccount = "111122223333"\n',
    b'[project]\nname = "x"\n[tool.other]\na = 1\n[[tool.list]]\nb = {c = [1, 2.5, 2026-01-01]}\n'
    b"[tool.passrole_checks]\n",
)
_ENTRY = {
    "fingerprint": "0123456789abcdef" * 2,
    "check_id": "PASSROLE_001",
    "file": "a.tf",
    "resource": "r",
    "severity": "medium",
}
_BASELINE = (
    json.dumps(
        {"version": 1, "entries": [_ENTRY, {**_ENTRY, "reason": "x", "expires": "2027-01-31"}]}, indent=1
    ).encode(),
    b'{"version": 1, "entries": []}',
)
_BUNDLE = tuple(report_json.to_json(one).encode() for one in (reports_of_tests.EMPTY, reports_of_tests.ALL_KINDS))


# -- what is run


def _scan(folder: Path) -> None:
    """Every format can be written and read again, every place is there, and good code beside is judged as ever."""
    found = scan_paths([folder], _ALL)
    _check_scan(found)
    beside = folder.parent / "beside"
    beside.mkdir()
    (beside / "main.tf").write_bytes(GOOD)
    together = scan_paths([folder, beside], _ALL)
    theirs = [one.check_id for one in together.findings if one.at.file == str(beside / "main.tf")]
    assert theirs == ["PASSROLE_001"], f"good code beside it: {theirs}"
    assert len(together.findings) == len(found.findings) + 1, "good code beside it changes what is found"


def _check_scan(found: ScanResult) -> None:
    report = ScanReport(found)
    for output_format in FORMATS:
        if output_format != "text":
            _check_output(render(report, output_format), output_format)
    _check_output(text.to_plain_text(text.scan_lines(found, width=100)), "text")
    _check_output(json_output.grants_json(found, found.grants), "json")
    _check_output(grants_html.grants_html(found, found.grants), "html")
    _check_output(grants_markdown.grants_markdown(found, found.grants), "markdown")
    _check_output(text.to_plain_text(text.grants_lines(found, found.grants)), "text")
    _check_unreadable(found.unreadable)
    for place in [one.at for one in found.findings] + [one.grant.at for one in found.grants]:
        count = _line_count(place.file)
        assert 1 <= place.line <= place.end_line <= count, (
            f"lines {place.line} to {place.end_line} of {count} in {Path(place.file).name}"
        )


def _check_output(written: str, output_format: str) -> None:
    written.encode("utf-8")
    if output_format in ("json", "sarif", "gitlab"):
        json.loads(written, parse_constant=_no_constant)
    elif output_format == "junit":
        ElementTree.fromstring(written)
    elif output_format == "text":
        assert not set(written) & set(map(chr, (*range(9), *range(11, 32), 127))), "control characters on a terminal"


def _no_constant(name: str) -> object:
    raise AssertionError(f"{name} in JSON")


def _check_unreadable(unreadable: Sequence[Unreadable]) -> None:
    for one in unreadable:
        assert one.reason and "\n" not in one.reason, f"a reason of more than one line: {one.reason!r}"
        assert one.line is None or 1 <= one.line <= _line_count(one.file), (
            f"line {one.line} for {one.reason!r} is not in {Path(one.file).name}"
        )


def _line_count(file: str) -> int:
    """How many lines a file has by the widest of all definitions: YAML's knows three characters more."""
    path = Path(file)
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    return len(_LINE_END.split(text))


def _required(folder: Path) -> None:
    """Render the required statements in each format."""
    read = read_paths([folder], _ALL)
    found = compute_required([configuration for _, configuration in read.units], "111122223333")
    _check_output(required_output.required_json(found, read.unreadable, read.notes), "json")
    _check_output(text.to_plain_text(required_output.required_lines(found, 1, "", read.notes)), "text")
    required_policy.to_hcl(found).encode("utf-8")
    required_policy.to_yaml(found).encode("utf-8")


def _diff(folder: Path) -> None:
    """Two versions are compared, and nothing has changed between one and its copy."""
    (folder / "old").mkdir(exist_ok=True)
    (folder / "new").mkdir(exist_ok=True)
    found = compare_paths(folder / "old", folder / "new", _ALL)
    _check_output(json_output.diff_json(found), "json")
    _check_output(text.to_plain_text(diff_lines(found)), "text")
    _check_unreadable(found.unreadable)
    copy = folder.parent / "copy"
    shutil.copytree(folder / "new", copy)
    same = compare_paths(folder / "new", copy, _ALL)
    changed = (same.new, same.widened, same.narrowed, same.removed)
    assert not any(changed), f"a copy differs: {text.to_plain_text(diff_lines(same))}"


def _suggest(folder: Path) -> None:
    """Render the suggestions in each format."""
    found = suggest_runner.find_suggestions([str(folder)], suggest_options(*GRADES), Severity.LOW)
    _check_output(suggest_runner.render(found, "json", terminal=False), "json")
    suggest_runner.render(found, "patch", terminal=False).encode("utf-8")
    _check_output(
        text.to_plain_text(suggest_runner.suggestion_lines(found, width=100, quiet=False, verbose=True)), "text"
    )


def _inputs(folder: Path) -> None:
    """Files of values are used or refused."""
    given = sorted(str(path) for path in folder.glob("given.*"))
    parameters: tuple[tuple[str, str], ...] = ()
    for name in given:
        try:
            parameters += parse_parameter_options([name])
        except (InputError, ConfigurationError) as error:
            assert str(error).startswith(name), str(error)
    files = tuple(Path(name) for name in given if ".tfvars" in name)
    variables = (("env", '["a'), ("roles", "x"), ("unknown", "[1, {"))
    found = scan_paths([folder], replace(_ALL, inputs=Inputs(files, variables, folder, parameters=parameters)))
    _check_scan(found)


def _functions(folder: Path) -> None:
    """Any call leaves the file valid, and the statement next to it is reported."""
    found = scan_paths([folder], _ALL)
    _check_scan(found)


def _policies(folder: Path) -> None:
    """A policy says the same in a template and in Terraform code, where it is a text."""
    said = []
    for name in ("cfn", "tf"):
        found = scan_paths([folder / name], _ALL)
        _check_scan(found)
        findings = Counter((one.check_id, one.severity.value, _place(one.statement_path)) for one in found.findings)
        scopes = Counter(
            (one.grant.scope.value, str(one.grant.services), one.effect_on_passrole) for one in found.grants
        )
        said.append((findings, scopes))
        if found.unreadable:
            return
    for template, terraform in zip(*said, strict=True):
        more, less = list((template - terraform).elements()), list((terraform - template).elements())
        assert not more and not less, f"said of a template only: {more}; of Terraform only: {less}"


def _place(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[parts.index("Statement") :]) if "Statement" in parts else ""


def _document(folder: Path) -> None:
    """A policy document as a text is read or refused, at a place that is in it."""
    (file,) = folder.iterdir()
    content = file.read_bytes().decode("utf-8", "replace")
    parts = content.split("~")
    holes = [part for one in parts for part in (one, Unresolved("hole"))][:-1]
    try:
        node = parse_json(StringNode(tuple(part for part in holes if part != ""), Position(str(file), 1, 1, 1, 1)))
    except MalformedDocument as error:
        assert "\n" not in error.reason, error.reason
    else:
        parse_document(node)
        parse_document(node, trust=True)


def _configuration(folder: Path) -> None:
    (file,) = folder.iterdir()
    _refused(
        lambda: configuration.checked(
            configuration.table_in(file.read_bytes()), configurable_options(click.Context(cli.cli)), folder
        ),
        "pyproject.toml",
    )


def _baseline(folder: Path) -> None:
    (file,) = folder.iterdir()
    _refused(lambda: baseline.dump(baseline.load(str(file))), str(file))


def _bundle(folder: Path) -> None:
    (file,) = folder.iterdir()

    def read() -> None:
        report = report_json.read_bundle(file.read_bytes(), "name")
        assert report_json.read_bundle(report_json.to_json(report).encode()) == report, (
            "what is written is not what is read"
        )

    _refused(read, "name")


def _refused(action: Callable[[], object], file: str) -> None:
    """Unusable input is rejected in one line that begins with the file."""
    try:
        action()
    except (ConfigurationError, InputError) as error:
        message = str(error)
        assert message.startswith(file), message
        assert len(message) < 5_000, f"a message of {len(message):,} characters"


TARGETS = (
    Target("scan", changed_tree, _scan, 12),
    Target("required", changed_tree, _required, 4),
    Target("diff", _two_versions, _diff, 5),
    Target("suggest", changed_tree, _suggest, 2),
    Target("inputs", _with_inputs, _inputs, 3),
    Target("functions", making.functions, _functions, 6),
    Target("policies", making.policies, _policies, 6),
    Target("document", _documents, _document, 3),
    Target("configuration", _one_file("pyproject.toml", "hcl", *_CONFIGURATION), _configuration, 1),
    Target("baseline", _one_file("baseline.json", "json", *_BASELINE), _baseline, 1),
    Target("bundle", _bundles, _bundle, 1),
)
