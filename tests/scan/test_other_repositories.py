"""Repositories that are scanned one by one with an inventory (``--inventory``), as if they were scanned together."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import json_schemas
import pytest
import sample_inventory
from command_runs import run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from sample_folders import SAMPLES

from passrole_checks.errors import ConfigurationError
from passrole_checks.findings import Severity
from passrole_checks.scan.other_repositories import Recorded, read_inventory, repository_name, update_inventory
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources import detect, inventory
from passrole_checks.sources.links.connect_roots import connect_roots
from passrole_checks.sources.links.record_roots import outdated
from passrole_checks.sources.model.configuration import NO_INPUTS
from passrole_checks.sources.unit import Unit

ANY_ROLE = "arn:aws:iam::111122223333:role/*"
BACKEND = 'terraform {{\n  backend "s3" {{\n    bucket = "states"\n    key = "{key}"\n  }}\n}}\n'
READ = (
    'data "terraform_remote_state" "{label}" {{\n  backend = "s3"\n'
    '  config = {{\n    bucket = "states"\n    key = "{key}"\n  }}\n}}\n'
)
OUTPUT = 'output "{name}" {{\n  value = {value}\n}}\n'
TRUST = '{Version="2012-10-17",Statement=[{Effect="Allow",Principal={Service="%s"},Action="sts:AssumeRole"}]}'
ROLE = (
    'resource "aws_iam_role" "{label}" {{\n  name = "{name}"\n  assume_role_policy = jsonencode('
    + TRUST.replace("{", "{{").replace("}", "}}") % "lambda.amazonaws.com"
    + ")\n}}\n"
)


def statement(action: str, resource: str) -> str:
    return f'{{Version="2012-10-17",Statement=[{{Effect="Allow",Action={action},Resource={resource}}}]}}'


def role_policy(label: str, role: str, action: str, resource: str) -> str:
    policy = statement(action, resource)
    return (
        f'resource "aws_iam_role_policy" "{label}" {{\n  name = "{label}"\n  role = {role}\n'
        f"  policy = jsonencode({policy})\n}}\n"
    )


def pass_role(role: str, resource: str, label: str = "pass") -> str:
    return role_policy(label, role, '"iam:PassRole"', resource)


LAUNCH = '["lambda:CreateFunction", "lambda:InvokeFunction"]'
NETWORK = BACKEND.format(key="network") + OUTPUT.format(name="roles", value=f'"{ANY_ROLE}"')
APPS = READ.format(label="n", key="network") + pass_role('"deployer"', "data.terraform_remote_state.n.outputs.roles")
PLATFORM = ROLE.format(label="d", name="deployer") + role_policy("launch", "aws_iam_role.d.id", LAUNCH, '"*"')

CASES = Path(__file__).parents[1] / "cases"


class Organization:
    """Repositories in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "inventory.json"

    def write(self, name: str, file: str, text: str) -> None:
        path = self.folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name / ".git").mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and (path / ".git").exists())

    def together(self) -> list[Any]:
        result = scan_paths([self.folder / name for name in self.names], ScanOptions(minimum_severity=Severity.INFO))
        return sorted(self.rows(result), key=str)

    def scan(self, name: str, inventory: Path | None = None) -> ScanResult:
        file = inventory or self.file
        options = ScanOptions(minimum_severity=Severity.INFO, inventory=(file,) if file.exists() else ())
        return scan_paths([self.folder / name], options)

    def record(self, name: str, inventory: Path | str | None = None, below: str = ".") -> Recorded:
        file = Path(inventory or self.file)
        options = ScanOptions(inventory=(file,) if file.exists() else ())
        return update_inventory(str(inventory or self.file), [self.folder / name / below], options, ())[0]

    def one_by_one(self, order: Sequence[str] = ()) -> list[Any]:
        """Scan each repository and record it, one round."""
        found = []
        for name in order or self.names:
            found += self.rows(self.scan(name))
            self.record(name)
        return sorted(found, key=str)

    def rows(self, result: ScanResult) -> Iterator[Any]:
        assert not result.unreadable
        for one in result.findings:
            file = Path(one.at.file).relative_to(self.folder).as_posix()
            yield file, one.check_id, one.severity, one.confidence, one.message, one.principals
        for grant in result.grants:
            file = Path(grant.grant.at.file).relative_to(self.folder).as_posix()
            yield file, grant.statement_path, [str(role.pattern) for role in grant.grant.roles], grant.principals


