"""Templates: directives, heredocs, template files, loops over unknown collections, and positions of statements."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import shown

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.terraform import load

HEAD = """
variable "u" {}
variable "flag" {}
locals {
  roles = ["a", "b"]
}
"""


def document(root: Path, expression: str, boundary: Path | None = None) -> Node:
    """Return the policy of an expression."""
    text = f'{HEAD}\nresource "aws_iam_policy" "p" {{\n  policy = {expression}\n}}\n'
    (root / "main.tf").write_text(text, encoding="utf-8")
    found = load(root, boundary=boundary)
    assert not found.unreadable
    return found.policies[0].document


def lines(node: Node) -> list[tuple[str, int]]:
    """The file and line of each statement."""
    places = [statement.at for statement in parse_document(node).statements]
    return [(Path(at.file).name, at.line) for at in places]


def template(root: Path, text: str, variables: str = "{ roles = local.roles, u = var.u, flag = var.flag }") -> Node:
    (root / "p.tftpl").write_text(text, encoding="utf-8")
    return document(root, f'templatefile("${{path.module}}/p.tftpl", {variables})')


PASS = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/%s"}'


def test_statement_has_its_position_in_the_template_file(tmp_path: Path) -> None:
    """A statement is reported at its line of the template file; one in a loop, at the line of the body."""
    body = PASS % "${r}"
    loop = f"%{{ for i, r in roles ~}}\n{body}%{{ if i < length(roles) - 1 }},%{{ endif }}\n%{{ endfor ~}}"
    text = f'{{\n"Statement": [\n{loop}\n]}}\n'
    assert lines(template(tmp_path, text)) == [("p.tftpl", 4), ("p.tftpl", 4)]


@pytest.mark.parametrize(
    "body",
    [
        '%{ for i, r in u ~}\n"x-${r}"%{ if i < length(u) - 1 },%{ endif }\n%{ endfor ~}',
        '%{ for i, r in u }${i > 0 ? "," : ""}"x-${r}"%{ endfor }',
        '%{ for r in u }"x-${r}",%{ endfor ~}',
        '%{~ for r in u ~}"x-${r}"%{~ endfor ~}',
        '%{ for r in u }%{ if flag }"x-${r}",%{ else }"x-${r}",%{ endif }%{ endfor }',
        '%{ for r in u ~} ${jsonencode("x-${r}")}, %{ endfor ~}',
    ],
)
def test_loop_over_unknown_collection_gives_optional_elements(tmp_path: Path, body: str) -> None:
    """However the commas are written, an unknown loop in a list is any number of elements of its form."""
    found = template(tmp_path, '{"Resource": ["a", ' + body + "]}")
    assert shown(found) == {"Resource": ["a", "?x-${var.u[*]}"]}


def test_unknown_loop_of_statements_keeps_all_statements(tmp_path: Path) -> None:
    """A statement in an unknown loop exists under a condition, at its line, and hides no other."""
    fixed, looped = PASS % "x", PASS % "${r}"
    found = template(tmp_path, f'{{"Statement": [\n%{{ for r in u }}\n{looped},\n%{{ endfor }}\n{fixed}\n]}}\n')
    assert isinstance(found, ObjectNode)
    statements = found.get("Statement")
    assert isinstance(statements, ListNode)
    first, second = statements.items
    assert isinstance(first, Choice)
    assert first.condition.startswith("var.u is not empty")
    assert (first.options[0][1].at.line, second.at.line) == (3, 5)


def test_loops_inside_unknown_loops_are_evaluated(tmp_path: Path) -> None:
    """Each of several nested loops is evaluated on its own."""
    found = template(tmp_path, '{"a": [%{ for r in u }%{ for s in roles }"${r}-${s}",%{ endfor }%{ endfor }"z"]}')
    assert shown(found) == {"a": ["?${var.u[*]}-a", "?${var.u[*]}-b", "z"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "%{ for r in u }x%{ endfor }"}',
        '{%{ for r in u }"${r}": 1,%{ endfor }"b": 2}',
        "x %{ for r in u }y%{ endfor }",
    ],
)
def test_unknown_loop_elsewhere_is_unresolved_with_a_reason(tmp_path: Path, text: str) -> None:
    """Inside a string, among keys and in text that is not JSON, an unknown loop is an unresolved value."""
    found = template(tmp_path, text)
    assert isinstance(found, StringNode)
    assert [hole.reason for hole in found.unresolved_parts] == ["a loop over an unknown collection"]


def test_iteration_under_a_condition_is_conditional_text(tmp_path: Path) -> None:
    """A list element that exists under a condition appears in the text under that condition."""
    found = template(tmp_path, "<%{ for r in rs }${r}%{ endfor }>", '{ rs = [for r in ["a"] : r if var.flag] }')
    assert shown(found) == ("var.flag", "<a>", "<>")


def test_encoded_value_keeps_its_positions(tmp_path: Path) -> None:
    """A value encoded into a string is reported at its own position."""
    text = f'<<-EOT\n    {{\n      "Statement": ${{jsonencode([{PASS % "x"}])}}\n    }}\n  EOT'
    found = document(tmp_path, text.replace('": "', '" = "'))
    assert lines(found) == [("main.tf", 11)]


def test_template_file_of_one_expression_is_that_value(tmp_path: Path) -> None:
    """A template file that only encodes a value yields that value, with positions in the template file."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = r }'
    text = f"${{jsonencode({{\n  Statement = [for r in roles : {statement}]\n}})}}\n"
    found = template(tmp_path, text)
    assert lines(found) == [("p.tftpl", 2), ("p.tftpl", 2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${a} %%{ if b } ${u}", "${a} %{ if b } ${var.u}"),
        ("a %{~ if true ~} b %{~ else ~} c %{~ endif ~} d", "abd"),
        ("%{ if flag }a%{ else }b%{ endif }", ("flag", "a", "b")),
        ("%{ for k, v in { x = 1 } }${k}=${v};%{ endfor }", "x=1;"),
        ("${[for r in roles : upper(r)][1]}", "B"),
        ('%{ if length(roles) > 1 }${join("/", roles)}%{ endif }', "a/b"),
        ('%{ for r in roles ~}\n  %{ if r != "a" }${r}%{ endif ~}\n%{ endfor ~}\n', "b"),
    ],
)
def test_directives_and_escapes_are_evaluated(tmp_path: Path, text: str, expected: object) -> None:
    """Directives, trims and doubled signs in a template file are evaluated."""
    found = shown(template(tmp_path, text))
    if isinstance(found, tuple):
        found = (str(found[0]).split(" ")[0].removeprefix("var."), *found[1:])
    assert str(found).strip() == expected if isinstance(expected, str) else found == expected


