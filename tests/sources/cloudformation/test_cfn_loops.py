"""``Fn::ForEach``: expanded if the collection is known, else read once with an unresolved variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from work import at_most

from passrole_checks.errors import InputError
from passrole_checks.sources.cloudformation import load


@pytest.mark.slow
def test_loop_expansion_is_bounded() -> None:
    """Eight nested loops of forty elements are read quickly: once, with unresolved variables."""
    body = '"P": {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: !Sub "${V0}${V7}"}}}'
    for depth in range(8):
        words = ", ".join(f"w{number}" for number in range(40))
        body = f'"Fn::ForEach::L{depth}": [V{depth}, [{words}], {{{body}}}]'
    with at_most(20_000_000):
        try:
            configuration = load(Path("t.yaml"), f"Transform: AWS::LanguageExtensions\nResources: {{{body}}}\n")
            assert configuration.resources
        except InputError as error:
            assert "too" in error.reason
