"""Every resource type that contains, attaches or limits policies: documents, kinds, principals."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.values.nodes import StringNode, Unresolved, UnresolvedKind
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.collect.terraform_tables import (
    FLAGGABLE,
    HOLDERS,
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    RESOURCE_POLICIES,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind
from passrole_checks.sources.terraform import load

TRUST = 'assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })'
ANY = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })'
ROLE = f'resource "aws_iam_role" "r" {{\n  name = "app"\n  path = "/team/"\n  {TRUST}\n}}\n'


def loaded(root: Path, text: str) -> Configuration:
    (root / "main.tf").write_text(text, encoding="utf-8")
    found = load(root)
    assert not found.notes.unreadable
    return found


def policy(found: Configuration, address: str, path: str | None = None) -> AttachedPolicy:
    return next(
        item for item in found.policies if item.resource.address == address and (path is None or item.path == path)
    )


def block(type_: str, body: str, name: str = "x", kind: str = "resource") -> str:
    return f'{kind} "{type_}" "{name}" {{\n{body}\n}}\n'


def statements(found: AttachedPolicy) -> tuple[Statement, ...]:
    document = parse_document(found.document)
    assert not document.problems
    return document.statements


def only_resource(root: Path, expression: str, extra: str = "") -> StringNode:
    """The one Resource of a policy that is given as an HCL expression."""
    document = (
        f'jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = {expression} }}] }})'
    )
    found = loaded(root, extra + block("aws_iam_policy", f"  policy = {document}", "p"))
    (statement,) = statements(policy(found, "aws_iam_policy.p"))
    assert statement.resources is not None
    (resource,) = statement.resources
    return resource


def known(text: StringNode) -> str:
    """Return the known parts of a completely unresolved string, with unresolved parts as ``${…}``."""
    only = text.only_unresolved
    assert only is not None
    assert only.known is not None
    return str(StringNode(only.known, text.at))


# documents


@pytest.mark.parametrize("type_", sorted(IDENTITY_POLICIES))
def test_every_identity_policy_type_is_flagged(tmp_path: Path, type_: str) -> None:
    """Each resource type with an identity-based policy has a finding."""
    (tmp_path / "main.tf").write_text(block(type_, f"  {IDENTITY_POLICIES[type_]} = {ANY}"), encoding="utf-8")
    assert [item.kind for item in load(tmp_path).policies] == [PolicyKind.IDENTITY]
    result = scan_paths([tmp_path], ScanOptions())
    assert [item.check_id for item in result.findings] == ["PASSROLE_001"]
    assert type_ in FLAGGABLE


@pytest.mark.parametrize("type_", sorted({*RESOURCE_POLICIES, *ORGANIZATION_POLICIES}))
def test_other_policy_types_are_not_flagged(tmp_path: Path, type_: str) -> None:
    """Resource, endpoint, session and organization policies are listed as of no effect, and never flagged."""
    attribute = RESOURCE_POLICIES.get(type_) or ORGANIZATION_POLICIES[type_]
    (tmp_path / "main.tf").write_text(block(type_, f"  {attribute} = {ANY}"), encoding="utf-8")
    result = scan_paths([tmp_path], ScanOptions())
    assert result.findings == ()
    assert [item.effect_on_passrole for item in result.grants] == ["none"]


@pytest.mark.parametrize(("kind", "listed"), [("SERVICE_CONTROL_POLICY", 1), ("TAG_POLICY", 0), ("BACKUP_POLICY", 0)])
def test_organization_policy_types_with_statements(tmp_path: Path, kind: str, listed: int) -> None:
    """Only organization policies of types with statements are read."""
    body = f'  name = "x"\n  type = "{kind}"\n  content = {ANY}'
    found = loaded(tmp_path, block("aws_organizations_policy", body))
    assert [item.kind for item in found.policies] == [PolicyKind.SCP] * listed


@pytest.mark.parametrize("type_", sorted(NESTED_POLICIES))
def test_inline_policies_belong_to_principal(tmp_path: Path, type_: str) -> None:
    """Each inline policy of a role, user or group has it as its principal."""
    attribute, key = NESTED_POLICIES[type_]
    body = (
        "".join(f"  {attribute} {{\n    {key} = {ANY}\n  }}\n" for _ in "ab")
        if type_.startswith("aws_")
        else f"  {attribute} = [{{ {key} = {ANY} }}, {{ {key} = {ANY}, policy_name = var.n }}]"
    )
    found = loaded(tmp_path, 'variable "n" {}\n' + block(type_, body))
    assert [(item.path, item.principals) for item in found.policies] == [
        (f"{attribute}/0/{key}", (f"{type_}.x",)),
        (f"{attribute}/1/{key}", (f"{type_}.x",)),
    ]


# who holds a policy


@pytest.mark.parametrize("type_", sorted(HOLDERS))
def test_principals_of_policy(tmp_path: Path, type_: str) -> None:
    """Each attribute that names a principal is read, as a name in a string and as a list."""
    for attribute in HOLDERS[type_]:
        value = '["n"]' if attribute.endswith("s") else '"n"'
        body = f"  {IDENTITY_POLICIES[type_]} = {ANY}\n  {attribute} = {value}"
        assert loaded(tmp_path, block(type_, body)).policies[0].principals == ("n",)


ATTACHED = [
    ("aws_iam_role_policy_attachment", "  role = aws_iam_role.r.name\n  policy_arn = {arn}", "aws_iam_role.r"),
    ("aws_iam_role_policy_attachment", '  role = "app"\n  policy_arn = {arn}', "aws_iam_role.r"),
    # the role of the configuration is called "app" as well
    ("aws_iam_user_policy_attachment", '  user = "app"\n  policy_arn = {arn}', "app (user)"),
    ("aws_iam_group_policy_attachment", '  group = "g"\n  policy_arn = {arn}', "g"),
    ("aws_iam_policy_attachment", '  name = "x"\n  groups = ["g"]\n  policy_arn = {arn}', "g"),
    (
        "aws_iam_role_policy_attachments_exclusive",
        "  role_name = aws_iam_role.r.name\n  policy_arns = [{arn}]",
        "aws_iam_role.r",
    ),
    ("aws_iam_user_policy_attachments_exclusive", '  user_name = "u"\n  policy_arns = [{arn}]', "u"),
    ("aws_iam_group_policy_attachments_exclusive", '  group_name = "g"\n  policy_arns = [{arn}]', "g"),
    (
        "aws_ssoadmin_managed_policy_attachment",
        "  permission_set_arn = aws_ssoadmin_permission_set.s.arn\n  managed_policy_arn = {arn}",
        "aws_ssoadmin_permission_set.s",
    ),
    (
        "aws_ssoadmin_managed_policy_attachments_exclusive",
        "  permission_set_arn = aws_ssoadmin_permission_set.s.arn\n  managed_policy_arns = [{arn}]",
        "aws_ssoadmin_permission_set.s",
    ),
    (
        "aws_ssoadmin_customer_managed_policy_attachment",
        "  permission_set_arn = aws_ssoadmin_permission_set.s.arn\n"
        "  customer_managed_policy_reference {{\n    name = {name}\n  }}",
        "aws_ssoadmin_permission_set.s",
    ),
    (
        "aws_ssoadmin_customer_managed_policy_attachments_exclusive",
        "  permission_set_arn = aws_ssoadmin_permission_set.s.arn\n"
        "  customer_managed_policy_reference {{\n    name = {name}\n  }}",
        "aws_ssoadmin_permission_set.s",
    ),
    *((type_, f"  {attribute} = [{{arn}}]", f"{type_}.x") for type_, attribute in OWN_ATTACHMENTS.items()),
    (
        "awscc_sso_permission_set",
        "  customer_managed_policy_references = [{{ name = {name} }}]",
        "awscc_sso_permission_set.x",
    ),
]


@pytest.mark.parametrize(
    ("managed", "arn", "name"),
    [
        ("aws_iam_policy", "aws_iam_policy.p.arn", "aws_iam_policy.p.name"),
        ("aws_iam_policy", '"arn:aws:iam::111122223333:policy/deploy"', '"deploy"'),
        ("aws_iam_policy", '"arn:aws:iam::${data.aws_caller_identity.c.account_id}:policy/deploy"', '"deploy"'),
        ("aws_iam_policy", "data.aws_iam_policy.d.arn", "data.aws_iam_policy.d.name"),
        ("awscc_iam_managed_policy", "awscc_iam_managed_policy.p.policy_arn",
         "awscc_iam_managed_policy.p.managed_policy_name"),
        ("awscc_iam_managed_policy", "awscc_iam_managed_policy.p.id", '"deploy"'),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("type_", "body", "principal"), ATTACHED)
def test_attachments_add_principals(
    tmp_path: Path, managed: str, arn: str, name: str, type_: str, body: str, principal: str
) -> None:
    """Each attachment names its policy by reference, ARN or name, and adds a principal."""
    own = "name" if managed == "aws_iam_policy" else "managed_policy_name"
    text = (
        ROLE
        + 'data "aws_caller_identity" "c" {}\ndata "aws_iam_policy" "d" {\n  name = "deploy"\n}\n'
        + 'resource "aws_ssoadmin_permission_set" "s" {\n  name = "s"\n}\n'
        + block(managed, f'  {own} = "deploy"\n  {IDENTITY_POLICIES[managed]} = {ANY}', "p")
        + block(type_, body.format(arn=arn, name=name) + (f"\n  {TRUST}" if type_ == "aws_iam_role" else ""))
    )
    assert policy(loaded(tmp_path, text), f"{managed}.p").principals == (principal,)


# permissions boundaries


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("aws_iam_role", f"  permissions_boundary = {{arn}}\n  {TRUST}".replace("({ ", "({{ ").replace("[{ ", "[{{ ")
         .replace(" }]", " }}]").replace(" })", " }})")),
        ("aws_iam_user", "  permissions_boundary = {arn}"),
        ("awscc_iam_role", "  permissions_boundary = {arn}"),
        ("awscc_iam_user", "  permissions_boundary = {arn}"),
        ("aws_ssoadmin_permissions_boundary_attachment",
         "  permissions_boundary {{\n    customer_managed_policy_reference {{\n      name = {name}\n    }}\n  }}"),
        ("aws_ssoadmin_permissions_boundary_attachment",
         "  permissions_boundary {{\n    managed_policy_arn = {arn}\n  }}"),
        ("awscc_sso_permission_set",
         "  permissions_boundary = {{ customer_managed_policy_reference = {{ name = {name} }} }}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("arn", "name"),
    [("aws_iam_policy.b.arn", "aws_iam_policy.b.name"), ('"arn:aws:iam::111122223333:policy/limit"', '"limit"')],
)
def test_boundary_policies_grant_nothing(tmp_path: Path, type_: str, body: str, arn: str, name: str) -> None:
    """A managed policy that is only a boundary of a role, user or permission set grants nothing."""
    text = block("aws_iam_policy", f'  name = "limit"\n  policy = {ANY}', "b") + block(
        type_, body.format(arn=arn, name=name)
    )
    assert policy(loaded(tmp_path, text), "aws_iam_policy.b").kind is PolicyKind.BOUNDARY


# attributes of resources


@pytest.mark.parametrize(
    ("expression", "expected", "role"),
    [
        ("aws_iam_role.r.arn", "arn:${partition}:iam::${account id}:role/team/app", "aws_iam_role.r"),
        ("awscc_iam_role.c.arn", "arn:${partition}:iam::${account id}:role/cc", "awscc_iam_role.c"),
        ("aws_iam_role.g.arn", "arn:${partition}:iam::${account id}:role/pre-${generated}", "aws_iam_role.g"),
        ("aws_iam_instance_profile.i.arn", "arn:${partition}:iam::${account id}:instance-profile/i", None),
        ("awscc_iam_instance_profile.i.arn", "arn:${partition}:iam::${account id}:instance-profile/j", None),
        (
            "aws_iam_service_linked_role.l.arn",
            "arn:${partition}:iam::${account id}:role/aws-service-role/ecs.amazonaws.com/"
            "${aws_iam_service_linked_role.l.name}_me",
            None,
        ),
        ("aws_iam_policy.m.arn", "arn:${partition}:iam::${account id}:policy/m", None),
        ("awscc_iam_managed_policy.m.id", "arn:${partition}:iam::${account id}:policy/k", None),
        ("awscc_sns_topic.t.arn", "arn:${partition}:sns:${awscc_sns_topic.t.arn}", None),
    ],
)
def test_arn_references_are_known(tmp_path: Path, expression: str, expected: str, role: str | None) -> None:
    """The known parts of an ARN are available, and a role's ARN identifies the role."""
    extra = (
        ROLE
        + block("aws_iam_role", f'  name_prefix = "pre-"\n  {TRUST}', "g")
        + block("awscc_iam_role", '  role_name = "cc"\n  assume_role_policy_document = "{}"', "c")
        + block("aws_iam_instance_profile", '  name = "i"', "i")
        + block("awscc_iam_instance_profile", '  instance_profile_name = "j"\n  roles = []', "i")
        + block("aws_iam_service_linked_role", '  aws_service_name = "ecs.amazonaws.com"\n  custom_suffix = "me"', "l")
        + block("aws_iam_policy", '  name = "m"\n  policy = "{}"', "m")
        + block("awscc_iam_managed_policy", '  managed_policy_name = "k"\n  policy_document = "{}"', "m")
        + block("awscc_sns_topic", "", "t")
    )
    (tmp_path / "main.tf").write_text(extra, encoding="utf-8")
    found = only_resource(tmp_path, expression, extra)
    assert known(found) == expected
    assert found.unresolved_parts[0].role == role