@pytest.fixture
def organization(tmp_path: Path) -> Organization:
    result = Organization(tmp_path)
    for name, text in (("network", NETWORK), ("platform", PLATFORM), ("apps", APPS)):
        result.write(name, "main.tf", text)
    return result


def checks(result: ScanResult) -> list[str]:
    return sorted({one.check_id.removeprefix("PASSROLE_") for one in result.findings})


def test_a_second_round_finds_what_scanning_together_finds(organization: Organization) -> None:
    """Of roots in three repositories: an output, and a role with its policies that another one names."""
    together = organization.together()
    assert any("008" in str(row) for row in together)
    assert organization.one_by_one() != together  # apps is scanned before what it uses
    assert organization.one_by_one() == together


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs:\n  R: {Value: !Sub 'arn:${AWS::Partition}:iam::"
            "${AWS::AccountId}:role/*', Export: {Name: !Sub '${AWS::StackName}-roles'}}\n",
            "Fn::ImportValue: my-roles",
        ),
        (
            "Parameters: {Name: {Type: String, Default: app}}\nResources: {P: {Type: AWS::SSM::Parameter, "
            "Properties: {Type: String, Name: /roles, Value: !Sub 'arn:aws:iam::${AWS::AccountId}:role/${Name}-*'}}}\n",
            "'{{resolve:ssm:/roles}}'",
        ),
        (
            "Parameters: {E: {Type: String, AllowedValues: [a, b]}}\nConditions: {A: !Equals [!Ref E, a]}\n"
            "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs:\n"
            "  R: {Value: !If [A, 'arn:aws:iam::111122223333:role/a', 'arn:aws:iam::111122223333:role/*'], "
            "Export: {Name: roles}}\n",
            "Fn::ImportValue: roles",
        ),
    ],
    ids=["export", "parameter", "variants"],
)
def test_values_of_templates(first: str, second: str, tmp_path: Path) -> None:
    """Exports and SSM parameters, with unresolved parts, defaults and variants."""
    organization = Organization(tmp_path)
    organization.write("roles", "roles.yaml", first)
    policy = (
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n"
        f"        Statement:\n          Effect: Allow\n          Action: iam:PassRole\n"
        f"          Resource: {{{second}}}\n"
        if "Fn::" in second
        else "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n"
        f"        Statement: {{Effect: Allow, Action: iam:PassRole, Resource: {second}}}\n"
    )
    organization.write("deploy", "deploy.yaml", policy)
    together = organization.together()
    assert "repository" in str(together)
    organization.one_by_one()
    assert organization.one_by_one() == together


def test_managed_policies_boundaries_and_conditions_of_a_named_role(tmp_path: Path) -> None:
    """All that a role has in its own repository counts where another one names it."""
    organization = Organization(tmp_path)
    role = ROLE.format(label="d", name="deployer").removesuffix("}\n") + (
        "  permissions_boundary = var.limited ? aws_iam_policy.limit.arn : null\n"
        '  managed_policy_arns = ["arn:aws:iam::aws:policy/AWSLambda_FullAccess"]\n}\nvariable "limited" {}\n'
    )
    limit = 'resource "aws_iam_policy" "limit" {\n  name = "limit"\n  policy = jsonencode(%s)\n}\n'
    extra = role_policy("launch", "aws_iam_role.d.id", LAUNCH, '"*"').replace(
        '" {', '" {\n  count = var.limited ? 1 : 0', 1
    )
    organization.write("platform", "main.tf", role + limit % statement('"s3:*"', '"*"') + extra)
    organization.write("apps", "main.tf", pass_role('"deployer"', f'"{ANY_ROLE}"'))
    together = organization.together()
    organization.one_by_one()
    assert organization.one_by_one() == together
    assert not json_schemas.errors("inventory", json.loads(organization.file.read_bytes()))