def test_indented_heredoc_keeps_indentation_of_interpolated_text(tmp_path: Path) -> None:
    """``<<-`` removes the smallest indentation, but not that of interpolated text."""
    found = document(tmp_path, '<<-EOT\n      a\n        ${"b\\n c"}\n    d\n  EOT')
    assert shown(found) == "  a\n    b\n c\nd\n"


def test_undeclared_template_variables_fail(tmp_path: Path) -> None:
    """Names that are not passed fail; if the variables are unknown as a whole, each name is unresolved."""
    assert shown(template(tmp_path, "${nope}", "merge({ roles = 1 }, {})")) == "${nope}"
    assert shown(template(tmp_path, "x-${who}", "var.u")) == "x-${var.u.who}"
    assert shown(template(tmp_path, "${jsonencode({ a = who })}", "var.u")) == {"a": "${var.u.who}"}
    assert shown(template(tmp_path, "${who}-${what}", 'merge(var.u, { what = "w" })')) == "${var.u.who}-w"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('file("${path.module}/none.json")', "file not found"),
        ('templatefile("${path.root}/none.json", {})', "file not found"),
        ('file("${path.module}/../outside.json")', "file outside the scanned folder"),
        ('file("/etc/passwd")', "file outside the scanned folder"),
        ('file("${path.module}/link.json")', "file outside the scanned folder"),
        ('file("${path.cwd}/p.json")', "the file name is unknown"),
        ('file("${path.module}/${var.u}.json")', "the file name is unknown"),
        ('file("${path.module}/nul.json")', "binary file"),
        ('templatefile("${path.module}/broken.tftpl", {})', "invalid template"),
        ('templatefile("${path.module}/self.tftpl", { n = 1 })', "a template within a template"),
    ],
)
def test_unread_file_is_unresolved_with_a_reason(tmp_path: Path, expression: str, reason: str) -> None:
    """Missing, outside, unnamed and unreadable files are unresolved with a reason; no link leads out of the folder."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.json").write_text("{}", encoding="utf-8")
    (root / "link.json").symlink_to(tmp_path / "outside.json")
    (root / "nul.json").write_bytes(b"{\0}")
    (root / "broken.tftpl").write_text("%{ if }", encoding="utf-8")
    (root / "self.tftpl").write_text('${templatefile("self.tftpl", { n = n })}', encoding="utf-8")
    for _ in range(2):
        found = document(root, expression, root)
        assert isinstance(found, StringNode)
        assert {hole.reason for hole in found.unresolved_parts} == {reason}


def test_files_are_found_by_module_and_root(tmp_path: Path) -> None:
    """Paths start at the module or at the root; relative paths start at the root."""
    for name in ("x.json", "d/y.json", "d/z.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'{{"a": "{name}"}}', encoding="utf-8")
    for expression in (
        '"${path.module}/x.json"',
        '"${path.root}/d/../x.json"',
        '"./x.json"',
        '"x.json"',
        'abspath("x.json")',
    ):
        assert shown(document(tmp_path, f"jsonencode(jsondecode(file({expression})))")) == {"a": "x.json"}
    found = document(
        tmp_path,
        'jsonencode([for f in fileset("${path.module}/d", "*.json") : jsondecode(file("${path.module}/d/${f}")).a])',
    )
    assert shown(found) == ["d/y.json"]
    assert shown(document(tmp_path, 'jsonencode(fileset(path.module, "**/*.{json,txt}"))')) == [
        "d/y.json",
        "d/z.txt",
        "x.json",
    ]
    assert shown(document(tmp_path, 'jsonencode([fileexists("x.json"), fileexists("${path.module}/none")])')) == [
        True,
        False,
    ]
    assert shown(
        document(tmp_path, 'jsonencode([basename("${path.module}/d/y.json"), dirname("a/b/c"), filemd5("d/z.txt")])')
    ) == [
        "y.json",
        "a/b",
        "3fa7615e9e84294fe9ad6f6e676ed026",
    ]


def test_yaml_files_keep_positions(tmp_path: Path) -> None:
    """A policy in a YAML file or YAML template is reported at its line there."""
    (tmp_path / "p.yaml").write_text(
        "Statement:\n  - Effect: Allow\n    Action: iam:PassRole\n    Resource: '*'\n", encoding="utf-8"
    )
    assert lines(document(tmp_path, 'jsonencode(yamldecode(file("${path.module}/p.yaml")))')) == [("p.yaml", 2)]
    body = "  - Effect: Allow\n    Action: iam:PassRole\n    Resource: ${r}\n"
    text = f"Statement:\n%{{ for r in roles ~}}\n{body}%{{ endfor ~}}\n"
    (tmp_path / "p.tftpl").write_text(text, encoding="utf-8")
    found = document(
        tmp_path, 'jsonencode(yamldecode(templatefile("${path.module}/p.tftpl", { roles = local.roles })))'
    )
    assert lines(found) == [("p.tftpl", 3), ("p.tftpl", 3)]