@pytest.mark.parametrize(
    "name",
    ["aws_iam_role.r.name", "aws_iam_role.r.id", "aws_iam_instance_profile.i.role", "awscc_iam_role.c.role_name",
     "awscc_iam_role.c.id", "data.aws_iam_role.d.name"],
)  # fmt: skip
def test_composed_arn_identifies_role(tmp_path: Path, name: str) -> None:
    """An ARN composed of an account id and a role's name identifies that role."""
    extra = (
        ROLE
        + 'data "aws_caller_identity" "c" {}\ndata "aws_iam_role" "d" {\n  name = aws_iam_role.r.name\n}\n'
        + block("aws_iam_instance_profile", "  role = aws_iam_role.r.name", "i")
        + block("awscc_iam_role", '  role_name = "cc"\n  assume_role_policy_document = "{}"', "c")
    )
    found = only_resource(
        tmp_path, f'"arn:aws:iam::${{data.aws_caller_identity.c.account_id}}:role/${{{name}}}"', extra
    )
    assert found.unresolved_parts[-1].role == ("awscc_iam_role.c" if "awscc" in name else "aws_iam_role.r")


def test_default_path_of_role(tmp_path: Path) -> None:
    """The default path of a role is ``/``."""
    extra = ROLE + block("aws_iam_role", f"  {TRUST}", "g")
    assert only_resource(tmp_path, '"role${aws_iam_role.g.path}x"', extra).literal == "role/x"
    assert only_resource(tmp_path, '"role${aws_iam_role.r.path}x"', extra).literal == "role/team/x"