@pytest.mark.parametrize("case", sorted((CASES / "other-roots").iterdir()), ids=lambda case: case.name)
def test_names_of_other_roots_are_those_of_other_repositories(case: Path, tmp_path: Path) -> None:
    """The roots of a case find the same when each of them is a repository."""
    organization = Organization(tmp_path)
    for root in (path for path in case.iterdir() if path.is_dir()):
        for file in root.iterdir():
            organization.write(root.name, file.name, file.read_text("utf-8"))
    together = organization.together()
    organization.one_by_one()
    assert organization.one_by_one() == together
    assert not json_schemas.errors("inventory", json.loads(organization.file.read_bytes()))


def test_an_attached_policy_of_another_repository_is_a_grant_at_the_attachment(tmp_path: Path) -> None:
    """With its principal, whichever repository declares the policy."""
    organization = Organization(tmp_path)
    policy = f"  policy = jsonencode({statement(chr(34) + 'iam:PassRole' + chr(34), chr(34) + '*' + chr(34))})\n"
    organization.write("platform", "main.tf", f'resource "aws_iam_policy" "p" {{\n{policy}  name = "deploy"\n}}\n')
    attached = 'policy_arn = "arn:aws:iam::111122223333:policy/deploy"'
    organization.write(
        "apps", "main.tf", f'resource "aws_iam_user_policy_attachment" "a" {{\n  user = "ann"\n  {attached}\n}}\n'
    )
    organization.one_by_one()
    (grant,) = organization.scan("apps").grants
    assert (grant.origin, grant.principals) == ("account_policy", ("ann",))
    assert organization.one_by_one() == organization.together()


@st.composite
def organizations(draw: st.DrawFn) -> dict[str, str]:
    """Repositories that read outputs and SSM parameters of those before them, and roles of any; an output may be one of
    another one."""
    names = [f"r{number}" for number in range(draw(st.integers(2, 4)))]
    texts: dict[str, str] = {}
    for name in names:
        text, values = BACKEND.format(key=name), [f'"arn:aws:iam::111122223333:role/{name}-*"', f'"{ANY_ROLE}"']
        for other in draw(st.lists(st.sampled_from([*texts]), unique=True)) if texts else ():
            text += READ.format(label=other, key=other)
            text += f'data "aws_ssm_parameter" "{other}" {{\n  name = "/{other}"\n}}\n'
            values += [f"data.terraform_remote_state.{other}.outputs.roles", f"data.aws_ssm_parameter.{other}.value"]
        value = st.sampled_from(values)
        text += OUTPUT.format(name="roles", value=draw(value))
        text += f'resource "aws_ssm_parameter" "p" {{\n  name = "/{name}"\n  value = {draw(value)}\n}}\n'
        if draw(st.booleans()):
            text += ROLE.format(label="r", name=f"role-{name}")
            text += role_policy("own", "aws_iam_role.r.id", draw(st.sampled_from([LAUNCH, '"s3:*"', '"*"'])), '"*"')
        holder = draw(st.sampled_from([f"role-{other}" for other in names if other != name] + ["unknown"]))
        texts[name] = text + pass_role(f'"{holder}"', draw(value))
    return texts


