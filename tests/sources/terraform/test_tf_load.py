"""A Terraform folder as resources, policies, roles and suppressions."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import ListNode, ObjectNode, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind
from passrole_checks.sources.terraform import called_folders, load
from passrole_checks.sources.terraform.modules.module import Module

TRUST = 'assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })'
PASS = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def loaded(root: Path, text: str) -> Configuration:
    return load(folder(root, main=text))


def policy(configuration: Configuration, address: str, path: str = "policy") -> AttachedPolicy:
    return next(found for found in configuration.policies if found.resource.address == address and found.path == path)


def statements(found: AttachedPolicy) -> tuple[Statement, ...]:
    document = parse_document(found.document)
    assert not document.problems
    return document.statements


def resources(found: AttachedPolicy) -> list[StringNode]:
    return [text for statement in statements(found) for text in statement.resources or ()]


def only_resource(root: Path, expression: str, extra: str = "") -> StringNode:
    """The one Resource of a policy that is given as an HCL expression."""
    text = f'{extra}\nresource "aws_iam_policy" "p" {{\n  policy = {PASS % expression}\n}}\n'
    found = resources(policy(loaded(root, text), "aws_iam_policy.p"))
    assert len(found) == 1
    return found[0]


def hole_of(text: StringNode) -> Unresolved:
    found = text.only_unresolved
    assert found is not None
    return found


# forms of a document


def test_jsonencode_positions_are_those_of_the_objects(tmp_path: Path) -> None:
    """A statement written as an HCL object has the position of its braces."""
    text = (
        'resource "aws_iam_policy" "p" {\n  policy = jsonencode({\n    Version = "2012-10-17"\n    Statement = [\n'
        '      { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },\n    ]\n  })\n}\n'
    )
    found = policy(loaded(tmp_path, text), "aws_iam_policy.p")
    assert isinstance(found.document, ObjectNode)
    at = statements(found)[0].at
    assert (at.file, at.line, at.column, at.end_line, at.end_column) == (str(tmp_path / "main.tf"), 5, 7, 5, 68)


def test_heredoc_keeps_positions_of_its_json(tmp_path: Path) -> None:
    """A statement inside a heredoc has its line and column, also after an interpolation and in ``<<-``."""
    text = (
        'variable "x" {}\nresource "aws_iam_policy" "p" {\n  policy = <<-EOT\n    {\n'
        '      "Id": "${var.x}",\n      "Statement": [\n        {"Effect": "Allow", "Action": "iam:PassRole",\n'
        '         "Resource": "arn:aws:iam::${var.x}:role/a"}\n      ]\n    }\n  EOT\n}\n'
    )
    statement = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))[0]
    assert (statement.at.line, statement.at.column, statement.at.end_line) == (7, 9, 8)
    assert [str(text) for text in statement.resources or ()] == ["arn:aws:iam::${var.x}:role/a"]


def test_document_in_a_quoted_string_is_evaluated(tmp_path: Path) -> None:
    """A document in one quoted string has the line of the string."""
    text = (
        'resource "aws_iam_policy" "p" {\n'
        r'  policy = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"*\"}}"'
        "\n}\n"
    )
    statement = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))[0]
    assert statement.at.line == 2
    assert statement.effect == "Allow"


def test_statement_read_with_file_has_its_position_there(tmp_path: Path) -> None:
    """A statement read with ``file`` has its position in that file."""
    (tmp_path / "p.json").write_text(
        '{\n "Statement": [\n  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}\n ]\n}\n'
    )
    text = 'resource "aws_iam_policy" "p" {\n  policy = file("${path.module}/p.json")\n}\n'
    at = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))[0].at
    assert (at.file, at.line, at.column) == (str(tmp_path / "p.json"), 3, 3)


def test_template_file_keeps_positions(tmp_path: Path) -> None:
    """``templatefile`` inserts its variables and keeps lines and unresolved values."""
    (tmp_path / "p.tftpl").write_text(
        '{"Statement": [\n%{ for r in roles ~}\n%{ endfor ~}\n'
        ' {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::${account}:role/${name}"}]}\n'
    )
    text = (
        'variable "account" {}\nresource "aws_iam_policy" "p" {\n'
        '  policy = templatefile("p.tftpl", { account = var.account, name = "app", roles = [] })\n}\n'
    )
    found = policy(loaded(tmp_path, text), "aws_iam_policy.p")
    assert statements(found)[0].at.line == 4
    assert [str(text) for text in resources(found)] == ["arn:aws:iam::${var.account}:role/app"]


def test_files_outside_the_boundary_are_not_read(tmp_path: Path) -> None:
    """A file above the boundary is unresolved with the reason; a wider boundary includes it."""
    (tmp_path / "p.json").write_text('{"Statement": []}')
    root = folder(tmp_path, app__main='resource "aws_iam_policy" "p" {\n  policy = file("../p.json")\n}\n') / "app"
    outside = load(root).policies[0].document
    assert isinstance(outside, StringNode)
    assert "outside" in hole_of(outside).reason
    inside = load(root, boundary=tmp_path).policies[0].document
    assert isinstance(inside, StringNode)
    assert inside.literal == '{"Statement": []}'


def test_symbolic_link_outside_the_boundary_is_not_followed(tmp_path: Path) -> None:
    """A link inside the folder to a file outside it is not followed."""
    (tmp_path / "secret.json").write_text("{}")
    root = folder(tmp_path, app__main='resource "aws_iam_policy" "p" {\n  policy = file("p.json")\n}\n') / "app"
    (root / "p.json").symlink_to(tmp_path / "secret.json")
    document = load(root).policies[0].document
    assert isinstance(document, StringNode)
    assert "outside" in hole_of(document).reason


# references


def test_role_arn_is_known_as_far_as_possible(tmp_path: Path) -> None:
    """The unresolved ARN refers to the role, with the known parts of the ARN."""
    role = f'resource "aws_iam_role" "r" {{\n  name = "app"\n  path = "/team/"\n  {TRUST}\n}}\n'
    found = hole_of(only_resource(tmp_path, "aws_iam_role.r.arn", role))
    assert found.role == "aws_iam_role.r"
    assert found.known is not None
    assert "".join(part if isinstance(part, str) else f"<{part.kind.name}>" for part in found.known) == (
        "arn:<PARTITION>:iam::<ACCOUNT_ID>:role/team/app"
    )


def test_role_without_a_name_has_a_generated_name(tmp_path: Path) -> None:
    """Without ``name``, the last part of the ARN is an unresolved name; a prefix is kept."""
    found = hole_of(only_resource(tmp_path, "aws_iam_role.r.arn", f'resource "aws_iam_role" "r" {{\n  {TRUST}\n}}\n'))
    assert found.known is not None
    assert isinstance(found.known[-1], Unresolved)
    assert found.known[-1].kind is UnresolvedKind.NAME
    prefix = f'resource "aws_iam_role" "r" {{\n  name_prefix = "app-"\n  {TRUST}\n}}\n'
    known = hole_of(only_resource(tmp_path, "aws_iam_role.r.arn", prefix)).known
    assert known is not None
    assert known[-2] == ":role/app-"


def test_role_name_inside_an_arn_is_a_name(tmp_path: Path) -> None:
    """A role's name in a template is an unresolved NAME that refers to the role."""
    role = f'resource "aws_iam_role" "r" {{\n  name = "app"\n  {TRUST}\n}}\n'
    found = only_resource(tmp_path, '"arn:aws:iam::111122223333:role/${aws_iam_role.r.name}"', role)
    assert found.parts[0] == "arn:aws:iam::111122223333:role/"
    hole = found.unresolved_parts[0]
    assert (hole.kind, hole.role, hole.known) == (UnresolvedKind.NAME, "aws_iam_role.r", ("app",))