def test_awscc_roles_have_names_and_trust(tmp_path: Path) -> None:
    """A role of ``awscc`` is a role of the configuration."""
    trust = (
        'jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole",\n'
        '  Principal = { Service = "ec2.amazonaws.com" } }] })'
    )
    text = block("awscc_iam_role", f'  role_name = "n"\n  path = "/p/"\n  assume_role_policy_document = {trust}')
    (role,) = loaded(tmp_path, text).roles
    assert (str(role.name), str(role.role_path), role.trust is not None) == ("n", "/p/", True)


# data sources


@pytest.mark.parametrize(
    ("data", "expression", "expected"),
    [
        ('"aws_iam_role" "d" {\n  name = "x"\n}', "data.aws_iam_role.d.arn", "role/${data.aws_iam_role.d.path}x"),
        (
            '"aws_iam_role" "d" {\n  name = var.v\n}',
            "data.aws_iam_role.d.arn",
            "role/${data.aws_iam_role.d.path}${var.v}",
        ),
        ('"aws_iam_user" "d" {\n  user_name = "x"\n}', "data.aws_iam_user.d.arn", "user/${data.aws_iam_user.d.path}x"),
        (
            '"aws_iam_group" "d" {\n  group_name = "x"\n}',
            "data.aws_iam_group.d.arn",
            "group/${data.aws_iam_group.d.path}x",
        ),
        (
            '"aws_iam_instance_profile" "d" {\n  name = "x"\n}',
            "data.aws_iam_instance_profile.d.role_arn",
            "role/${data.aws_iam_instance_profile.d.role_path}${data.aws_iam_instance_profile.d.role}",
        ),
        ('"aws_iam_roles" "d" {\n  path_prefix = "/team/"\n}', "tolist(data.aws_iam_roles.d.arns)[0]", "role/team/*"),
        ('"aws_iam_roles" "d" {}', "tolist(data.aws_iam_roles.d.arns)[0]", "role/*"),
        ('"aws_iam_roles" "d" {\n  name_regex = "^app-.*"\n}', "tolist(data.aws_iam_roles.d.arns)[0]", "role/*app-*"),
        (
            '"aws_iam_roles" "d" {\n  name_regex = "(a|b)"\n}',
            "tolist(data.aws_iam_roles.d.arns)[0]",
            "role/${data.aws_iam_roles.d.arns[*]}",
        ),
    ],
)
def test_looked_up_entities_have_partially_known_arns(
    tmp_path: Path, data: str, expression: str, expected: str
) -> None:
    """Account, path and, if missing, name of a looked-up entity are unresolved in its ARN."""
    found = only_resource(tmp_path, expression, f'variable "v" {{}}\ndata {data}\n')
    assert known(found) == f"arn:${{partition}}:iam::${{account id}}:{expected}"
    assert found.unresolved_parts[0].role is None


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("data.aws_caller_identity.c.account_id", UnresolvedKind.ACCOUNT_ID),
        ("data.aws_caller_identity.c.id", UnresolvedKind.ACCOUNT_ID),
        ("data.aws_caller_identity.c.arn", UnresolvedKind.ANYTHING),
        ("data.aws_partition.p.id", UnresolvedKind.PARTITION),
        ("data.aws_region.r.region", UnresolvedKind.REGION),
        ("data.aws_iam_role.d.unique_id", UnresolvedKind.NAME),
        ("data.aws_iam_session_context.s.issuer_name", UnresolvedKind.NAME),
        ("data.aws_iam_session_context.s.issuer_arn", UnresolvedKind.ANYTHING),
        ("data.aws_organizations_organization.o.master_account_id", UnresolvedKind.ANYTHING),
        ("data.aws_ssm_parameter.q.value", UnresolvedKind.ANYTHING),
        ("data.terraform_remote_state.t.outputs.role_arn", UnresolvedKind.ANYTHING),
        ("data.aws_secretsmanager_secret_version.v.secret_string", UnresolvedKind.ANYTHING),
    ],
)
def test_data_source_attributes_have_kind_and_reason(tmp_path: Path, expression: str, kind: UnresolvedKind) -> None:
    """Each attribute is an unresolved value of its kind with a reason."""
    extra = (
        'data "aws_caller_identity" "c" {}\ndata "aws_partition" "p" {}\ndata "aws_region" "r" {}\n'
        'data "aws_iam_role" "d" {\n  name = "x"\n}\ndata "aws_organizations_organization" "o" {}\n'
        'data "aws_iam_session_context" "s" {\n  arn = data.aws_caller_identity.c.arn\n}\n'
        'data "aws_ssm_parameter" "q" {\n  name = "x"\n}\ndata "terraform_remote_state" "t" {}\n'
        'data "aws_secretsmanager_secret_version" "v" {}\n'
    )
    only = only_resource(tmp_path, expression, extra).only_unresolved
    assert isinstance(only, Unresolved)
    assert (only.kind, bool(only.reason)) == (kind, True)


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            "arn:aws:sts::111122223333:assumed-role/Deploy/me",
            "arn:aws:iam::111122223333:role/${data.aws_iam_session_context.s.path}Deploy",
        ),
        ("arn:aws:iam::111122223333:user/me", None),
    ],
)
def test_session_issuer(tmp_path: Path, arn: str, expected: str | None) -> None:
    """The role of a literal session ARN is known except for its path; any other ARN is unchanged."""
    found = only_resource(
        tmp_path,
        "data.aws_iam_session_context.s.issuer_arn",
        f'data "aws_iam_session_context" "s" {{\n  arn = "{arn}"\n}}\n',
    )
    assert (known(found) == expected) if expected else found.literal == arn


