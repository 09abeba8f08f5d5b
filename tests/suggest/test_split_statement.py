"""iam:PassRole in a statement of its own, in each language.

Sources: IAM User Guide, "IAM JSON policy elements: Sid" and "... Condition operators".
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from suggesting import USED, USED_IN_TEMPLATE, allow, checks, only, policy, session

from passrole_checks.findings import Severity
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.split_statement import _free_names, _without_repeated_comments
from passrole_checks.suggest.suggest import Session

TEMPLATE = f"""\
Resources:
{USED_IN_TEMPLATE}\
  Policy:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: bot
      PolicyName: bot
      PolicyDocument:
        Statement:
"""
CONDITION = """\
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
"""


def written(found: Session, name: str, folder: Path) -> str:
    """A file with the one suggestion that there is."""
    one = only(found)
    assert one.edits != (), one.missing
    return apply_edits(found.texts(str(folder / name)), one.edits)


def in_yaml(folder: Path, statement: str) -> str:
    """The statements of a template's policy, with the one suggestion."""
    found = session(folder, {"app.yaml": TEMPLATE + statement})
    return written(found, "app.yaml", folder).removeprefix(TEMPLATE)


def test_yaml_statement_is_split(tmp_path: Path) -> None:
    """Each of two statements keeps its actions with their comments, and what the other one says is not touched."""
    before = """\
          - Sid: Deploy # every role
            Effect: Allow
            Action:
              - lambda:CreateFunction # the function
              - iam:PassRole # and its role
            # the roles came later
            Resource: "*" # all
          - {Effect: Allow, Action: "iam:GetRole", Resource: "*"}
"""
    assert in_yaml(tmp_path, before) == (
        """\
          - Sid: Deploy # every role
            Effect: Allow
            Action:
              - lambda:CreateFunction # the function
            # the roles came later
            Resource: "*" # all
          - Sid: PassRolesToLambda
            Effect: Allow
            Action:
              - iam:PassRole # and its role
            Resource: !GetAtt Role.Arn
"""
        + CONDITION
        + """\
          - {Effect: Allow, Action: "iam:GetRole", Resource: "*"}
"""
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("actions", [("iam:PassRole", "iam:GetRole"), ("iam:GetRole", "iam:PassRole")])
def test_the_actions_may_be_the_last_lines(tmp_path: Path, actions: tuple[str, str], ends: str) -> None:
    """The line that goes may be the last one of the statement, and of the file."""
    start = "          - Effect: Allow\n            Resource: {}\n            Action:\n"
    listed = "".join(f"              - {action}\n" for action in actions)
    text = (TEMPLATE + start.format('"*"') + listed).rstrip("\n").replace("\n", ends)
    found = session(tmp_path, {"app.yaml": text})
    condition = CONDITION.rstrip("\n")
    expected = (
        f"{TEMPLATE}{start.format(chr(34) + '*' + chr(34))}              - iam:GetRole\n"
        f"          - Effect: Allow\n            Resource: !GetAtt Role.Arn\n{condition}\n            Action:\n"
        "              - iam:PassRole"
    )
    assert written(found, "app.yaml", tmp_path) == expected.replace("\n", ends)


@pytest.mark.parametrize(
    ("actions", "others", "passing"),
    [
        ("[iam:PassRole, iam:GetRole]", "[iam:GetRole]", "[iam:PassRole]"),
        (
            "[lambda:CreateFunction, iam:PassRole, iam:GetRole]",
            "[lambda:CreateFunction, iam:GetRole]",
            "[iam:PassRole]",
        ),
        ("[lambda:Create*, iam:GetRole, IAM:PassRole]", "[lambda:Create*, iam:GetRole]", "[IAM:PassRole]"),
        ("['iam:GetRole', iam:PassRole]", "['iam:GetRole']", "[iam:PassRole]"),
    ],
)
def test_one_line_list_is_split(tmp_path: Path, actions: str, others: str, passing: str) -> None:
    """Commas stay between the actions that stay, wherever iam:PassRole stands among them."""
    found = in_yaml(tmp_path, f'          - Effect: Allow\n            Action: {actions}\n            Resource: "*"\n')
    assert found == (
        f'          - Effect: Allow\n            Action: {others}\n            Resource: "*"\n'
        f"          - Effect: Allow\n            Action: {passing}\n            Resource: !GetAtt Role.Arn\n{CONDITION}"
    )


def test_json_has_no_trailing_comma(tmp_path: Path) -> None:
    """In JSON the last action that stays loses its comma, in the old statement and in the new one."""
    template = """\
{"Resources": {
  "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
  "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
  "Policy": {"Type": "AWS::IAM::UserPolicy", "Properties": {"UserName": "bot", "PolicyName": "bot",
    "PolicyDocument": {"Statement": [
      {
        "Effect": "Allow",
        "Action": [
          "iam:GetRole",
          "iam:PassRole"
        ],
        "Resource": "*"
      }
    ]}}}
}}
"""
    found = session(tmp_path, {"app.json": template})
    assert written(found, "app.json", tmp_path) == template.replace(
        """\
          "iam:GetRole",
          "iam:PassRole"
        ],
        "Resource": "*"
      }
""",
        """\
          "iam:GetRole"
        ],
        "Resource": "*"
      },
      {
        "Effect": "Allow",
        "Action": [
          "iam:PassRole"
        ],
        "Resource": {"Fn::GetAtt": ["Role", "Arn"]},
        "Condition": {
          "StringEquals": {
            "iam:PassedToService": "lambda.amazonaws.com"
          }
        }
      }
""",
    )


def test_statement_block_is_split(tmp_path: Path) -> None:
    """A second statement block follows the first one."""
    document = """\
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:GetRole", "iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/task*"]
  }
}
resource "aws_iam_policy" "p" {
  policy = data.aws_iam_policy_document.d.json
}
"""
    found = session(tmp_path, {"main.tf": document + USED})
    assert written(found, "main.tf", tmp_path) == USED.join(
        [
            document.replace('"iam:GetRole", "iam:PassRole"', '"iam:GetRole"').replace(
                '/task*"]\n  }\n',
                """\
/task*"]
  }

  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/task*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
""",
            ),
            "",
        ]
    )


def test_line_ends_are_kept(tmp_path: Path) -> None:
    """In a file whose lines end in CR LF the new lines do so as well."""
    text = policy(allow(action='["iam:GetRole", "iam:PassRole"]', resource='"arn:aws:iam::111122223333:role/task*"'))
    found = session(tmp_path, {"main.tf": (text + USED).replace("\n", "\r\n")})
    new = written(found, "main.tf", tmp_path)
    assert new.count("\n") == new.count("\r\n") > text.count("\n")


def test_single_yaml_statement_becomes_a_list(tmp_path: Path) -> None:
    """One statement without a list becomes two in a list, in YAML ..."""
    before = """\
          # what the bot does
          Effect: Allow
          Action:
            - iam:GetRole
            - iam:PassRole # all

          Resource: "*"
"""
    assert in_yaml(tmp_path, before) == (
        """\
          # what the bot does
          - Effect: Allow
            Action:
              - iam:GetRole

            Resource: "*"
          - Effect: Allow
            Action:
              - iam:PassRole # all

            Resource: !GetAtt Role.Arn
"""
        + CONDITION
    )


def test_single_object_becomes_a_list(tmp_path: Path) -> None:
    """... and in HCL and JSON."""
    text = policy(allow(action='["iam:GetRole", "iam:PassRole"]'))
    alone = text.replace("[\n      {", "{").replace("      },\n    ]", "      }")
    found = session(tmp_path, {"main.tf": alone + USED})
    new = written(found, "main.tf", tmp_path)
    assert 'Statement = [{\n        Effect = "Allow"\n        Action = ["iam:GetRole"]\n' in new
    assert '      }, {\n        Effect = "Allow"\n        Action = ["iam:PassRole"]\n' in new
    assert "        }\n      }]\n  })\n" in new


def test_dash_may_be_on_its_own_line(tmp_path: Path) -> None:
    """The new statement follows its dash in the same way as the old one."""
    lines = "            Effect: Allow\n            Action: {}\n            Resource: {}\n"
    before = f"          -\n{lines.format('[iam:GetRole, iam:PassRole]', chr(34) + '*' + chr(34))}"
    after = f"          -\n{lines.format('[iam:GetRole]', chr(34) + '*' + chr(34))}"
    after += f"          -\n{lines.format('[iam:PassRole]', '!GetAtt Role.Arn')}{CONDITION}"
    assert in_yaml(tmp_path, before) == after


def test_a_comment_may_stand_before_the_statement(tmp_path: Path) -> None:
    """Comments behind the bracket and above the statement do not matter."""
    text = policy(allow(action='["iam:GetRole", "iam:PassRole"]'))
    text = text.replace("= [\n", "= [ # who may what\n      // first\n")
    found = session(tmp_path, {"main.tf": text + USED})
    assert written(found, "main.tf", tmp_path).count('Effect = "Allow"') == USED.count('Effect = "Allow"') + 2


def test_get_role_gets_a_statement_without_the_condition(tmp_path: Path) -> None:
    """A missing iam:GetRole gets a separate statement on the same roles and under the other conditions."""
    before = """\
          - Sid: Pass
            Effect: Allow
            Action: [iam:PassRole]
            Resource: arn:aws:iam::111122223333:role/orders-* # the application's
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
                aws:RequestedRegion: eu-central-1
"""
    found = session(tmp_path, {"app.yaml": TEMPLATE + before}, Severity.INFO)
    assert checks(only(found)) == ["012"]
    assert written(found, "app.yaml", tmp_path) == (
        TEMPLATE
        + before
        + """\
          - Sid: ReadPassedRoles
            Effect: Allow
            Action: [iam:GetRole]
            Resource: arn:aws:iam::111122223333:role/orders-*
            Condition:
              StringEquals:
                aws:RequestedRegion: eu-central-1
"""
    )


def test_statement_is_split_into_three(tmp_path: Path) -> None:
    """Other actions, passing and reading: each has its own statement."""
    statement = allow('"arn:aws:iam::111122223333:role/task*"', action='["ecs:RunTask", "iam:PassRole"]')
    found = session(tmp_path, {"main.tf": policy(statement) + USED}, Severity.INFO)
    assert checks(only(found)) == ["002", "012"]
    new = written(found, "main.tf", tmp_path).removesuffix(USED)
    assert new.count('"arn:aws:iam::111122223333:role/task*"') == 3
    assert [line.strip() for line in new.split("\n") if "Action" in line] == [
        'Action = ["ecs:RunTask"]',
        'Action = ["iam:PassRole"]',
        'Action = ["iam:GetRole"]',
    ]
    assert new.count("iam:PassedToService") == 1


def test_taken_sid_is_not_reused(tmp_path: Path) -> None:
    """The Sid of the new statement is one that the file does not hold."""
    statements = """\
          - {Sid: PassRolesToLambda, Effect: Allow, Action: "s3:GetObject", Resource: "*"}
          - Sid: All
            Effect: Allow
            Action: [iam:GetRole, iam:PassRole]
            Resource: "*"
"""
    assert "          - Sid: PassRolesToLambda2\n" in in_yaml(tmp_path, statements)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "          - Effect: Allow\n            Action: [iam:GetRole, !Sub 'iam:PassRole']\n"
            '            Resource: "*"\n',
            "its actions are defined elsewhere or computed",
        )
    ],
)
def test_unsplittable_statement_needs_manual_review(tmp_path: Path, statement: str, reason: str) -> None:
    """If the text cannot be split safely, the reason and the proposed statement are shown."""
    one = only(session(tmp_path, {"app.yaml": TEMPLATE + statement}))
    assert one.edits == ()
    assert one.missing == (reason,)
    assert one.statement == (
        "- Effect: Allow\n  Action: iam:PassRole\n  Resource: !GetAtt Role.Arn\n  Condition:\n    StringEquals:\n"
        "      iam:PassedToService: lambda.amazonaws.com"
    )