@pytest.mark.parametrize(
    ("expression", "address"),
    [
        ("aws_iam_role.r[0].arn", "aws_iam_role.r[0]"),
        ('aws_iam_role.e["a"].arn', 'aws_iam_role.e["a"]'),
        ("aws_iam_role.r.0.arn", "aws_iam_role.r[0]"),
        ('aws_iam_role.u["x"].arn', 'aws_iam_role.u["x"]'),
        ("aws_iam_role.u[*].arn", "aws_iam_role.u"),
        ("values(aws_iam_role.e)[0].arn", 'aws_iam_role.e["a"]'),
        ("one(aws_iam_role.r[*].arn)", "aws_iam_role.r[0]"),
    ],
)
def test_role_instances_resolve_to_their_role(tmp_path: Path, expression: str, address: str) -> None:
    """Indexes, keys and splats resolve to their role."""
    roles = (
        f'variable "u" {{}}\nresource "aws_iam_role" "r" {{\n  count = 1\n  {TRUST}\n}}\n'
        f'resource "aws_iam_role" "e" {{\n  for_each = toset(["a"])\n  {TRUST}\n}}\n'
        f'resource "aws_iam_role" "u" {{\n  for_each = var.u\n  {TRUST}\n}}\n'
    )
    assert hole_of(only_resource(tmp_path, expression, roles)).role == address


def test_data_sources_have_kinds(tmp_path: Path) -> None:
    """Account, partition and Region are unresolved values of their kinds."""
    extra = 'data "aws_caller_identity" "c" {}\ndata "aws_partition" "p" {}\ndata "aws_region" "r" {}\n'
    found = only_resource(
        tmp_path,
        '"arn:${data.aws_partition.p.partition}:iam::${data.aws_caller_identity.c.account_id}'
        ':role/${data.aws_region.r.name}"',
        extra,
    )
    assert [hole.kind for hole in found.unresolved_parts] == [
        UnresolvedKind.PARTITION,
        UnresolvedKind.ACCOUNT_ID,
        UnresolvedKind.REGION,
    ]


def test_looked_up_role_is_one_role(tmp_path: Path) -> None:
    """``data.aws_iam_role`` returns the ARN of one role outside this configuration."""
    found = hole_of(only_resource(tmp_path, "data.aws_iam_role.r.arn", 'data "aws_iam_role" "r" {\n  name = "x"\n}\n'))
    assert found.role is None
    assert found.known is not None
    assert ":role/" in str(found.known)