@given(organizations(), st.randoms(use_true_random=False))
@settings(max_examples=examples(10), deadline=None)
def test_rounds_end_where_scanning_together_starts(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str], random: Any
) -> None:
    """In any order: as soon as a round changes nothing, each scan finds what scanning together finds."""
    organization = Organization(tmp_path_factory.mktemp("organization"))
    for name, text in texts.items():
        organization.write(name, "main.tf", text)
    order = list(texts)
    random.shuffle(order)
    before, rounds = b"", 0
    organization.one_by_one(order)
    while organization.file.read_bytes() != before:
        before = organization.file.read_bytes()
        found, rounds = organization.one_by_one(order), rounds + 1
        assert rounds <= len(texts) + 1
    assert found == organization.together()
    assert not outdated(read_inventory([organization.file]).roots, ())


@pytest.mark.parametrize("form", ["%s", '"${%s}-x"', "[%s]"])
def test_values_in_a_circle_stay_unresolved(form: str, tmp_path: Path) -> None:
    """Recording them again and again changes nothing."""
    organization = Organization(tmp_path)
    parameter = 'resource "aws_ssm_parameter" "p" {\n  name = "/%s"\n  value = %s\n}\n'
    for name, other in ("ab", "ba"):
        text = f'data "aws_ssm_parameter" "o" {{\n  name = "/{other}"\n}}\n'
        value = "data.aws_ssm_parameter.o.value"
        organization.write(name, "main.tf", text + parameter % (name, form % value) + pass_role('"u"', value))
    for _ in range(3):
        organization.one_by_one()
    before = organization.file.read_bytes()
    for name in organization.names:
        assert "014" in checks(organization.scan(name))
        organization.record(name)
    assert organization.file.read_bytes() == before


def test_policies_that_several_repositories_give_to_a_role_count_together(tmp_path: Path) -> None:
    """In the repository that declares the role, and in each that gives it a policy by its name."""
    organization = Organization(tmp_path)
    organization.write("platform", "main.tf", ROLE.format(label="d", name="deployer"))
    admin = "arn:aws:iam::111122223333:role/admin"
    organization.write("apps", "main.tf", pass_role('"deployer"', f'"{admin}"'))
    trust = "{Statement: {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}}"
    template = (
        "Resources:\n"
        f"  A: {{Type: AWS::IAM::Role, Properties: {{RoleName: admin, AssumeRolePolicyDocument: {trust},\n"
        "    ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']}}\n"
        "  P:\n    Type: AWS::IAM::Policy\n    Properties:\n"
        "      PolicyName: launch\n      Roles:\n        - deployer\n"
        f"      PolicyDocument: {{Statement: {{Effect: Allow, Action: {LAUNCH}, Resource: '*'}}}}\n"
    )
    organization.write("functions", "stack.yaml", template)
    together = organization.together()
    assert [row[:3] for row in together if row[1] == "PASSROLE_008"] == [
        ("apps/main.tf", "PASSROLE_008", Severity.HIGH)
    ]
    organization.one_by_one()
    assert organization.one_by_one() == together
    before = organization.file.read_bytes()
    organization.one_by_one()
    assert organization.file.read_bytes() == before


def test_a_value_of_a_value_that_changed_is_noted(organization: Organization) -> None:
    """A scan says that what it uses was recorded before a change elsewhere."""
    middle = BACKEND.format(key="middle") + READ.format(label="n", key="network")
    middle += OUTPUT.format(name="roles", value="data.terraform_remote_state.n.outputs.roles")
    organization.write("middle", "main.tf", middle)
    organization.write("apps", "main.tf", APPS.replace("network", "middle"))
    organization.one_by_one(["middle", "network"])
    notes = [note.reason for note in organization.scan("apps").not_evaluated]
    assert any("repository middle" in note for note in notes)
    organization.record("middle")
    result = organization.scan("apps")
    assert not any("repository middle" in note.reason for note in result.not_evaluated)
    assert "001" in checks(result)


def test_the_code_wins_over_what_was_recorded_of_it(organization: Organization) -> None:
    """The part of the scanned repository is not used."""
    organization.one_by_one()
    organization.write("platform", "main.tf", PLATFORM + pass_role('"deployer"', f'"{ANY_ROLE}"'))
    assert organization.rows(organization.scan("platform"))
    assert "008" in checks(organization.scan("platform"))