def test_two_statements_of_a_policy_get_different_sids(tmp_path: Path) -> None:
    """A Sid is unique in a policy, also where two statements are parted in one run."""
    one, two = (allow(action=f'["iam:PassRole", "lambda:{name}"]') for name in ("CreateFunction", "GetFunction"))
    found = session(tmp_path, {"main.tf": policy(f'Sid = "A"\n{one}', f'Sid = "B"\n{two}') + USED})
    text = found.combine().changed[str(tmp_path / "main.tf")]
    assert re.findall(r'Sid = "(\w+)"', text) == ["A", "PassRolesToLambda", "B", "PassRolesToLambda2"]


def test_documents_that_are_merged_get_different_sids(tmp_path: Path) -> None:
    """The provider refuses two source documents with the same Sid, also from different files."""

    def document(name: str, action: str) -> str:
        return (
            f'data "aws_iam_policy_document" "{name}" {{\n  statement {{\n    sid       = "{name}"\n'
            f'    actions   = ["iam:PassRole", "{action}"]\n    resources = ["*"]\n  }}\n}}\n'
        )

    both = "[data.aws_iam_policy_document.a.json, data.aws_iam_policy_document.b.json]"
    merged = f'data "aws_iam_policy_document" "all" {{\n  source_policy_documents = {both}\n}}\n'
    lines = '  user   = "bot"\n  policy = data.aws_iam_policy_document.all.json\n'
    user = f'resource "aws_iam_user_policy" "bot" {{\n{lines}}}\n'
    files = {
        "a.tf": document("a", "lambda:CreateFunction"),
        "b.tf": document("b", "lambda:GetFunction"),
        "main.tf": merged + user + USED,
    }
    changed = session(tmp_path, files).combine().changed
    sids = [name for file in sorted(changed) for name in re.findall(r'sid +=? *"(\w+)"', changed[file])]
    assert sids == ["a", "PassRolesToLambda", "b", "PassRolesToLambda2"]