@pytest.mark.parametrize(
    ("type_", "service"),
    [("aws_lambda_function", "lambda"), ("aws_cloudwatch_log_group", "logs"), ("aws_s3_bucket", "s3")],
)
def test_arns_of_other_services_are_no_roles(tmp_path: Path, type_: str, service: str) -> None:
    """The ARN of another resource has its service."""
    known = hole_of(only_resource(tmp_path, f"{type_}.x.arn", f'resource "{type_}" "x" {{\n}}\n')).known
    assert known is not None
    assert isinstance(known[2], str)
    assert known[2].startswith(f":{service}:")


def test_variable_without_default_is_unresolved(tmp_path: Path) -> None:
    """Nothing is known but its name."""
    found = hole_of(only_resource(tmp_path, "var.role", 'variable "role" {}\n'))
    assert (found.expression, found.kind, found.reason) == ("var.role", UnresolvedKind.ANYTHING, "no default")


def test_default_is_used_and_marked(tmp_path: Path) -> None:
    """A variable's default is its value, and the string is marked."""
    found = only_resource(tmp_path, '"${var.role}-x"', 'variable "role" {\n  default = "arn"\n}\n')
    assert found.literal == "arn-x"
    assert found.defaults == ("var.role",)


def test_locals_are_evaluated(tmp_path: Path) -> None:
    """Locals of any file of the folder are evaluated, in any order."""
    root = folder(
        tmp_path,
        main=f'resource "aws_iam_policy" "p" {{\n  policy = {PASS % "local.a"}\n}}\n',
        other='locals {\n  a = "${local.b}/x"\n  b = "y"\n}\n',
    )
    assert resources(policy(load(root), "aws_iam_policy.p"))[0].literal == "y/x"


def test_local_that_refers_to_itself_is_unresolved(tmp_path: Path) -> None:
    """A cycle is unresolved, with the reason."""
    assert "itself" in hole_of(only_resource(tmp_path, "local.a", "locals {\n  a = local.b\n  b = local.a\n}\n")).reason


def test_unknown_expression_is_unresolved_with_its_text(tmp_path: Path) -> None:
    """A function that cannot be evaluated is unresolved, with the text of the call."""
    assert hole_of(only_resource(tmp_path, 'cidrsubnet("10.0.0.0/8",  8, 1)')).expression == (
        'cidrsubnet("10.0.0.0/8", 8, 1)'
    )


def test_policy_variables_are_literal_text(tmp_path: Path) -> None:
    """``$${aws:username}`` is a policy variable of IAM, no interpolation."""
    assert only_resource(tmp_path, '"arn:aws:iam::*:role/$${aws:username}"').literal == (
        "arn:aws:iam::*:role/${aws:username}"
    )


def test_one_of_many_entries_has_their_common_kind(tmp_path: Path) -> None:
    """Too many entries to follow: a map of account ids yields an account id, one of names a name."""
    numbers = range(40)
    ids = ", ".join(f'a{number} = "{111122223333 + number}"' for number in numbers)
    names = ", ".join(f'a{number} = "x{number}-{number}"' for number in numbers)
    mixed = ", ".join(f'a{number} = "{"*" if number == 7 else number}"' for number in numbers)
    extra = f'variable "k" {{}}\nlocals {{\n  ids = {{ {ids} }}\n  names = {{ {names} }}\n  mixed = {{ {mixed} }}\n}}\n'
    kinds = [hole_of(only_resource(tmp_path, f"local.{name}[var.k]", extra)).kind for name in ("ids", "names", "mixed")]
    assert kinds == [UnresolvedKind.ACCOUNT_ID, UnresolvedKind.NAME, UnresolvedKind.ANYTHING]


# alternatives


def test_unknown_condition_gives_both_variants(tmp_path: Path) -> None:
    """Both variants are kept with the condition, also if it is negated."""
    for expression in ('var.x ? "a" : "b"', '!var.x ? "b" : "a"'):
        text = f'variable "x" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {PASS % expression}\n}}\n'
        found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
        assert {(pairs(one.when), str((one.resources or ())[0])) for one in found} == {
            ((("var.x", "true"),), "a"),
            ((("var.x", "false"),), "b"),
        }


def test_known_condition_gives_one_variant(tmp_path: Path) -> None:
    """A comparison of known values gives one variant."""
    assert only_resource(tmp_path, '1 + 1 == 2 && "a" != "b" ? "yes" : "no"').literal == "yes"


def test_optional_statement_leaves_the_others_unconditional(tmp_path: Path) -> None:
    """``concat`` with a conditional list does not make the other statements conditional."""
    text = (
        'variable "x" {}\nresource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = concat(\n'
        '    [{ Effect = "Allow", Action = "s3:*", Resource = "*" }],\n'
        '    var.x ? [{ Effect = "Allow", Action = "iam:*", Resource = "*" }] : [],\n  ) })\n}\n'
    )
    found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
    assert [(str((one.actions or ())[0]), pairs(one.when)) for one in found] == [
        ("s3:*", ()),
        ("iam:*", (("var.x", "true"),)),
    ]


# resources


