"""Templates: directives, heredocs, template files, loops over what is not known, and where their statements stand."""

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
    """The policy that an expression gives."""
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


def test_a_statement_stands_in_its_template_file(tmp_path: Path) -> None:
    """A statement is reported at its line of the template file, each round of a loop at the line of the body."""
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
def test_a_loop_over_something_unknown_gives_optional_elements(tmp_path: Path, body: str) -> None:
    """Whatever idiom puts the commas, an unknown loop in a list is any number of elements of its form."""
    found = template(tmp_path, '{"Resource": ["a", ' + body + "]}")
    assert shown(found) == {"Resource": ["a", "?x-${var.u[*]}"]}


def test_an_unknown_loop_of_statements_keeps_them_and_the_others(tmp_path: Path) -> None:
    """A statement in an unknown loop is there under a condition, at its line, and hides no other."""
    fixed, looped = PASS % "x", PASS % "${r}"
    found = template(tmp_path, f'{{"Statement": [\n%{{ for r in u }}\n{looped},\n%{{ endfor }}\n{fixed}\n]}}\n')
    assert isinstance(found, ObjectNode)
    statements = found.get("Statement")
    assert isinstance(statements, ListNode)
    first, second = statements.items
    assert isinstance(first, Choice)
    assert first.condition.startswith("var.u is not empty")
    assert (first.options[0][1].at.line, second.at.line) == (3, 5)


def test_loops_inside_unknown_loops(tmp_path: Path) -> None:
    """Of loops inside each other each is read by itself."""
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
def test_an_unknown_loop_elsewhere_is_a_hole_that_says_so(tmp_path: Path, text: str) -> None:
    """Inside a string, among keys and in a text that is no JSON, an unknown loop is a hole with its reason."""
    found = template(tmp_path, text)
    assert isinstance(found, StringNode)
    assert [hole.reason for hole in found.holes] == ["a loop over something that is not known"]


def test_a_round_that_may_not_take_place(tmp_path: Path) -> None:
    """An element that is in the list under a condition only is in the text under that condition."""
    found = template(tmp_path, "<%{ for r in rs }${r}%{ endfor }>", '{ rs = [for r in ["a"] : r if var.flag] }')
    assert shown(found) == ("var.flag", "<a>", "<>")


def test_an_encoded_value_keeps_its_places(tmp_path: Path) -> None:
    """A value that is encoded into a text is reported where it stands itself, not where it is put in."""
    text = f'<<-EOT\n    {{\n      "Statement": ${{jsonencode([{PASS % "x"}])}}\n    }}\n  EOT'
    found = document(tmp_path, text.replace('": "', '" = "'))
    assert lines(found) == [("main.tf", 11)]


def test_a_file_that_is_one_expression(tmp_path: Path) -> None:
    """A template file that only encodes a value gives that value, with its places in the template file."""
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
def test_directives_and_escapes(tmp_path: Path, text: str, expected: object) -> None:
    """Directives, trims and doubled signs in a template file are carried out."""
    found = shown(template(tmp_path, text))
    if isinstance(found, tuple):
        found = (str(found[0]).split(" ")[0].removeprefix("var."), *found[1:])
    assert str(found).strip() == expected if isinstance(expected, str) else found == expected


def test_a_heredoc_takes_its_indentation_away(tmp_path: Path) -> None:
    """The smallest indentation of ``<<-`` is taken away, that of an interpolated text is not."""
    found = document(tmp_path, '<<-EOT\n      a\n        ${"b\\n c"}\n    d\n  EOT')
    assert shown(found) == "  a\n    b\n c\nd\n"


def test_variables_of_a_template(tmp_path: Path) -> None:
    """Names that are not given fail; of variables that are not known as a whole each name is a hole."""
    assert shown(template(tmp_path, "${nope}", "merge({ roles = 1 }, {})")) == "${nope}"
    assert shown(template(tmp_path, "x-${who}", "var.u")) == "x-${var.u.who}"
    assert shown(template(tmp_path, "${who}-${what}", 'merge(var.u, { what = "w" })')) == "${var.u.who}-w"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('file("${path.module}/none.json")', "file not found"),
        ('templatefile("${path.root}/none.json", {})', "file not found"),
        ('file("${path.module}/../outside.json")', "file outside the scanned folder"),
        ('file("/etc/passwd")', "file outside the scanned folder"),
        ('file("${path.module}/link.json")', "file outside the scanned folder"),
        ('file("${path.cwd}/p.json")', "a file whose name is not known"),
        ('file("${path.module}/${var.u}.json")', "a file whose name is not known"),
        ('file("${path.module}/nul.json")', "binary file"),
        ('templatefile("${path.module}/broken.tftpl", {})', "the template cannot be read"),
        ('templatefile("${path.module}/self.tftpl", { n = 1 })', "a template within a template"),
    ],
)
def test_a_file_that_is_not_read_says_why(tmp_path: Path, expression: str, reason: str) -> None:
    """Missing, foreign, unnamed and unreadable files are holes with a reason; no link leads out of the folder."""
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
        assert {hole.reason for hole in found.holes} == {reason}


def test_files_are_found_by_module_and_root(tmp_path: Path) -> None:
    """Paths begin at the module, at the root, or, where they are relative, at the root."""
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


def test_yaml_files_keep_their_places(tmp_path: Path) -> None:
    """A policy in a YAML file, or in a YAML template, is reported at its line there."""
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