def test_no_secret_is_recorded(tmp_path: Path) -> None:
    """Sensitive variables and outputs, SecureString and NoEcho parameters, and what is derived from them."""
    organization = Organization(tmp_path)
    secret = "correct-horse"
    variable = f'variable "%s" {{\n  %s = true\n  default = "{secret}"\n}}\n'
    text = BACKEND.format(key="k") + variable % ("password", "sensitive") + variable % ("token", "ephemeral")
    text += f'output "own" {{\n  sensitive = true\n  value = "{secret}"\n}}\n'
    text += OUTPUT.format(name="one", value='nonsensitive("x-${var.password}")')
    text += OUTPUT.format(name="two", value=f'upper(nonsensitive(sensitive("{secret}")))')
    parameter = 'resource "aws_ssm_parameter" "%s" {\n  name = "/%s"\n  type = "%s"\n  value = %s\n}\n'
    text += parameter % ("s", "s", "SecureString", f'"{secret}"')
    text += parameter % ("t", "t", "String", "var.token")
    text += ROLE.format(label="d", name="deployer")
    text += pass_role("aws_iam_role.d.id", '"arn:aws:iam::111122223333:role/${var.password}"')
    organization.write("network", "main.tf", text)
    organization.write("network", "given.tfvars", f'password = "{secret}"\n')
    template = (
        f"Parameters: {{P: {{Type: String, NoEcho: true, Default: {secret}}}}}\n"
        "Resources: {T: {Type: AWS::SNS::Topic}}\n"
        "Outputs: {R: {Value: !Sub 'x-${P}', Export: {Name: e}}}\n"
    )
    organization.write("network", "stack.yaml", template)
    assert organization.record("network").roots == 2
    written = organization.file.read_text(encoding="utf-8")
    assert secret not in written.lower()
    assert '"output": "one"' in written
    assert '"name": "/t"' in written
    assert '"name": "e"' in written


def test_a_part_of_a_repository_replaces_that_part(organization: Organization) -> None:
    """Roots elsewhere in the repository stay, and those that cannot be read; roots that are gone do not."""
    for name in ("a", "b", "c"):
        organization.write("network", f"{name}/main.tf", NETWORK.replace('"network"', f'"{name}"'))
    assert organization.record("network").roots == 4
    (organization.folder / "network" / "a" / "main.tf").unlink()
    (organization.folder / "network" / "b" / "main.tf").write_text("output {", encoding="utf-8")
    assert organization.record("network", below="a").roots == 3
    broken = [str(organization.folder / "network" / "b" / "main.tf")]
    options = ScanOptions(inventory=(organization.file,))
    recorded = update_inventory(str(organization.file), [organization.folder / "network"], options, broken)
    assert recorded[0].roots == 3
    assert {root.path for root in read_inventory([organization.file]).roots} == {".", "b", "c"}


def test_a_folder_has_a_file_for_each_repository(organization: Organization) -> None:
    """Which is read as one inventory, and gives the same."""
    folder = organization.folder / "inventory"
    for _ in range(2):
        for name in organization.names:
            organization.record(name, f"{folder}/")
    assert sorted(path.name for path in folder.glob("*.json")) == ["apps.json", "network.json", "platform.json"]
    organization.one_by_one()
    assert [*organization.rows(organization.scan("apps", folder))] == [*organization.rows(organization.scan("apps"))]