def test_comments_and_blank_lines_stay_with_the_others(tmp_path: Path) -> None:
    """The new statement has none of the blank lines between the actions that it does not have."""
    before = """\
          - Effect: Allow
            Action:

              # run functions
              - lambda:InvokeFunction

              - iam:PassRole

              # read them
              - lambda:GetFunction

            Resource: "*"
"""
    assert in_yaml(tmp_path, before) == (
        before.replace("              - iam:PassRole\n", "")
        + """\
          - Effect: Allow
            Action:
              - iam:PassRole

            Resource: !GetAtt Role.Arn
"""
        + CONDITION
    )


def test_comment_is_not_repeated(tmp_path: Path) -> None:
    """A comment at a line stays where that line stays, and goes with a line that goes: no further statement repeats it.
    What looks like one inside of a string is none."""
    text = policy(allow(action='[\n"lambda:InvokeFunction", # runs\n"iam:PassRole", // deploys\n]'))
    text = text.replace('Resource = "*"', 'Resource = "*" # all')
    text = text.replace("Effect", 'Sid = "A"\n        Effect')
    found = session(tmp_path, {"main.tf": text + USED}, Severity.INFO)
    new = written(found, "main.tf", tmp_path)
    assert new.count("Sid = ") == 3
    assert [new.count(comment) for comment in ("# runs", "// deploys", "# all")] == [1, 1, 1]
    assert new.index("# runs") < new.index("# all") < new.index("// deploys")


@pytest.mark.parametrize("line", ['a = "x # y" # z', "a: 'x # y' # z", 'a = "http://x" # z', "a = x#y # z"])
def test_where_a_comment_begins(line: str) -> None:
    """A mark in a string, or within a word, begins no comment."""
    assert _without_repeated_comments("b # z\nc # y", [line]) == [line.removesuffix(" # z")]
    assert _without_repeated_comments("b # y", [line]) == [line]


def test_new_entries_of_an_object_have_different_names() -> None:
    """Names are free in the file, and in the style of the old one."""
    copies = [
        '{ actions = ["iam:PassRole"] }',
        '{ actions = ["iam:PassRole", "iam:GetRole"] }',
        '{ actions = ["iam:GetRole"] }',
    ]
    assert list(_free_names("app", copies, "")) == ["pass_roles", "pass_roles2", "read_passed_roles"]
    assert list(_free_names("App", copies[:1], "PassRoles = {}")) == ["PassRoles2"]
