"""Commands that attach or create policies, in texts of any length."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passrole_checks.sources.model.iam_commands import note_on_commands

PIECES = st.lists(
    st.sampled_from([
        "attach-role-policy", "put-user-policy", "create-policy", "-version", "-policy", "attach-", "put-", "aws iam ",
        "sso-admin", " ", "\n", "\\n", "\\", "x", "# ", "//", "put-inline-policy-to-permission-set", '"', "', ", "iam",
        " --region=x", " --profile y", " --debug",
    ]),
    max_size=8,
).map("".join)  # fmt: skip
COMMANDS = st.tuples(
    st.sampled_from(["iam", "sso-admin"]),
    st.lists(st.sampled_from(["--region=x", "--profile y", "--debug", '--profile "y"']), max_size=3).map(" ".join),
    st.sampled_from(["attach-role-policy", "put-inline-policy-to-permission-set", "create-policy-version"]),
).map(" ".join)


@given(PIECES, st.sampled_from(["\n", "\\n"]), COMMANDS, PIECES)
@example("# iam", "\n", "iam put-role-policy", "")
def test_command_is_noted_wherever_it_is_in_a_text(before: str, line_break: str, command: str, after: str) -> None:
    start = f"{before}{line_break}aws "
    (note,) = note_on_commands("f", f"{start}{command} {after}")
    assert note.line is not None and note.line <= start.count("\n") + 1
    assert command.split()[-1] in " ".join(note.content)


@given(PIECES, st.sampled_from(["# ", "\t//"]))
def test_comments_have_no_command(text: str, comment: str) -> None:
    commented = re.sub(r"\A|(\n|\\n)", lambda match: f"{match[0]}{comment}", text)
    assert not list(note_on_commands("f", commented))


@pytest.mark.parametrize("start", ["", "x" * 1_999, "x" * 5_000, "\n", "# a\n"])
def test_only_the_beginning_of_a_line_starts_a_comment(start: str) -> None:
    assert len(list(note_on_commands("f", f"{start}x # aws iam put-role-policy"))) == 1