def test_partition_dns_suffixes(tmp_path: Path) -> None:
    """The suffixes are those of China or of all other partitions."""
    document = (
        'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole",\n'
        "  Resource = data.aws_partition.p.%s }] })"
    )
    for attribute, expected in (
        ("dns_suffix", ["amazonaws.com", "amazonaws.com.cn"]),
        ("reverse_dns_prefix", ["com.amazonaws", "cn.com.amazonaws"]),
    ):
        text = 'data "aws_partition" "p" {}\n' + block("aws_iam_policy", f"  policy = {document % attribute}", "p")
        found = statements(policy(loaded(tmp_path, text), "aws_iam_policy.p"))
        assert [str(item) for one in found for item in one.resources or ()] == expected


def test_unknown_customer_managed_policy_reference(tmp_path: Path) -> None:
    """An object from outside has an unknown name."""
    text = (
        'variable "ref" {}\n'
        + block("aws_ssoadmin_permission_set", '  name = "p"', "p")
        + block(
            "aws_ssoadmin_customer_managed_policy_attachment",
            "  permission_set_arn = aws_ssoadmin_permission_set.p.arn\n  customer_managed_policy_reference = var.ref",
        )
    )
    (attached,) = loaded(tmp_path, text).attached.managed_policies
    assert (attached.holder, str(attached.policy)) == ("aws_ssoadmin_permission_set.p", "${var.ref.name}")


def test_targets_of_organization_policies(tmp_path: Path) -> None:
    """A target has the policy that is attached to it; other values are ignored."""
    text = (
        'variable "u" {}\n'
        + block("aws_organizations_policy", f'  name = "p"\n  content = {ANY}', "p")
        + "".join(
            block("aws_organizations_policy_attachment", f"  policy_id = {which}\n  target_id = {target}", name)
            for name, which, target in (
                ("a", "aws_organizations_policy.p.id", '"111122223333"'),
                ("b", "aws_organizations_policy.p.id", "[5, {}.x]"),
                ("c", "var.u", '"r-abcd"'),
            )
        )
    )
    assert [(str(target), one.resource.address) for target, _, one in loaded(tmp_path, text).attached.targets] == [
        ("111122223333", "aws_organizations_policy.p")
    ]
