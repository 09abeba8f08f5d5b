"""One folder: override files, files of OpenTofu, symbolic links, and which other folders it calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.terraform import called_folders, load

STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "%s" }'
POLICY = 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [%s] })\n}\n'


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def policy(name: str) -> str:
    return POLICY % (STATEMENT % name)


def texts(root: Path) -> list[str]:
    """All Resource elements of the folder's policies."""
    documents = [parse_document(item.document) for item in load(root).policies]
    return [str(text) for document in documents for one in document.statements for text in one.resources or ()]


# override files


def test_attributes_and_files_in_order(tmp_path: Path) -> None:
    """An override replaces an attribute, the last file by name wins, and ``override.tf`` is one of them."""
    put(tmp_path, {"main.tf": policy("a"), "a_override.tf": policy("b"), "override.tf": policy("c")})
    assert texts(tmp_path) == ["c"]
    put(tmp_path, {"z_override.tf.json": json.dumps({"resource": {"aws_iam_policy": {"p": {"policy": "{}"}}}})})
    assert texts(tmp_path) == []


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ('locals {\n  a = "x"\n  b = "y"\n}\n', 'locals {\n  b = "z"\n}\n', ["x", "z"]),
        (
            'locals {\n  a = "x"\n  b = var.b\n}\nvariable "b" {\n  default = "y"\n}\n',
            'variable "b" {\n  default = "z"\n}\n',
            ["x", "z"],
        ),
        (
            'locals {\n  a = "x"\n  b = module.m.b\n}\nmodule "m" {\n  source = "./one"\n}\n',
            'module "m" {\n  source = "./two"\n}\n',
            ["x", "two"],
        ),
    ],
)
def test_locals_variables_and_modules(tmp_path: Path, base: str, over: str, expected: list[str]) -> None:
    """Locals are merged by their names, variables and module calls by their arguments."""
    put(tmp_path, {f"{name}/main.tf": f'output "b" {{\n  value = "{name}"\n}}\n' for name in ("one", "two")})
    wanted = POLICY % '{ Effect = "Allow", Action = "iam:PassRole", Resource = [local.a, local.b] }'
    put(tmp_path, {"main.tf": base + wanted, "override.tf": over})
    assert texts(tmp_path) == expected


def test_outputs_and_data_sources(tmp_path: Path) -> None:
    """Outputs and data sources of a module are overridden in its own folder."""
    data = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n'
        '    actions   = ["iam:PassRole"]\n    resources = ["%s"]\n  }\n}\n'
    )
    put(
        tmp_path,
        {
            "main.tf": 'module "m" {\n  source = "./m"\n}\n'
            'resource "aws_iam_policy" "p" {\n  policy = module.m.out\n}\n',
            "m/main.tf": data % "a" + 'output "out" {\n  value = "{}"\n}\n',
            "m/override.tf": data % "b" + 'output "out" {\n  value = data.aws_iam_policy_document.d.json\n}\n',
        },
    )
    assert texts(tmp_path) == ["b"]


def statement(name: str, dynamic: bool) -> str:
    body = f'actions = ["iam:PassRole"]\n    resources = ["{name}"]\n'
    if not dynamic:
        return f"  statement {{\n    {body}  }}\n"
    return f'  dynamic "statement" {{\n    for_each = [1]\n    content {{\n    {body}    }}\n  }}\n'


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_nested_blocks_replace_those_of_their_type(tmp_path: Path, first: bool, second: bool) -> None:
    """Blocks of an override take the place of all of their type, those that ``dynamic`` makes as well."""
    head = 'data "aws_iam_policy_document" "d" {\n'
    use = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    put(
        tmp_path,
        {
            "main.tf": head + statement("a", first) + statement("b", not first) + "}\n" + use,
            "override.tf": head + statement("c", second) + "}\n",
        },
    )
    assert texts(tmp_path) == ["c"]


def test_providers_are_merged_by_alias(tmp_path: Path) -> None:
    """The account that an override states for the default provider holds; one of an alias is another provider's."""
    base = 'provider "aws" {\n  region = "eu-west-1"\n}\nprovider "aws" {\n  alias = "x"\n}\n'
    over = 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n'
    put(tmp_path, {"main.tf": base, "override.tf": over})
    assert load(tmp_path).account == "111122223333"
    put(tmp_path, {"override.tf": over.replace("{\n", '{\n  alias = "x"\n')})
    assert load(tmp_path).account is None