def test_policies_have_their_principals(tmp_path: Path) -> None:
    """Inline and managed policies have the roles, users and groups that they are attached to."""
    text = f"""
resource "aws_iam_role" "r" {{
  {TRUST}
  managed_policy_arns = [aws_iam_policy.b.arn]
  inline_policy {{
    name   = "i"
    policy = jsonencode({{}})
  }}
}}
resource "aws_iam_user" "u" {{
  name = "joe"
}}
resource "aws_iam_policy" "a" {{
  policy = jsonencode({{}})
}}
resource "aws_iam_policy" "b" {{
  policy = jsonencode({{}})
}}
resource "aws_iam_role_policy" "rp" {{
  role   = aws_iam_role.r.id
  policy = jsonencode({{}})
}}
resource "aws_iam_user_policy" "up" {{
  user   = aws_iam_user.u.name
  policy = jsonencode({{}})
}}
resource "aws_iam_group_policy" "gp" {{
  group  = "admins"
  policy = jsonencode({{}})
}}
resource "aws_iam_role_policy_attachment" "x" {{
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.a.arn
}}
resource "aws_iam_policy_attachment" "y" {{
  name       = "y"
  users      = [aws_iam_user.u.name, "ann"]
  policy_arn = aws_iam_policy.a.arn
}}
"""
    found = loaded(tmp_path, text)
    role, user = "aws_iam_role.r", "aws_iam_user.u"
    assert policy(found, "aws_iam_policy.a").principals == (role, user, "ann")
    assert policy(found, "aws_iam_policy.b").principals == (role,)
    assert policy(found, "aws_iam_role_policy.rp").principals == (role,)
    assert policy(found, "aws_iam_user_policy.up").principals == (user,)
    assert policy(found, "aws_iam_group_policy.gp").principals == ("admins",)
    assert policy(found, role, "inline_policy/0/policy").principals == (role,)
    assert policy(found, role, "assume_role_policy").kind is PolicyKind.TRUST


def test_attachments_with_for_each_are_resolved(tmp_path: Path) -> None:
    """Policies attached with ``for_each`` over their ARNs are attached to that role."""
    text = """
resource "aws_iam_policy" "a" {
  policy = jsonencode({})
}
resource "aws_iam_role_policy_attachment" "x" {
  for_each   = toset([aws_iam_policy.a.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess"])
  role       = "worker"
  policy_arn = each.value
}
"""
    assert policy(loaded(tmp_path, text), "aws_iam_policy.a").principals == ("worker",)


def test_policy_used_only_as_boundary_is_a_boundary(tmp_path: Path) -> None:
    """A managed policy that is also attached is none."""
    text = f"""
resource "aws_iam_policy" "b" {{
  policy = jsonencode({{}})
}}
resource "aws_iam_role" "r" {{
  permissions_boundary = aws_iam_policy.b.arn
  {TRUST}
}}
"""
    assert policy(loaded(tmp_path, text), "aws_iam_policy.b").kind is PolicyKind.BOUNDARY
    attached = text + (
        'resource "aws_iam_role_policy_attachment" "x" {\n  role = "x"\n  policy_arn = aws_iam_policy.b.arn\n}\n'
    )
    assert policy(loaded(tmp_path, attached), "aws_iam_policy.b").kind is PolicyKind.IDENTITY


@pytest.mark.parametrize(
    ("type_", "attribute", "kind"),
    [
        ("aws_s3_bucket_policy", "policy", PolicyKind.RESOURCE),
        ("aws_sqs_queue_policy", "policy", PolicyKind.RESOURCE),
        ("aws_vpc_endpoint", "policy", PolicyKind.RESOURCE),
        ("aws_ssoadmin_permission_set_inline_policy", "inline_policy", PolicyKind.IDENTITY),
    ],
)
def test_policies_have_kinds(tmp_path: Path, type_: str, attribute: str, kind: PolicyKind) -> None:
    """Resource policies and permission sets are distinguished."""
    text = f'resource "{type_}" "x" {{\n  {attribute} = jsonencode({{}})\n}}\n'
    assert [found.kind for found in loaded(tmp_path, text).policies] == [kind]


def test_roles_have_names_and_trust_policies(tmp_path: Path) -> None:
    """Each role has its name, path and trust policy."""
    text = f'resource "aws_iam_role" "r" {{\n  name = "n"\n  path = "/p/"\n  {TRUST}\n}}\n'
    role = loaded(tmp_path, text).roles[0]
    assert role.name is not None
    assert role.role_path is not None
    assert (role.resource.address, role.name.literal, role.role_path.literal) == ("aws_iam_role.r", "n", "/p/")
    assert isinstance(role.trust, ObjectNode)


