"""A whole session in an editor, with the server as a process: what is shown, and what is not believed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

if not os.environ.get("NEED_LSP"):  # set where a missing package must fail
    pytest.importorskip("pytest_lsp")

import pytest_lsp
from lsp_sessions import SERVER, Session, applied, capabilities, line_of
from lsprotocol import types
from pytest_lsp import LanguageClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLE = """resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
resource "aws_lambda_function" "f" {
  role = aws_iam_role.app.arn
}
"""
WIDE = """resource "aws_iam_user_policy" "deploy" {
  user   = "deployer"
  policy = jsonencode({
    Statement = [{
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "*"
    }]
  })
}
"""
NARROW = WIDE.replace('"*"', "aws_iam_role.app.arn").replace(
    "    }]", '      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }\n    }]'
)
TEMPLATE = """Resources:
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: '*'
"""
ANY_ROLE = ["PASSROLE_001"]


@pytest_lsp.fixture(config=SERVER, scope="module")
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    await lsp_client.initialize_session(types.InitializeParams(capabilities()))

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(_params: types.RegistrationParams) -> None:
        return None

    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def session(client: LanguageClient, tmp_path: Path) -> Iterator[Session]:
    session = Session(client, tmp_path)
    yield session
    session.close()


async def test_finding_with_its_page_and_related_places(session: Session) -> None:
    session.write("role.tf", ROLE)
    session.write("main.tf", WIDE)
    session.open("main.tf")
    (one,) = await session.diagnostics("main.tf")
    start = line_of(WIDE, "[{")
    assert (one.code, one.severity, one.source) == ("PASSROLE_001", types.DiagnosticSeverity.Error, "passrole-checks")
    assert one.range == types.Range(types.Position(start, 17), types.Position(start + 4, 5))
    assert one.code_description is not None and one.code_description.href.startswith("https://")
    related = [(info.message.partition(":")[0], info.location.uri) for info in one.related_information or ()]
    assert related == [("trusted there", session.uri("role.tf")), ("passed here", session.uri("role.tf"))]


async def test_policy_that_leaves_the_configuration(session: Session) -> None:
    document = WIDE.partition("policy = ")[2].rpartition("}")[0]
    session.open("out.tf", f'output "policy" {{\n  value = {document}}}\n')
    (one,) = await session.diagnostics("out.tf")
    assert [info.message for info in one.related_information or ()] == ["leaves the configuration here: output.policy"]


async def test_unsaved_text_counts(session: Session) -> None:
    """Also that of other documents, and of files that do not exist yet; nothing is written."""
    session.write("main.tf", WIDE)
    session.open("main.tf")
    assert await session.codes("main.tf") == ANY_ROLE
    session.type("main.tf", NARROW)
    session.open("role.tf", ROLE)
    assert await session.codes("main.tf") == []
    session.type("role.tf", ROLE.replace("lambda.amazonaws.com", "ec2.amazonaws.com"))
    assert await session.codes("main.tf") == ["PASSROLE_011"]
    assert (session.folder / "main.tf").read_text() == WIDE and not (session.folder / "role.tf").exists()


async def test_template_is_recognized_by_content(session: Session) -> None:
    session.open("app.yaml", "key: value\n", "yaml")
    assert await session.codes("app.yaml") == []
    session.type("app.yaml", TEMPLATE)
    assert await session.codes("app.yaml") == ANY_ROLE
    session.type("app.yaml", TEMPLATE.replace("'*'", "'*"))
    assert await session.codes("app.yaml") == ["unreadable"]
    sam = TEMPLATE.replace("Resources:", "Transform: AWS::Serverless-2016-10-31\nResources:")
    session.type("app.yaml", sam)
    assert await session.codes("app.yaml") == ANY_ROLE


async def test_module_is_judged_by_its_root(session: Session) -> None:
    """Edits of the root change what is shown in the files of its modules, open or not."""
    root = 'module "m" {\n  source = "./m"\n  role   = "*"\n}\n'
    session.write("m/main.tf", WIDE.replace('"*"', "var.role") + 'variable "role" {\n  default = "*"\n}\n')
    session.write("main.tf", root)
    session.open("main.tf")
    assert await session.codes("m/main.tf", "main.tf") == ANY_ROLE
    session.open("m/main.tf")
    session.type("main.tf", root.replace('"*"', '"arn:aws:iam::111122223333:role/x"'))
    assert await session.codes("m/main.tf") == ["PASSROLE_002"]
    session.type("main.tf", "# no call")
    assert await session.codes("m/main.tf") == ANY_ROLE  # now a root module itself, with its default


async def test_nested_template_is_judged_in_its_stack(session: Session) -> None:
    child = TEMPLATE.replace("'*'", "!Ref Role").replace("Resources:", "Parameters: {Role: {Type: String}}\nResources:")
    parent = "Resources:\n  S:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: child.yaml\n"
    session.write("child.yaml", child)
    session.write("parent.yaml", f"{parent}      Parameters: {{Role: '*'}}\n")
    session.open("child.yaml", None, "yaml")
    assert await session.codes("child.yaml") == ANY_ROLE


async def test_file_that_an_expression_reads(session: Session) -> None:
    session.write("main.tf", 'resource "aws_iam_user_policy" "p" {\n  user = "u"\n  policy = file("p.json")\n}\n')
    policy = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
    session.open("p.json", json.dumps(policy), "json")
    assert await session.codes("p.json") == ANY_ROLE


async def test_hover_shows_the_inventory(session: Session) -> None:
    text = ROLE + NARROW
    session.open("main.tf", text)
    line = line_of(text, "iam:PassRole")
    found = await session.hover("main.tf", line, 10)
    assert found is not None and isinstance(found.contents, types.MarkupContent)
    words = "`deployer` **may pass** `${aws_iam_role.app.arn}` **to** `lambda.amazonaws.com`"
    assert found.contents.value.strip() == words
    assert found.range is not None and found.range.end.line == line_of(text, "    }]")
    assert await session.hover("main.tf", 0, 0) is None


async def test_edit_resolves_its_finding(session: Session) -> None:
    text = ROLE + WIDE
    session.open("main.tf", text)
    actions = await session.actions("main.tf", line_of(text, 'Resource = "*"'))
    (title,) = [title for title in actions if title.endswith("(narrowed)")]
    edit = actions[title].edit
    assert edit.document_changes[0].text_document.version == 1
    session.type("main.tf", applied(text, edit))
    assert await session.codes("main.tf") == []


@pytest.mark.parametrize(("name", "text"), [("main.tf", WIDE), ("app.yaml", TEMPLATE)])
async def test_suppression_needs_a_reason(session: Session, name: str, text: str) -> None:
    """A suppressed finding stays visible as a hint, so that no comment hides it."""
    session.open(name, text)
    line = line_of(text, "iam:PassRole")
    (action,) = [one for title, one in (await session.actions(name, line)).items() if title.startswith("Suppress")]
    suppressed = applied(text, action.edit)
    session.type(name, suppressed)
    assert await session.codes(name) == ["suppression"]
    session.type(name, suppressed.replace("PASSROLE_001 ", "PASSROLE_001 the break-glass user"))
    assert await session.codes(name) == []
    (hint,) = await session.diagnostics(name)
    assert "the break-glass user" in hint.message


async def test_explain_shows_the_page(session: Session) -> None:
    session.open("main.tf", WIDE)
    actions = await session.actions("main.tf", line_of(WIDE, "iam:PassRole"))
    assert "Explain PASSROLE_001" in actions
    params = types.ExecuteCommandParams("passrole-checks.explain", ["PASSROLE_001"])
    await session.client.workspace_execute_command_async(params)
    assert session.client.messages[-1].message.startswith("PASSROLE_001 any-role (high)")


async def test_columns_are_utf_16(session: Session) -> None:
    """The client of these tests offers no other encoding; a character outside of the basic plane counts twice."""
    one_line = '{ "a": "🚀", "Statement": [{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}]}'
    text = f'resource "aws_iam_user_policy" "p" {{\n  user   = "u"\n  policy = <<E\n{one_line}\nE\n}}\n'
    session.open("main.tf", text)
    (one,) = await session.diagnostics("main.tf")
    start = one_line.index("[{") + 1
    assert one.range.start == types.Position(3, start + 1)
    assert one.range.end.character == one_line.index("}]") + 2


async def test_link_out_of_the_workspace_is_not_read(session: Session, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret.tf").write_text(WIDE)
    (session.folder / "main.tf").symlink_to(outside / "secret.tf")
    session.open("main.tf", WIDE)
    assert await session.codes("main.tf") == ["unreadable"]
    (session.folder / "app.yaml").symlink_to(outside / "app.yaml")
    session.open("app.yaml", TEMPLATE, "yaml")
    assert await session.codes("app.yaml") == []
    assert any("app.yaml: not scanned" in one.message for one in session.client.log_messages)


async def test_hostile_files_are_reported_and_others_go_on(session: Session) -> None:
    (session.folder / "latin.tf").write_bytes(WIDE.encode() + b"# \xe9")
    session.write("broken.tf", 'resource "x" {\n  a = [\n')
    session.write("deep.json", '{"AWSTemplateFormatVersion": "2010-09-09", "Resources": ' + "[" * 100_000)
    session.open("main.tf", WIDE.replace('"deploy"', '"other"'))
    session.open("deep.json", None, "json")
    assert await session.codes("main.tf") == ANY_ROLE
    assert await session.codes("latin.tf", "main.tf") == ["unreadable"]
    assert await session.codes("broken.tf", "main.tf") == ["unreadable"]
    assert await session.codes("deep.json") == ["unreadable"]
    session.type("main.tf", WIDE + "#" * 20_000_001)
    assert await session.codes("main.tf") == ["unreadable"]


async def test_configuration_of_the_workspace_is_not_used(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.passrole_checks]\nskip_check = ["001"]\nexclude = ["*.tf"]\n')
    session = Session(client, tmp_path)
    session.open("main.tf", WIDE)
    assert await session.codes("main.tf") == ANY_ROLE
    assert any("exclude, skip_check" in one.message for one in client.log_messages)
    session.close()


async def test_file_outside_of_all_folders(client: LanguageClient, tmp_path: Path) -> None:
    """It is judged with its folder, as the command line does with a given file, and its diagnostics end with it."""
    session = Session(client, tmp_path, is_workspace=False)
    session.write("role.tf", ROLE)
    session.open("main.tf", NARROW + WIDE.replace('"deploy"', '"wide"'))
    assert await session.codes("main.tf") == ANY_ROLE
    session.open("other.txt", "nothing", "plaintext")
    assert await session.codes("other.txt") == []
    session.close()
    late = Session(client, tmp_path, is_workspace=False)
    late.open("role.tf")
    assert await late.codes("main.tf", "role.tf") == []
    late.close()


async def test_files_that_appear_change_and_vanish(session: Session) -> None:
    session.write("main.tf", WIDE.replace('"*"', "local.role"))
    session.open("main.tf")
    assert await session.codes("main.tf") == ["PASSROLE_002"]
    session.write("locals.tf", 'locals {\n  role = "*"\n}\n')
    session.changed_on_disk("locals.tf", types.FileChangeType.Created)
    assert await session.codes("main.tf") == ANY_ROLE
    session.write("locals.tf", 'locals {\n  role = "arn:aws:iam::111122223333:role/x"\n}\n')
    session.changed_on_disk("locals.tf", types.FileChangeType.Changed)
    assert await session.codes("main.tf") == ["PASSROLE_002"]
    session.write("locals.tf", 'locals {\n  role = "arn:aws:s3:::b"\n}\n')
    session.changed_on_disk("locals.tf", types.FileChangeType.Changed)
    assert await session.codes("main.tf") == ["PASSROLE_010"]
    (session.folder / "locals.tf").unlink()
    session.changed_on_disk("locals.tf", types.FileChangeType.Deleted)
    assert await session.codes("main.tf") == ["PASSROLE_002"]


async def test_plan_is_judged_when_it_is_saved(session: Session) -> None:
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
    after = {"user": "u", "policy": policy}
    change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
    resource = {"address": "aws_iam_user_policy.p", "mode": "managed", "type": "aws_iam_user_policy", "name": "p",
                "provider_name": "registry.terraform.io/hashicorp/aws", "change": change}  # fmt: skip
    plan = {"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": [resource]}
    text = json.dumps(plan, indent=1)
    session.write("plan.json", text)
    session.open("plan.json", None, "json")
    before = await session.codes("plan.json")
    assert "PASSROLE_001" in before or "PASSROLE_015" in before
    session.type("plan.json", text.replace('\\"*\\"', '\\"arn:aws:iam::111122223333:role/x\\"'))
    assert await session.codes("plan.json") == before
    session.write("plan.json", text.replace('\\"*\\"', '\\"arn:aws:iam::111122223333:role/x\\"'))
    session.save("plan.json")
    assert await session.codes("plan.json") != before


async def test_answers_about_old_versions_are_dropped(session: Session) -> None:
    session.open("main.tf", WIDE)
    line = line_of(WIDE, "iam:PassRole")
    assert await session.hover("main.tf", line, 10) is not None
    asked = asyncio.ensure_future(session.hover("main.tf", line, 10))
    await asyncio.sleep(0)
    session.type("main.tf", f"{WIDE}\n")
    session.type("main.tf", f"{WIDE}\n\n")
    late = asyncio.ensure_future(session.hover("main.tf", line, 10))
    await asyncio.sleep(0)
    session.type("main.tf", WIDE)
    assert await late is None
    await asyncio.wait_for(asked, 60)
    assert await session.codes("main.tf") == ANY_ROLE


async def test_cancelled_request_ends(session: Session) -> None:
    session.open("main.tf", WIDE)
    asked = asyncio.ensure_future(session.hover("main.tf", 5, 10))
    await asyncio.sleep(0)
    (number,) = session.client.protocol._request_futures
    session.client.cancel_request(types.CancelParams(number))
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, 60)
    assert await session.codes("main.tf") == ANY_ROLE