def test_blocks_that_hold_no_policy_do_not_matter(tmp_path: Path) -> None:
    """``moved``, ``import``, ``removed``, ``check`` and ``terraform`` blocks are read past, in overrides too."""
    others = (
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n  backend "s3" {}\n}\n'
        "moved {\n  from = aws_iam_policy.old\n  to = aws_iam_policy.p\n}\n"
        'import {\n  to = aws_iam_policy.p\n  id = "x"\n}\n'
        "removed {\n  from = aws_iam_policy.gone\n  lifecycle {\n    destroy = false\n  }\n}\n"
        'check "c" {\n  data "http" "h" {\n    url = "https://example.com"\n  }\n  assert {\n    condition = true\n'
        '    error_message = "x"\n  }\n}\n'
    )
    put(tmp_path, {"main.tf": others + policy("a"), "override.tf": 'terraform {\n  backend "local" {}\n}\n'})
    assert texts(tmp_path) == ["a"]
    assert load(tmp_path).unreadable == ()


# OpenTofu


@pytest.mark.parametrize(("theirs", "ours"), [("main.tf", "main.tofu"), ("main_override.tf", "main_override.tofu")])
def test_a_file_of_opentofu_stands_in_for_its_namesake(tmp_path: Path, theirs: str, ours: str) -> None:
    """Of ``x.tf`` and ``x.tofu`` the second is read, and the first is named as not evaluated."""
    put(tmp_path, {"base.tf": policy("base"), theirs: policy("theirs"), ours: policy("ours")})
    assert "theirs" not in texts(tmp_path)
    assert "ours" in texts(tmp_path)
    notes = scan_paths([tmp_path], ScanOptions()).not_evaluated
    assert [(Path(note.file).name, note.reason) for note in notes] == [(theirs, f"OpenTofu reads {ours} in its place")]


def test_json_stands_in_for_json_only(tmp_path: Path) -> None:
    """``x.tofu.json`` stands in for ``x.tf.json``, and not for ``x.tf``."""
    put(tmp_path, {"x.tf": policy("a"), "x.tf.json": "{", "x.tofu.json": "{}"})
    assert texts(tmp_path) == ["a"]
    assert load(tmp_path).unreadable == ()


# symbolic links


def test_a_folder_of_symbolic_links_is_read(tmp_path: Path) -> None:
    """Terraform reads a linked file like any other; a folder that holds nothing else is a root as well."""
    put(tmp_path, {"shared/main.tf": policy("*")})
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/main.tf").symlink_to("../shared/main.tf")
    (tmp_path / ".git").mkdir()
    result = scan_paths([tmp_path / "dev"], ScanOptions())
    assert [finding.at.file for finding in result.findings] == [str(tmp_path / "dev/main.tf")]


def test_a_link_to_itself_hides_no_other_file(tmp_path: Path) -> None:
    """It is named as unreadable, and the files beside it are read."""
    (tmp_path / "loop.tf").symlink_to("loop.tf")
    found = load(put(tmp_path, {"main.tf": policy("*")}))
    assert len(found.policies) == 1
    assert [Path(one.file).name for one in found.unreadable] == ["loop.tf"]


def test_a_link_that_leads_nowhere_is_unreadable(tmp_path: Path) -> None:
    """It is named; one that leads to a folder, and the lock of an editor, are no files."""
    (tmp_path / "main.tf").symlink_to("nowhere.tf")
    (tmp_path / ".#other.tf").symlink_to("user@host.1234")
    (tmp_path / "folder.tf").symlink_to(tmp_path)
    result = scan_paths([tmp_path], ScanOptions())
    assert [Path(problem.file).name for problem in result.unreadable] == ["main.tf"]
    assert "nowhere.tf" in result.unreadable[0].reason


# calls


@pytest.mark.parametrize("name", ["main.tf", "main.tofu", "x_override.tf"])
def test_calls_in_every_kind_of_file(tmp_path: Path, name: str) -> None:
    """A folder is known as a module whichever file calls it."""
    put(tmp_path, {name: 'module "m" {\n  source = "./child"\n}\n'})
    assert called_folders(tmp_path) == {tmp_path.resolve() / "child"}


@pytest.mark.parametrize("name", ["main.tf.json", "main.tofu.json"])
@pytest.mark.parametrize(
    "modules",
    ['{"m": {"source": "./child"}}', '{"m": [{"source": "./child"}]}', '[{"m": {"source": ".\\/child"}}]'],
)
def test_calls_in_json(tmp_path: Path, name: str, modules: str) -> None:
    """JSON in its several forms calls modules as well."""
    put(tmp_path, {name: f'{{"module": {modules}}}', "child/main.tf": policy("*")})
    assert called_folders(tmp_path) == {tmp_path.resolve() / "child"}
    result = scan_paths([tmp_path], ScanOptions())
    assert [finding.resource.address for finding in result.findings] == ["module.m.aws_iam_policy.p"]


def test_a_call_in_a_file_that_is_not_read_is_none(tmp_path: Path) -> None:
    """A module that only a shadowed file calls is judged by itself."""
    put(tmp_path, {"x.tf": 'module "m" {\n  source = "./child"\n}\n', "x.tofu": "", "child/main.tf": policy("*")})
    result = scan_paths([tmp_path], ScanOptions())
    assert [finding.resource.address for finding in result.findings] == ["aws_iam_policy.p"]