def test_count_and_for_each_expand(tmp_path: Path) -> None:
    """Known counts and keys give one policy per instance, zero gives none, an unknown count one without index."""
    text = """
variable "n" {}
variable "on" {}
resource "aws_iam_user_policy" "none" {
  count  = 0
  policy = jsonencode({})
}
resource "aws_iam_user_policy" "two" {
  count  = 2
  user   = "u${count.index}"
  policy = jsonencode({})
}
resource "aws_iam_user_policy" "each" {
  for_each = { a = "x", b = "y" }
  user     = "${each.key}-${each.value}"
  policy   = jsonencode({})
}
resource "aws_iam_user_policy" "unknown" {
  count  = var.n
  user   = "u"
  policy = jsonencode({})
}
resource "aws_iam_user_policy" "maybe" {
  count  = var.on ? 1 : 0
  user   = "u"
  policy = jsonencode({})
}
"""
    assert [(found.resource.address, found.principals) for found in loaded(tmp_path, text).policies] == [
        ("aws_iam_user_policy.two[0]", ("u0",)),
        ("aws_iam_user_policy.two[1]", ("u1",)),
        ('aws_iam_user_policy.each["a"]', ("a-x",)),
        ('aws_iam_user_policy.each["b"]', ("b-y",)),
        ("aws_iam_user_policy.unknown", ("u",)),
        ("aws_iam_user_policy.maybe[0]", ("u",)),
    ]


def test_resources_have_the_position_of_their_block(tmp_path: Path) -> None:
    """A resource has the position of its block, header included."""
    at = loaded(tmp_path, '\nresource "aws_x" "y" {\n  a = 1\n}\n').resources[0].at
    assert (at.line, at.column, at.end_line, at.end_column) == (2, 1, 4, 2)