def test_updates_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Each process replaces the part of its repository only."""
    organization = Organization(tmp_path)
    names = [f"r{number}" for number in range(12)]
    for name in names:
        organization.write(name, "main.tf", NETWORK.replace('"network"', f'"{name}"'))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(organization.record, names))
    assert {root.repository for root in read_inventory([organization.file]).roots} == set(names)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"UserDetailList": []}',
        '{"format": "passrole-checks inventory", "version": 2, "repositories": {}}',
        '{"format": "passrole-checks inventory", "version": 1, "repositories": []}',
        '{"format": "passrole-checks inventory", "version": 1, "repositories": {"../x": {"roots": []}}}',
        '{"format": "passrole-checks inventory", "version": 1, "repositories": {"x": {}}}',
        "\x00",
    ],
    ids=range(10),
)
@pytest.mark.parametrize("is_updated", [False, True])
def test_a_file_that_is_no_inventory_is_named(content: str, is_updated: bool, organization: Organization) -> None:
    """It is not replaced, and the exit status is 2."""
    organization.file.write_text(content, encoding="utf-8")
    arguments = [str(organization.folder / "apps"), "--inventory", str(organization.file)]
    result = run_command("scan", *arguments, *(["--update-inventory"] if is_updated else []))
    assert result.returncode == 2
    assert result.stderr.startswith(str(organization.file))
    assert organization.file.read_text(encoding="utf-8") == content


ROOT = {"path": "iam", "framework": "terraform"}
BAD_ROOTS: list[Any] = [
    1,
    {},
    {"path": "iam", "framework": "pascal"},
    {"path": "../../etc", "framework": "terraform"},
    {"path": "/etc", "framework": "terraform"},
    {**ROOT, "account": "12"},
    {**ROOT, "passes": {}},
    {**ROOT, "passes": [{"kind": "state", "name": ["a"], "value": "x"}]},
    {**ROOT, "passes": [{"kind": "mail", "name": "a", "value": "x"}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": None}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": {"choice": []}}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": {"choice": [[{"subject": 1}, "x"]]}}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": {"object": [["a"]]}}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": {"text": [{"unresolved": "x", "kind": []}]}}]},
    {**ROOT, "passes": [{"kind": "export", "name": "a", "value": {"what": 1}}]},
    {**ROOT, "declares": [["stack", "x"]]},
    {**ROOT, "roles": [{"address": "a"}]},
    {**ROOT, "policies": [{"address": "a", "type": "t", "path": "p", "document": 1, "principals": "x"}]},
    {**ROOT, "attachments": [{}]},
    {**ROOT, "boundaries": [{"principal": 3}]},
]


@pytest.mark.parametrize("root", BAD_ROOTS, ids=range(len(BAD_ROOTS)))
def test_a_root_that_is_not_valid_is_named(root: Any, organization: Organization) -> None:
    """With its repository; the scan continues."""
    write_inventory(organization.file, root)
    result = organization.scan("apps")
    assert [entry.file for entry in result.unreadable] == [str(organization.file)]
    assert result.unreadable[0].reason.startswith("x: ")
    assert not result.unreadable[0].fault
    assert result.grants


def write_inventory(file: Path, *roots: Any) -> None:
    repositories = {"x": {"roots": roots}}
    content = {"format": "passrole-checks inventory", "version": 1, "repositories": repositories}
    file.write_text(json.dumps(content), encoding="utf-8")


def test_deep_values_are_refused(organization: Organization) -> None:
    """A value of too many levels cannot exhaust the stack."""
    value: Any = "x"
    for _ in range(300):
        value = [value]
    write_inventory(organization.file, {**ROOT, "passes": [{"kind": "export", "name": "a", "value": value}]})
    assert "too many levels" in organization.scan("apps").unreadable[0].reason


JUNK: list[Any] = [
    None,
    0,
    -1.5,
    True,
    "",
    "x",
    "\ud800",
    [],
    [[]],
    {},
    {"text": []},
    {"choice": [[{}, {}]]},
    {"object": 1},
]


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths_in(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


SAMPLE = json.loads(sample_inventory.PATH.read_bytes())


@functools.cache
def units_of_the_sample() -> tuple[Unit, ...]:
    return detect.discover([SAMPLES / "across-repositories" / "terraform"]).units


@given(st.sampled_from(sorted(paths_in(SAMPLE), key=str)), st.sampled_from(JUNK))
@settings(max_examples=examples(300), deadline=None)
def test_a_damaged_inventory_is_read_or_refused(path: tuple[Any, ...], junk: Any) -> None:
    """Any part of it may be anything else."""
    data = json.dumps(replaced(SAMPLE, path, junk)).encode()
    try:
        roots = list(inventory.roots_in(inventory.parse(data), "inventory.json"))
    except inventory.MalformedInventoryError:
        return
    assert len(connect_roots(units_of_the_sample(), NO_INPUTS, roots)) == 1


def test_what_an_inventory_says_is_escaped(organization: Organization) -> None:
    """Names in it reach no terminal and no page unescaped."""
    name = "s3:states/network"
    value = {"text": [{"unresolved": "\x1b[31m<script>"}]}
    root = {
        **ROOT,
        "path": "\x1b[2J`<b>",
        "passes": [{"kind": "state", "name": name, "output": "roles", "value": value}],
    }
    write_inventory(organization.file, root)
    for output_format in ("text", "markdown", "json"):
        arguments = ("--inventory", str(organization.file), "--format", output_format, "--severity", "info")
        result = run_command("scan", str(organization.folder / "apps"), *arguments)
        assert result.returncode in (0, 1)
        assert "\x1b" not in result.stdout + result.stderr


def test_the_name_of_a_repository_is_that_of_its_remote(tmp_path: Path) -> None:
    """Without one, that of its folder; credentials are left out."""
    for folder, url in (("one", ""), ("two", "https://token@git.example.com/org/net.git")):
        (tmp_path / folder).mkdir()
        subprocess.run(["git", "init", "-q"], cwd=tmp_path / folder, check=True)
        if url:
            subprocess.run(["git", "remote", "add", "origin", url], cwd=tmp_path / folder, check=True)
    assert [repository_name(tmp_path / name) for name in ("one", "two")] == ["one", "org/net"]


def test_one_name_for_several_repositories_is_refused(organization: Organization) -> None:
    """``--repository`` is for one repository."""
    paths = [organization.folder / name for name in ("apps", "network")]
    with pytest.raises(ConfigurationError, match="2 repositories"):
        update_inventory(str(organization.file), paths, ScanOptions(repository="x"), ())


@pytest.mark.parametrize("place", ["inventory.json", "linked/inventory.json", "linked/"])
def test_no_inventory_is_written_through_a_link_in_the_repository(place: str, organization: Organization) -> None:
    """A link may be planted: neither the file nor its lock is written elsewhere."""
    repository, outside = organization.folder / "network", organization.folder / "outside"
    outside.mkdir()
    (repository / "linked").symlink_to(outside)
    (repository / "inventory.json").symlink_to(outside / "new.json")
    with pytest.raises(ConfigurationError):
        update_inventory(str(repository / place) + "/" * place.endswith("/"), [repository], ScanOptions(), ())
    assert not list(outside.iterdir())


def test_update_requires_one_inventory(organization: Organization) -> None:
    """The option names what to update."""
    assert run_command("scan", str(organization.folder / "apps"), "--update-inventory").returncode == 2


def test_a_missing_inventory_is_an_error_unless_it_is_created(organization: Organization) -> None:
    """A typing error in its name does not look like a pass."""
    arguments = (str(organization.folder / "network"), "--inventory", str(organization.file))
    missing = run_command("scan", *arguments)
    assert (missing.returncode, missing.stderr.startswith(f"{organization.file}: no such file")) == (2, True)
    assert run_command("scan", *arguments, "--update-inventory").returncode == 0
    assert run_command("scan", *arguments).returncode == 0


def test_inventory_of_the_sample_is_what_is_recorded(tmp_path: Path) -> None:
    """The inventory beside the sample is what a scan of the other repository records."""
    recorded = sample_inventory.recorded_inventory(tmp_path)
    assert recorded == sample_inventory.PATH.read_text(encoding="utf-8")
    assert not json_schemas.errors("inventory", json.loads(recorded))
