"""Names of operations that attach or create policies, in texts of any length."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from passrole_checks.sources.model.iam_commands import find_mention, names_operation

PIECES = st.lists(
    st.sampled_from([
        "attach-role-policy", "put-user-policy", "create-policy", "-version", "-policy", "attach-", "put-", "aws iam ",
        "sso-admin", " ", "\n", "x", "# ", "//", "put-inline-policy-to-permission-set", '", "', "iam",
    ]),
    max_size=8,
).map("".join)  # fmt: skip

EVERY_NAME = re.compile(
    r"(?<![\w-])(?:(?:attach|put)-(?:group|role|user)-policy|create-policy(?:-version)?"
    r"|attach-managed-policy-to-permission-set|put-inline-policy-to-permission-set)(?![\w-])"
)


@given(PIECES)
@example("attach-role-policyattach-role-policy# # attach-role-policyattach-role-policy")
def test_names_are_found_wherever_they_are_in_a_text(text: str) -> None:
    assert names_operation(text) == (EVERY_NAME.search(text) is not None)


@given(PIECES)
def test_a_mention_is_on_a_line_without_comment(text: str) -> None:
    mention = find_mention(text.encode())
    if mention is not None:
        name, offset = mention
        assert text[offset:].startswith(name)
        start = re.search(r"\b(?:iam|sso-admin)[\"',\s]+$", text[:offset])
        assert start is not None
        assert not text[: start.start()].rpartition("\n")[2].lstrip(" \t").startswith(("#", "//"))


def test_the_first_mention_of_a_line_counts() -> None:
    assert find_mention(b"# aws iam put-role-policy\naws iam attach-role-policy; aws iam put-role-policy") == (
        "attach-role-policy",
        34,
    )