def test_provider_states_the_account(tmp_path: Path) -> None:
    """One literal allowed account is the account; anything else is none."""
    assert loaded(tmp_path, 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n').account == "111122223333"
    two = 'provider "aws" {\n  allowed_account_ids = ["111122223333", "999999999999"]\n}\n'
    assert loaded(tmp_path, two).account is None
    assert loaded(tmp_path, 'provider "aws" {}\n').account is None


# files


def test_terraform_files_are_recognized_by_suffix() -> None:
    """HCL and JSON files of Terraform and OpenTofu."""
    names = {"a.tf": True, "a.tofu": True, "a.tf.json": True, "a.tofu.json": True, "a.tfvars": False, "a.json": False}
    assert {name: is_terraform_file(Path(name)) for name in names} == names


def test_unreadable_files_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """Invalid encoding and invalid HCL hide nothing else."""
    folder(tmp_path, good='resource "aws_iam_policy" "p" {\n  policy = jsonencode({})\n}\n', bad="a {\n")
    (tmp_path / "bytes.tf").write_bytes(b"x = 1\n\xff\xfe")
    found = load(tmp_path)
    assert {(Path(one.file).name, one.line) for one in found.unreadable} == {("bad.tf", 1), ("bytes.tf", 2)}
    assert [one.resource.address for one in found.policies] == ["aws_iam_policy.p"]
    assert {Path(file).name for file in found.files} == {"good.tf", "bad.tf", "bytes.tf"}


def test_override_files_are_merged(tmp_path: Path) -> None:
    """An attribute of an override file replaces the original."""
    root = folder(
        tmp_path,
        main='resource "aws_iam_policy" "p" {\n  policy = "one"\n}\n',
        main_override='resource "aws_iam_policy" "p" {\n  policy = "two"\n}\n',
    )
    documents = [found.document for found in load(root).policies]
    assert [document.literal for document in documents if isinstance(document, StringNode)] == ["two"]


def test_json_syntax_equals_hcl(tmp_path: Path) -> None:
    """Terraform's JSON syntax gives the same result as HCL, nested blocks and templates included."""
    (tmp_path / "main.tf.json").write_text(
        """{
  "variable": {"x": {"default": "app"}},
  "data": {"aws_iam_policy_document": {"d": {
    "statement": [{"actions": ["iam:PassRole"], "resources": ["arn:aws:iam::*:role/${var.x}-*"]}]}}},
  "resource": {"aws_iam_policy": {"p": {"policy": "${data.aws_iam_policy_document.d.json}"}}}
}
"""
    )
    found = policy(load(tmp_path), "aws_iam_policy.p")
    assert [text.literal for text in resources(found)] == ["arn:aws:iam::*:role/app-*"]
    assert statements(found)[0].at.line == 4


def test_broken_json_syntax_is_reported(tmp_path: Path) -> None:
    """A JSON file that does not parse is unreadable with its line."""
    (tmp_path / "main.tf.json").write_text('{\n  "variable": {,}\n}\n')
    assert [(one.line, "JSON" in one.reason) for one in load(tmp_path).unreadable] == [(2, True)]


def test_only_one_file_is_reported(tmp_path: Path) -> None:
    """With ``only``, policies are those with a resource or statement in that file."""
    root = folder(
        tmp_path,
        a='resource "aws_iam_policy" "a" {\n  policy = data.aws_iam_policy_document.d.json\n}\n',
        b='data "aws_iam_policy_document" "d" {\n  statement {\n    actions = ["iam:PassRole"]\n'
        '    resources = ["*"]\n  }\n}\n',
        c='resource "aws_iam_policy" "c" {\n  policy = jsonencode({})\n}\n',
    )

    def reported(name: str) -> list[str]:
        return [found.resource.address for found in load(root, only=root / name).policies]

    assert reported("a.tf") == ["aws_iam_policy.a"]
    assert reported("b.tf") == ["aws_iam_policy.a"]
    assert reported("c.tf") == ["aws_iam_policy.c"]


# suppressions


def test_suppressions_belong_to_their_block(tmp_path: Path) -> None:
    """Both notations and both kinds of comments, in resources, data sources and modules."""
    text = """
resource "aws_iam_policy" "p" {
  # checkov:skip=PASSROLE_001:known and wanted
  policy = jsonencode({ a = "#checkov:skip=PASSROLE_009:text" })
}
data "aws_iam_policy_document" "d" {
  statement {
    // passrole:skip=PASSROLE_002 for the build
  }
}
module "m" {
  source = "x" # checkov:skip=PASSROLE_003
}
# checkov:skip=CKV_AWS_1:not ours
"""
    found = loaded(tmp_path, text).suppressions
    assert [(one.check_id, one.reason, one.origin, one.resource) for one in found] == [
        ("PASSROLE_001", "known and wanted", "checkov", "aws_iam_policy.p"),
        ("PASSROLE_002", "for the build", "passrole", "data.aws_iam_policy_document.d"),
        ("PASSROLE_003", "", "checkov", "module.m"),
    ]
    span = found[1].span
    assert span is not None
    assert (span.line, span.end_line, found[1].at.line) == (6, 10, 8)


# modules


def test_called_folders_are_local_sources(tmp_path: Path) -> None:
    """Local sources are resolved; registry sources are not."""
    root = folder(
        tmp_path,
        env__main='module "a" {\n  source = "../modules/a"\n}\nmodule "b" {\n  source = "./b"\n}\n'
        'module "c" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n',
    )
    assert called_folders(root / "env") == {root.resolve() / "modules/a", root.resolve() / "env/b"}


def test_local_module_is_evaluated_with_its_arguments(tmp_path: Path) -> None:
    """Addresses include the module's path; arguments and outputs pass through."""
    root = folder(
        tmp_path,
        main=f"""
module "role" {{
  source   = "./role"
  for_each = toset(["a", "b"])
  name     = "app-${{each.key}}"
}}
resource "aws_iam_policy" "p" {{
  policy = {PASS % 'module.role["a"].arn'}
}}
""",
        role__main=f"""
variable "name" {{}}
resource "aws_iam_role" "this" {{
  name = var.name
  {TRUST}
}}
output "arn" {{
  value = aws_iam_role.this.arn
}}
""",
    )
    found = load(root)
    assert [(role.resource.address, str(role.name)) for role in found.roles] == [
        ('module.role["a"].aws_iam_role.this', "app-a"),
        ('module.role["b"].aws_iam_role.this', "app-b"),
    ]
    assert hole_of(resources(policy(found, "aws_iam_policy.p"))[0]).role == 'module.role["a"].aws_iam_role.this'
    assert found.roles[0].resource.at.file == str(root / "role" / "main.tf")


def test_optional_attributes_get_defaults(tmp_path: Path) -> None:
    """``optional`` adds attributes that an object omits."""
    extra = (
        'variable "x" {\n  type = list(object({ a = optional(string), b = optional(string, "d") }))\n'
        "  default = [{}]\n}\n"
    )
    assert only_resource(tmp_path, 'coalesce(var.x[0].a, "none")', extra).literal == "none"
    assert only_resource(tmp_path, "var.x[0].b", extra).literal == "d"


def test_missing_module_is_reported_once(tmp_path: Path) -> None:
    """A source that is called twice is reported once; its outputs are unresolved."""
    text = f"""
module "a" {{
  source = "terraform-aws-modules/iam/aws"
}}
module "b" {{
  source = "terraform-aws-modules/iam/aws"
}}
resource "aws_iam_policy" "p" {{
  policy = {PASS % "module.a.arn"}
}}
"""
    found = loaded(tmp_path, text)
    assert [(note.line, note.reason.split(" (run")[0]) for note in found.not_evaluated] == [
        (2, "module a (terraform-aws-modules/iam/aws) is not downloaded")
    ]
    assert hole_of(resources(policy(found, "aws_iam_policy.p"))[0]).expression == "module.a.arn"


def test_module_that_calls_itself_is_reported(tmp_path: Path) -> None:
    """A module that calls its own folder is reported, not followed."""
    found = loaded(tmp_path, 'module "m" {\n  source = "./."\n}\n')
    assert len(found.not_evaluated) == 1


def test_unresolved_element_leaves_the_list(tmp_path: Path) -> None:
    """One unknown element does not change the others."""
    wanted = PASS % 'concat(["a"], var.x, ["b"])'
    text = f'variable "x" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {wanted}\n}}\n'
    document = policy(loaded(tmp_path, text), "aws_iam_policy.p").document
    assert isinstance(document, ObjectNode)
    items = document.get("Statement")
    assert isinstance(items, ListNode)
    statement = items.items[0]
    assert isinstance(statement, ObjectNode)
    found = statement.get("Resource")
    assert isinstance(found, ListNode)
    assert [str(item) for item in found.items] == ["a", "${var.x}", "b"]


# what is attached, what is given, what is meant


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ("", PolicyKind.BOUNDARY),
        ('output "b" {\n  value = aws_iam_policy.b.arn\n}\n', PolicyKind.BOUNDARY),
        ('module "m" {\n  source = "x/y/z"\n  policies = { a = aws_iam_policy.b.arn }\n}\n', PolicyKind.IDENTITY),
        (
            'resource "aws_iam_role_policy_attachment" "x" {\n  count = var.n\n  role = "x"\n'
            "  policy_arn = local.arns[count.index]\n}\nlocals {\n  arns = [aws_iam_policy.b.arn]\n}\n",
            PolicyKind.IDENTITY,
        ),
        (
            'resource "aws_iam_role_policy_attachment" "x" {\n  role = "x"\n'
            '  policy_arn = "arn:aws:iam::111122223333:policy/${local.n}"\n}\nlocals {\n  n = "limit"\n}\n',
            PolicyKind.IDENTITY,
        ),
        (
            'resource "aws_iam_role_policy_attachment" "x" {\n  role = "x"\n'
            '  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"\n}\n',
            PolicyKind.BOUNDARY,
        ),
        (
            'resource "aws_iam_role_policy_attachment" "x" {\n  role = "x"\n  policy_arn = var.n\n}\n',
            PolicyKind.IDENTITY,
        ),
        (
            'resource "aws_ssoadmin_customer_managed_policy_attachment" "x" {\n'
            '  customer_managed_policy_reference {\n    name = "limit"\n  }\n}\n',
            PolicyKind.IDENTITY,
        ),
        (
            'data "aws_iam_policy" "d" {\n  name = "ReadOnlyAccess"\n}\n'
            'resource "aws_iam_role_policy_attachment" "x" {\n  role = "x"\n'
            "  policy_arn = data.aws_iam_policy.d.arn\n}\n",
            PolicyKind.BOUNDARY,
        ),
        ('resource "x_y" "z" {\n  given = replace(aws_iam_policy.b.arn, "a", "b")\n}\n', PolicyKind.IDENTITY),
    ],
)
def test_policy_with_other_uses_is_no_boundary(tmp_path: Path, extra: str, kind: PolicyKind) -> None:
    """Any use of a policy other than as a permissions boundary makes it one that may be attached."""
    text = (
        'variable "n" {}\nresource "aws_iam_policy" "b" {\n  name = "limit"\n  policy = jsonencode({})\n}\n'
        f'resource "aws_iam_role" "r" {{\n  permissions_boundary = aws_iam_policy.b.arn\n  {TRUST}\n}}\n{extra}'
    )
    assert policy(loaded(tmp_path, text), "aws_iam_policy.b").kind is kind


