"""``data "aws_iam_policy_document"`` as the provider builds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.terraform import load

USE = '\nresource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'


def document(root: Path, text: str) -> ObjectNode:
    (root / "main.tf").write_text(text + USE, encoding="utf-8")
    found = load(root)
    assert not found.unreadable
    node = found.policies[0].document
    assert isinstance(node, ObjectNode)
    return node


def statements(root: Path, text: str) -> tuple[Statement, ...]:
    found = parse_document(document(root, text))
    assert not found.problems
    return found.statements


def json(node: Node | None) -> object:
    """A node as plain data, unresolved values as ``${...}``."""
    if isinstance(node, ObjectNode):
        return {str(entry.key): json(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [json(item) for item in node.items]
    return str(node) if isinstance(node, StringNode) else getattr(node, "value", node)


def data(body: str, name: str = "d") -> str:
    return f'data "aws_iam_policy_document" "{name}" {{\n{body}\n}}\n'


def statement(sid: str, action: str = "s3:Get*") -> str:
    return f'  statement {{\n    sid = "{sid}"\n    actions = ["{action}"]\n    resources = ["*"]\n  }}'


def test_attributes_become_iam_elements(tmp_path: Path) -> None:
    """Version and Effect have their defaults; every attribute becomes an IAM element."""
    text = data(
        '  statement {\n    sid = "Pass"\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n'
        '    principals {\n      type = "AWS"\n      identifiers = ["arn:aws:iam::111122223333:root"]\n    }\n'
        '    condition {\n      test = "StringEquals"\n      variable = "iam:PassedToService"\n'
        '      values = ["ec2.amazonaws.com"]\n    }\n  }\n'
        '  statement {\n    effect = "Deny"\n    not_actions = ["iam:*"]\n    not_resources = ["a"]\n  }'
    )
    assert json(document(tmp_path, text)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Pass",
                "Effect": "Allow",
                "Action": ["iam:PassRole"],
                "Resource": ["*"],
                "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
                "Condition": {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}},
            },
            {"Effect": "Deny", "NotAction": ["iam:*"], "NotResource": ["a"]},
        ],
    }


def test_statement_has_position_of_its_block(tmp_path: Path) -> None:
    """Each statement has the lines of its block."""
    found = statements(tmp_path, data(statement("A") + "\n" + statement("B")))
    assert [(one.sid, one.at.line, one.at.column, one.at.end_line) for one in found] == [
        ("A", 2, 3, 6),
        ("B", 7, 3, 11),
    ]


def test_condition_blocks_are_merged(tmp_path: Path) -> None:
    """Values of condition blocks with the same test and variable are merged, as the provider does."""
    block = '    condition {{\n      test = "{}"\n      variable = "{}"\n      values = ["{}"]\n    }}\n'
    blocks = "".join(
        block.format(*each)
        for each in (
            ("StringEquals", "k", "a"),
            ("StringEquals", "k", "b"),
            ("StringEquals", "l", "c"),
            ("Bool", "k", "true"),
        )
    )
    body = f'  statement {{\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n{blocks}  }}'
    node = document(tmp_path, data(body)).get("Statement")
    assert isinstance(node, ListNode)
    assert isinstance(node.items[0], ObjectNode)
    assert json(node.items[0].get("Condition")) == {
        "StringEquals": {"k": ["a", "b"], "l": ["c"]},
        "Bool": {"k": ["true"]},
    }


def test_policy_variables_are_converted(tmp_path: Path) -> None:
    """``&{`` in the data source becomes ``${`` in IAM."""
    body = '  statement {\n    actions = ["iam:PassRole"]\n    resources = ["arn:aws:iam::*:role/&{aws:username}"]\n  }'
    found = statements(tmp_path, data(body))
    assert [text.literal for text in found[0].resources or ()] == ["arn:aws:iam::*:role/${aws:username}"]


def test_dynamic_statement_per_element(tmp_path: Path) -> None:
    """Known elements give a statement each; unknown elements give one unresolved, conditional statement."""
    content = '    content {\n      actions = ["iam:PassRole"]\n      resources = ["role/${it.value}"]\n    }\n  }'
    known = f'  dynamic "statement" {{\n    for_each = toset(["a", "b"])\n    iterator = it\n{content}'
    assert [str((one.resources or ())[0]) for one in statements(tmp_path, data(known))] == ["role/a", "role/b"]
    unknown = f'  dynamic "statement" {{\n    for_each = var.x\n    iterator = it\n{content}'
    found = statements(tmp_path, 'variable "x" {}\n' + data(unknown))
    assert [(str((one.resources or ())[0]), pairs(one.when)) for one in found] == [
        ("role/${var.x[*]}", (("var.x is not empty", "true"),))
    ]


def test_conditional_dynamic_statement(tmp_path: Path) -> None:
    """``for_each = cond ? [1] : []`` gives a statement under that condition."""
    body = (
        '  dynamic "statement" {\n    for_each = var.x ? [1] : []\n    content {\n'
        '      actions = ["iam:PassRole"]\n      resources = ["*"]\n    }\n  }'
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert [pairs(one.when) for one in found] == [(("var.x", "true"),)]


def test_unknown_dynamic_condition_is_unresolved(tmp_path: Path) -> None:
    """A statement with unknown conditions has an unresolved value in its Condition."""
    body = (
        '  statement {\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n    dynamic "condition" {\n'
        "      for_each = var.x\n      content {\n        test = condition.value.test\n"
        "        variable = condition.value.variable\n        values = condition.value.values\n      }\n    }\n  }"
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert found[0].condition is not None
    assert found[0].unresolved_parts


def test_own_statement_replaces_source_statement(tmp_path: Path) -> None:
    """Statements of source documents come first; an own statement of the same Sid replaces them."""
    text = data(statement("A", "s3:A") + "\n" + statement("B", "s3:B"), "base") + data(
        "  source_policy_documents = [data.aws_iam_policy_document.base.json]\n" + statement("B", "s3:Mine")
    )
    found = statements(tmp_path, text)
    assert [(one.sid, str((one.actions or ())[0])) for one in found] == [("A", "s3:A"), ("B", "s3:Mine")]


def test_override_replaces_by_sid(tmp_path: Path) -> None:
    """An override statement replaces the one with its Sid; others are added."""
    text = data(statement("B", "s3:Over") + "\n" + statement("C", "s3:C"), "over") + data(
        "  override_policy_documents = [data.aws_iam_policy_document.over.json]\n"
        + statement("A", "s3:A")
        + "\n"
        + statement("B", "s3:B")
    )
    found = statements(tmp_path, text)
    assert [(one.sid, str((one.actions or ())[0])) for one in found] == [("A", "s3:A"), ("B", "s3:Over"), ("C", "s3:C")]


def test_json_source_document_keeps_positions(tmp_path: Path) -> None:
    """JSON strings and ``jsonencode`` are read as documents, with their own positions."""
    text = data(
        '  source_policy_documents = [<<EOT\n{"Statement": [\n'
        '  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}\nEOT\n'
        '  , jsonencode({ Statement = { Effect = "Deny", Action = "*", Resource = "*" } })]\n'
    )
    assert [(one.effect, one.at.line) for one in statements(tmp_path, text)] == [("Allow", 4), ("Deny", 6)]


def test_unknown_source_document_is_unresolved(tmp_path: Path) -> None:
    """An unknown source document is one unresolved statement; the others are kept."""
    text = 'variable "x" {}\n' + data("  source_policy_documents = var.x\n" + statement("A"))
    found = statements(tmp_path, text)
    assert [(one.sid, one.whole) for one in found] == [(None, False), ("A", True)]
    assert found[0].unresolved_parts[0].expression == "var.x"


def test_recursive_document_ends(tmp_path: Path) -> None:
    """A document that is its own source has an unresolved value in that place."""
    text = data("  source_policy_documents = [data.aws_iam_policy_document.d.json]\n" + statement("A"))
    assert [one.whole for one in statements(tmp_path, text)] == [False, True]


def test_documents_with_count_zero_add_nothing(tmp_path: Path) -> None:
    """Documents with ``count = 0`` add nothing to a list of all of them."""
    text = (
        data(f"  count = 0\n{statement('A')}", "a")
        + data(f"  count = 1\n{statement('B')}", "b")
        + data(
            "  source_policy_documents = concat(data.aws_iam_policy_document.a[*].json, "
            "data.aws_iam_policy_document.b[*].json)\n"
        )
    )
    assert [one.sid for one in statements(tmp_path, text)] == ["B"]


JSON_A = 'jsonencode({ Statement = [{ Sid = %s, Effect = "Allow", Action = "s3:Get*", Resource = "*" }] })'


@pytest.mark.parametrize(
    "override",
    [
        "override_policy_documents = [var.x]",
        "override_policy_documents = var.x",
        "override_json = data.http.x.body",
        "override_policy_documents = var.x ? [" + JSON_A % '"A"' + "] : []",
        "override_policy_documents = [" + JSON_A % "var.x" + "]",
    ],
)
def test_possibly_overridden_statement_is_conditional(tmp_path: Path, override: str) -> None:
    """A statement that an unknown or conditional override may replace is conditional."""
    deny = '  statement {\n    sid = "A"\n    effect = "Deny"\n    actions = ["s3:*"]\n    resources = ["*"]\n  }\n'
    found = statements(tmp_path, 'variable "x" {}\n' + data(deny + "  " + override))
    assert [bool(one.when) for one in found if one.effect == "Deny"] == [True]
    other = "  override_policy_documents = [" + JSON_A % '"B"' + "]"
    found = statements(tmp_path, data(deny + other))
    assert [one.when for one in found if one.effect == "Deny"] == [()]


ALLOW = '{ Sid = "%s", Effect = "Allow", Action = "%s", Resource = "*" }'


def encoded_document(*sids_and_actions: tuple[str, str], head: str = "") -> str:
    listed = ", ".join(ALLOW % pair for pair in sids_and_actions)
    return f"jsonencode({{ {head}Statement = [{listed}] }})"


def summary(found: tuple[Statement, ...]) -> list[tuple[str | None, str]]:
    return [(one.sid, str((one.actions or ())[0])) for one in found]


def test_later_override_replaces_earlier(tmp_path: Path) -> None:
    """A later override replaces an earlier one, also within one document; one without a Sid is added."""
    text = data(
        f"{statement('A')}\n  override_policy_documents = [\n    "
        f"{encoded_document(('A', 's3:1'), ('B', 's3:2'), ('B', 's3:3'))},\n"
        f"    {encoded_document(('', 's3:4'), ('A', 's3:5'), ('', 's3:6'))},\n  ]"
    )
    assert summary(statements(tmp_path, text)) == [("A", "s3:5"), ("B", "s3:3"), (None, "s3:4"), (None, "s3:6")]


def test_sources_with_same_sid_are_both_kept(tmp_path: Path) -> None:
    """Terraform rejects them; both statements are kept, and an own one replaces both."""
    sources = f"  source_policy_documents = [{encoded_document(('A', 's3:1'))}, {encoded_document(('A', 's3:2'))}]\n"
    assert summary(statements(tmp_path, data(sources))) == [("A", "s3:1"), ("A", "s3:2")]
    assert ("A", "s3:Get*") in summary(statements(tmp_path, data(sources + statement("A"))))


@pytest.mark.parametrize(
    ("own", "source", "version"),
    [
        ("", 'Version = "2012-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', 'Version = "2012-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', 'Version = "2008-10-17", ', "2008-10-17"),
        ('version = "2008-10-17"', "", "2008-10-17"),
        ("", 'Version = "2008-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', "Version = var.v, ", "${var.v}"),
    ],
)
def test_highest_version_is_used(tmp_path: Path, own: str, source: str, version: str) -> None:
    """Of the Versions of the document and its sources the highest is used."""
    body = f"  {own}\n  source_policy_documents = [{encoded_document(('A', 's3:1'), head=source)}]"
    assert json(document(tmp_path, 'variable "v" {}\n' + data(body)).get("Version")) == version


def test_source_keys_are_case_insensitive(tmp_path: Path) -> None:
    """Keys of a source are case-insensitive, as in Go's JSON decoder."""
    body = (
        '  source_policy_documents = [jsonencode({ statement = [{ effect = "Allow", action = "iam:PassRole",\n'
        '    RESOURCE = "*", condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } }] })]'
    )
    (found,) = statements(tmp_path, data(body))
    assert (found.effect, len(found.resources or ()), found.condition is not None) == ("Allow", 1, True)


def test_null_and_empty_attributes_are_absent(tmp_path: Path) -> None:
    """null and empty lists are absent, also as one of two alternatives; the Effect is then Allow."""
    body = (
        '  statement {\n    sid = null\n    effect = var.x ? null : "Deny"\n'
        '    actions = var.x ? ["iam:PassRole"] : null\n'
        '    not_actions = var.x ? [] : ["s3:*"]\n    resources = ["*"]\n    not_resources = []\n  }'
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert [(pairs(one.when), one.effect, one.actions is None, one.not_actions is None) for one in found] == [
        ((("var.x", "true"),), "Allow", False, True),
        ((("var.x", "false"),), "Deny", True, False),
    ]


@pytest.mark.parametrize(
    "value", ["statement.value.{0}", 'lookup(statement.value, "{0}", null)', "try(var.s.{0}, null)"]
)
def test_unknown_actions_or_not_actions_are_one_unresolved_list(tmp_path: Path, value: str) -> None:
    """A statement with unknown ``actions`` and ``not_actions`` has one unresolved list and is not rejected."""
    names = ("sid", "effect", "actions", "not_actions", "resources", "not_resources")
    lines = "".join(f"      {name} = {value.format(name)}\n" for name in names)
    body = f'  dynamic "statement" {{\n    for_each = var.s\n    content {{\n{lines}    }}\n  }}'
    (found,) = statements(tmp_path, 'variable "s" {}\n' + data(body))
    assert (found.effect, found.not_actions, found.not_resources) == (None, None, None)
    assert [len(texts or ()) for texts in (found.actions, found.resources)] == [1, 1]


def test_known_not_actions_make_unknown_actions_absent(tmp_path: Path) -> None:
    """Beside known ``not_actions`` the unknown ``actions`` are absent, as AWS rejects both."""
    body = '  statement {\n    actions = var.s\n    not_actions = ["s3:*"]\n    resources = ["*"]\n  }'
    (found,) = statements(tmp_path, 'variable "s" {}\n' + data(body))
    assert (found.actions, [str(text) for text in found.not_actions or ()]) == (None, ["s3:*"])


def test_conditional_condition_block(tmp_path: Path) -> None:
    """A statement with a conditional condition block has an alternative with it and one without."""
    body = (
        '  statement {\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n    dynamic "condition" {\n'
        '      for_each = var.x ? ["ec2.amazonaws.com"] : []\n      content {\n        test = "StringEquals"\n'
        '        variable = "iam:PassedToService"\n        values = [condition.value]\n      }\n    }\n  }'
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert [(pairs(one.when), json(one.condition) if one.condition else None) for one in found] == [
        ((("var.x", "true"),), {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}}),
        ((("var.x", "false"),), None),
    ]


def test_nested_dynamic_conditions(tmp_path: Path) -> None:
    """Conditions of each element of a list of statements, as in wrapper modules."""
    text = (
        'variable "s" {\n  default = [\n    { a = ["iam:PassRole"], c = [{ t = "StringEquals", v = ["x", "y"] }] },\n'
        '    { a = ["s3:Get*"] },\n  ]\n}\n'
    )
    body = (
        '  dynamic "statement" {\n    for_each = var.s\n    content {\n      actions = statement.value.a\n'
        '      resources = ["*"]\n      dynamic "condition" {\n        for_each = try(statement.value.c, [])\n'
        '        content {\n          test = condition.value.t\n          variable = "iam:PassedToService"\n'
        "          values = condition.value.v\n        }\n      }\n    }\n  }"
    )
    found = statements(tmp_path, text + data(body))
    assert [json(one.condition) if one.condition else None for one in found] == [
        {"StringEquals": {"iam:PassedToService": ["x", "y"]}},
        None,
    ]


def test_document_from_module_output(tmp_path: Path) -> None:
    """``json`` of a data source in a child module is followed through its output and keeps its positions."""
    child = tmp_path / "child"
    child.mkdir()
    output = 'output "json" {\n  value = data.aws_iam_policy_document.c.minified_json\n}\n'
    (child / "main.tf").write_text(data(statement("C"), "c") + output, encoding="utf-8")
    text = 'module "m" {\n  source = "./child"\n}\n' + data("  source_policy_documents = [module.m.json]")
    (found,) = statements(tmp_path, text)
    assert (found.sid, found.at.file, found.at.line) == ("C", str(child / "main.tf"), 2)


def test_documents_with_for_each(tmp_path: Path) -> None:
    """References to one instance and to all instances of a document."""
    each = data('  for_each = toset(["a", "b"])\n  statement {\n    sid = each.key\n    actions = ["s3:*"]\n  }', "e")
    one = "data.aws_iam_policy_document.e"
    for sources, sids in ((f'[{one}["b"].json]', ["b"]), (f"[for k, d in {one} : d.json]", ["a", "b"])):
        node = document(tmp_path, each + data(f"  source_policy_documents = {sources}")).get("Statement")
        assert isinstance(node, ListNode)
        assert [json(item.get("Sid")) for item in node.items if isinstance(item, ObjectNode)] == sids


def test_policy_id(tmp_path: Path) -> None:
    """``policy_id`` becomes Id."""
    assert json(document(tmp_path, data('  policy_id = "x"\n' + statement("A"))).get("Id")) == "x"


def test_policy_variables_in_principals_and_conditions(tmp_path: Path) -> None:
    """``&{`` is converted in principals and condition values too, and nowhere else."""
    body = (
        '  statement {\n    actions = ["s3:&{x}"]\n    not_resources = ["a/&{aws:username}"]\n    principals {\n'
        '      type = "AWS"\n      identifiers = ["&{aws:userid}"]\n    }\n    condition {\n      test = "StringLike"\n'
        '      variable = "aws:x"\n      values = ["&{aws:y}", "z"]\n    }\n  }'
    )
    node = document(tmp_path, data(body)).get("Statement")
    assert isinstance(node, ListNode)
    assert json(node.items[0]) == {
        "Effect": "Allow",
        "Action": ["s3:&{x}"],
        "NotResource": ["a/${aws:username}"],
        "Principal": {"AWS": ["${aws:userid}"]},
        "Condition": {"StringLike": {"aws:x": ["${aws:y}", "z"]}},
    }


@pytest.mark.parametrize(
    "resources", ["var.roles", '[for name in var.roles : "arn:aws:iam::*:role/${name}"]', "concat(var.roles)"]
)
def test_computed_empty_resources_are_unresolved(tmp_path: Path, resources: str) -> None:
    """AWS rejects a statement without resources, so a computed empty list is unresolved."""
    text = f"""
variable "roles" {{
  default = []
}}
data "aws_iam_policy_document" "d" {{
  statement {{
    actions   = ["iam:PassRole"]
    resources = {resources}
  }}
}}
resource "aws_iam_policy" "p" {{
  policy = data.aws_iam_policy_document.d.json
}}
"""
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    (policy,) = load(tmp_path).policies
    found = parse_document(policy.document)
    assert found.problems == ()
    assert [hole.reason for one in found.statements for hole in one.unresolved_parts] == ["empty, which AWS rejects"]


def test_literal_empty_resources_are_an_error(tmp_path: Path) -> None:
    """A literal empty list of resources is an error, not an unresolved value."""
    body = data('statement {\n  actions = ["iam:PassRole"]\n  resources = []\n}')
    assert [problem.reason for problem in parse_document(document(tmp_path, body)).problems] == [
        "a statement contains neither Resource nor NotResource"
    ]


def test_joined_single_document_keeps_positions(tmp_path: Path) -> None:
    """``join("", data.….*.json)``, the old form for a single instance, keeps the document and its positions."""
    (tmp_path / "main.tf").write_text(
        """variable "on" {}
data "aws_iam_policy_document" "d" {
  count = var.on ? 1 : 0
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" {
  count  = var.on ? 1 : 0
  policy = join("", data.aws_iam_policy_document.d.*.json)
}
""",
        encoding="utf-8",
    )
    (policy,) = load(tmp_path).policies
    (found,) = parse_document(policy.document).statements
    assert (found.at.line, pairs(found.when)) == (4, (("var.on", "true"),))
