"""Texts that are not saved are read as if they had been saved: each function returns the same for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from passrole_checks import api
from passrole_checks.files.relocate_paths import relocate
from passrole_checks.files.unsaved_texts import entries_in, mode_of, names_in, reading_texts, unsaved_text

ROLE = 'resource "aws_iam_role" "app" {\n  name = "app"\n}\n'
FUNCTION = 'resource "aws_lambda_function" "f" {\n  role = aws_iam_role.app.arn\n}\n'
POLICY = """resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = file("${path.module}/policy.json")
}
"""
DOCUMENT = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
INLINE = """resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
"""
TEMPLATE = f"""Resources:
  P:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: dev
      PolicyName: p
      PolicyDocument: {DOCUMENT}
"""
PARTS = """resource "aws_iam_user_policy" "p" {
  for_each = fileset(path.module, "*.json")
  user     = "dev"
  policy   = file("${path.module}/${each.value}")
}
"""
VARIABLE = """variable "scope" {
  default = "role/app"
}
resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = var.scope }]
  })
}
"""
TREES: dict[str, tuple[Mapping[str, str], Mapping[str, str]]] = {  # what is on the disk, and what is not saved
    "file that exists": ({"main.tf": ROLE}, {"main.tf": INLINE}),
    "new file beside others": ({"main.tf": ROLE + FUNCTION}, {"policy.tf": INLINE}),
    "file that an expression reads": ({"main.tf": POLICY, "policy.json": "{}"}, {"policy.json": DOCUMENT}),
    "new file that an expression reads": ({"main.tf": POLICY}, {"policy.json": DOCUMENT}),
    "new file that fileset finds": ({"main.tf": PARTS}, {"policy.json": DOCUMENT}),
    "new file that fileset finds in a new folder": (
        {"main.tf": PARTS.replace("*.json", "**/*.json")},
        {"new/policy.json": DOCUMENT},
    ),
    "template": ({"template.yaml": "Resources: {}\n"}, {"template.yaml": TEMPLATE}),
    "new template": ({}, {"template.yaml": TEMPLATE}),
    "module in a new folder": ({}, {"main.tf": 'module "m" {\n  source = "./m/n"\n}\n', "m/n/main.tf": INLINE}),
    "values": ({"main.tf": VARIABLE}, {"terraform.tfvars": 'scope = "*"\n'}),
    "file that OpenTofu reads instead": ({"main.tf": ROLE, "p.tf": INLINE}, {"p.tofu": ROLE.replace("app", "other")}),
    "broken text": ({"main.tf": INLINE}, {"main.tf": 'resource "x" {'}),
    "text that is not UTF-8": ({"main.tf": INLINE}, {"main.tf": "# \ud800"}),
    "unsaved deletion": ({"main.tf": INLINE}, {"main.tf": ""}),
}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


def in_both_ways(
    tmp_path: Path, tree: str, ask: Callable[[Path, Mapping[str, str]], Any], given: str = ""
) -> tuple[Any, Any]:
    """Return the results for texts that are not saved, and for the same files on the disk, under the same paths."""
    saved, unsaved = TREES[tree]
    folder = write(tmp_path / "tree", saved)
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    first = ask(folder / given, {str(folder / name): text for name, text in unsaved.items()})
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before  # nothing was written
    other = write(tmp_path / "saved", {**saved, **unsaved})
    return first, relocate(ask(other / given, {}), {str(other): str(folder)})


@pytest.mark.parametrize("tree", TREES)
def test_scan_is_that_of_saved_files(tmp_path: Path, tree: str) -> None:
    unsaved, saved = in_both_ways(tmp_path, tree, lambda path, texts: api.scan(path, texts=texts))
    assert unsaved == saved


@pytest.mark.parametrize("tree", ["new file beside others", "file that exists", "module in a new folder"])
def test_required_is_that_of_saved_files(tmp_path: Path, tree: str) -> None:
    unsaved, saved = in_both_ways(tmp_path, tree, lambda path, texts: api.required(path, texts=texts))
    assert unsaved == saved


@pytest.mark.parametrize("tree", ["new file beside others", "new file that an expression reads", "new template"])
def test_suggestions_are_those_for_saved_files(tmp_path: Path, tree: str) -> None:
    def ask(path: Path, texts: Mapping[str, str]) -> object:
        result = api.suggest(path, texts=texts, grades=list(api.Grade))
        changed = {str(Path(file).relative_to(path)): text for file, text in result.changed.items()}
        return result.suggestions, changed, result.unreadable

    unsaved, saved = in_both_ways(tmp_path, tree, ask)
    assert unsaved == saved
    assert unsaved[0]


def test_new_file_can_be_given_by_name(tmp_path: Path) -> None:
    unsaved, saved = in_both_ways(
        tmp_path, "new file beside others", lambda path, texts: api.scan(path, texts=texts), given="policy.tf"
    )
    assert unsaved == saved
    assert [finding.check_id for finding in api.scan(tmp_path / "saved" / "policy.tf").findings]


def test_texts_are_forgotten_after_the_call(tmp_path: Path) -> None:
    path = write(tmp_path, {"main.tf": ROLE}) / "main.tf"
    assert api.grants(path, texts={str(path): INLINE})
    assert not api.grants(path)


def test_cache_does_not_keep_unsaved_texts(tmp_path: Path) -> None:
    from passrole_checks.scan.cache.store import ResultStore

    path = write(tmp_path / "tree", {"main.tf": ROLE}) / "main.tf"
    cache = ResultStore(str(tmp_path / "cache"), "test")
    assert api.scan(path, cache=cache, texts={str(path): INLINE}).grants
    assert not api.scan(path, cache=cache).grants


def test_invalid_names_are_refused(tmp_path: Path) -> None:
    for name in ("", "a\0b", "\ud800"):
        with pytest.raises(api.ConfigurationError):
            api.scan(tmp_path, texts={name: ""})


def test_text_behind_a_link_that_leads_outside_is_not_read(tmp_path: Path) -> None:
    """As for a file: only the link is in the folder."""
    write(tmp_path / "outside", {"secret.tf": ROLE})
    folder = write(tmp_path / "tree", {"main.tf": ROLE})
    (folder / "link.tf").symlink_to(tmp_path / "outside" / "secret.tf")
    result = api.scan(folder, texts={str(folder / "link.tf"): INLINE})
    assert not result.grants
    assert [Path(entry.file).name for entry in result.unreadable] == ["link.tf"]


def test_listings_contain_texts_once(tmp_path: Path) -> None:
    folder = write(tmp_path, {"b.tf": ROLE})
    texts = {str(folder / name): "" for name in ("a.tf", "b.tf", "new/inner/c.tf")}
    with reading_texts(texts):
        assert names_in(folder) == ["a.tf", "b.tf", "new"]
        assert names_in(folder / "new") == ["inner"]
        kinds = {entry.name: (entry.is_dir(), entry.is_file(), entry.is_symlink()) for entry in entries_in(folder)}
        assert kinds == {"a.tf": (False, True, False), "b.tf": (False, True, False), "new": (True, False, False)}
        with pytest.raises(FileNotFoundError):
            mode_of(folder / "other")
    with pytest.raises(FileNotFoundError):
        names_in(folder / "new")


def test_values_of_an_option_are_those_of_the_text(tmp_path: Path) -> None:
    """The file is read again if its text differs, whatever the file on disk is."""
    policy = '{ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }'
    main = f'resource "aws_iam_user_policy" "p" {{\n  user = "u"\n  policy = var.x ? jsonencode({policy}) : ""\n}}\n'
    write(tmp_path, {"main.tf": main + 'variable "x" {}\n', "some.tfvars": "x = false\n"})
    values = tmp_path / "some.tfvars"
    options = api.ScanOptions(inputs=api.Inputs(var_files=(values,)))
    assert not api.scan(tmp_path, options).findings
    for on in ("true", "false", "true"):
        found = api.scan(tmp_path, options, texts={str(values): f"x = {on}\n"}).findings
        assert bool(found) is (on == "true")


def test_inner_texts_are_read_in_addition(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "new" / "other"
    with reading_texts({str(one): "1"}):
        with reading_texts({str(one): "2", str(other): "3"}):
            assert (unsaved_text(one), unsaved_text(other), names_in(tmp_path)) == (b"2", b"3", ["new", "one"])
        assert (unsaved_text(one), unsaved_text(other), names_in(tmp_path)) == (b"1", None, ["one"])