def test_only_the_default_provider_of_the_root_states_the_account(tmp_path: Path) -> None:
    """An aliased provider states no account; a child module with its own provider makes it unknown."""
    limited = '  allowed_account_ids = ["111122223333"]\n}\n'
    assert loaded(tmp_path, f'provider "aws" {{\n  alias = "a"\n{limited}').account is None
    both = f'provider "aws" {{\n{limited}provider "aws" {{\n  alias = "a"\n}}\n'
    assert loaded(tmp_path, both).account == "111122223333"
    folder(tmp_path, child__main='provider "aws" {\n  region = "eu-west-1"\n}\n')
    assert loaded(tmp_path, both + 'module "m" {\n  source = "./child"\n}\n').account is None


def test_account_of_another_provider_is_unknown(tmp_path: Path) -> None:
    """The caller identity of a named provider is not the account deployed to."""
    body = "data.aws_caller_identity.x.account_id"
    assert hole_of(only_resource(tmp_path, body, 'data "aws_caller_identity" "x" {}')).kind is UnresolvedKind.ACCOUNT_ID
    other = 'data "aws_caller_identity" "x" {\n  provider = aws.other\n}'
    assert hole_of(only_resource(tmp_path, body, other)).kind is UnresolvedKind.ANYTHING


def test_duplicate_attribute_is_reported(tmp_path: Path) -> None:
    """Terraform rejects duplicate attributes; the second is reported with its line."""
    found = loaded(tmp_path, 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({})\n  policy = "{}"\n}\n')
    assert [(item.line, item.reason) for item in found.unreadable] == [(3, "duplicate attribute policy")]
    assert len(found.policies) == 1


def test_service_principal_name_is_known(tmp_path: Path) -> None:
    """It consists of the service and the suffix of the partition, and ``try`` accepts it."""
    extra = 'data "aws_service_principal" "e" {\n  count = 1\n  service_name = "ec2"\n}'
    text = f'{extra}\nresource "aws_iam_policy" "p" {{\n  policy = %s\n}}\n'
    expression = PASS % 'try(data.aws_service_principal.e[0].name, "")'
    found = resources(policy(loaded(tmp_path, text % expression), "aws_iam_policy.p"))
    assert [text.literal for text in found] == ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]


def test_automatic_variable_files_are_loaded(tmp_path: Path) -> None:
    """Automatic variable files apply to the root, later ones win, and broken ones are reported."""
    (tmp_path / "terraform.tfvars").write_text('a = "one"\nb = "one"\nother = 1\n')
    (tmp_path / "y.auto.tfvars").write_text('b = "two"\n')
    (tmp_path / "z.auto.tfvars.json").write_text('{"c": "${aws:username}"}')
    (tmp_path / "ignored.tfvars").write_text('a = "never"\n')
    folder(tmp_path, child__main='variable "a" {}\noutput "a" {\n  value = var.a\n}\n')
    extra = "".join(f'variable "{name}" {{\n  default = "no"\n}}\n' for name in "abc")
    extra += 'module "m" {\n  source = "./child"\n}\n'
    text = f'{extra}\nresource "aws_iam_policy" "p" {{\n  policy = {PASS}\n}}\n' % "[var.a, var.b, var.c, module.m.a]"
    configuration = loaded(tmp_path, text)
    found = resources(policy(configuration, "aws_iam_policy.p"))
    assert [str(text) for text in found] == ["one", "two", "${aws:username}", "${var.a}"]
    assert not any(text.defaults for text in found)
    (tmp_path / "x.auto.tfvars").write_text("a = = 1\n")
    assert [Path(item.file).name for item in loaded(tmp_path, text).unreadable] == ["x.auto.tfvars"]


@pytest.mark.parametrize("test", ['s.on == "x"', "s.on > 1", 's.on != "x"'])
def test_conditions_of_different_loops_are_different(tmp_path: Path, test: str) -> None:
    """The same text in loops over different collections is two conditions, over the same collection one."""
    loop = '[for s in %s : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if ' + test + "]"
    head = 'variable "p" {}\nvariable "q" {}\nlocals {\n  a = [{ on = var.p }]\n  b = [{ on = var.q }]\n}\n'
    for second, count in (("local.b", 2), ("local.a", 1)):
        both = f"concat({loop % 'local.a'}, {loop % second})"
        text = f'{head}resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = {both} }})\n}}\n'
        found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
        assert len({statement.when for statement in found}) == count


def test_elements_compared_in_a_local_are_different_conditions(tmp_path: Path) -> None:
    """A comparison evaluated in a loop and used elsewhere keeps its element."""
    text = (
        'variable "p" {}\nvariable "q" {}\nlocals {\n  c = [for s in [{ v = var.p }, { v = var.q }] : s.v == "x"]\n}\n'
        'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [for n in [0, 1] : {\n'
        '    Effect = local.c[n] ? "Allow" : "Deny", Action = "iam:PassRole", Resource = "*"\n  }] })\n}\n'
    )
    found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
    assert len({statement.when[0].subject for statement in found}) == 2


def test_unequal_negates_equal(tmp_path: Path) -> None:
    """``a != b`` has the opposite variants of ``a == b``, about the same expression."""
    text = (
        'variable "p" {}\nresource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{\n'
        '    Effect = var.p != "x" ? "Deny" : "Allow", Action = "iam:PassRole", Resource = "*"\n  }] })\n}\n'
    )
    found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
    assert {(one.effect, pairs(one.when)) for one in found} == {
        ("Allow", (("var.p", '"x"'),)),
        ("Deny", (("var.p", 'not "x"'),)),
    }


def test_elements_of_an_unknown_list_are_optional(tmp_path: Path) -> None:
    """The placeholder for elements of an unknown list is marked optional."""
    body = 'concat(["*"], var.list[*].arn)'
    text = f'variable "list" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {PASS % body}\n}}\n'
    found = resources(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
    assert [text.optional for text in found] == [False, True]


def test_evaluated_modules_are_freed_without_garbage_collection(tmp_path: Path) -> None:
    """A closure that refers to itself, or an unread entry, must not keep a module alive: a scan collects rarely."""
    call = """
    module "child" {
      for_each = toset(["a", "b"])
      source   = "./child"
      settings = { names = [for name in ["x", "y"] : upper(name)], unread = [each.key], on = var.on }
    }
    variable "on" {}
    output "result" { value = { for key, value in module.child : key => value.result } }
    """
    child = """
    variable "settings" { type = object({ names = list(string), unread = list(string), on = optional(any, true) }) }
    data "aws_iam_policy_document" "pass" {
      dynamic "statement" {
        for_each = var.settings.on ? var.settings.names : []
        content {
          actions   = ["iam:PassRole"]
          resources = ["arn:aws:iam::*:role/${statement.value}%{if !var.settings.on}-off%{endif}"]
        }
      }
    }
    resource "aws_iam_role_policy" "pass" {
      count  = var.settings.on == "yes" ? 1 : 0
      role   = "app"
      policy = data.aws_iam_policy_document.pass.json
    }
    output "result" { value = try(aws_iam_role_policy.pass[0].id, templatestring("$${name}", { name = "none" })) }
    """
    modules: list[weakref.ref[Module]] = []

    def inspect(root: Module) -> None:
        modules.extend(weakref.ref(module) for module in root.walk())

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        configuration = load(folder(tmp_path, main=call, child__main=child), inspect=inspect)
        alive = [module for module in modules if module() is not None]
    finally:
        if was_enabled:
            gc.enable()
    assert len(configuration.policies) == 2
    assert len(modules) == 3
    assert not alive
