"""This package and iam-simulate, an evaluator of IAM policies that others wrote, asked the same thousands of times.

What one side says and the other contradicts is a bug of one of them. Those of iam-simulate, and what AWS leaves open,
are in disagreements.toml, each with an example; all else fails, with the smallest case that shows it.
``SECOND_OPINION_PARTS=100`` makes the nightly run longer.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples
from second_opinion.cases import ACCOUNT, Case, Json, Request, case
from second_opinion.corrections import CORRECTIONS, corrected
from second_opinion.ours import VIEWS, Ours, is_wrong
from second_opinion.simulator import Simulator
from second_opinion.smaller import smallest

from passrole_checks.iam.values.nodes import Ternary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE: list[Json] = tomllib.loads(Path(__file__).with_name("disagreements.toml").read_text("utf-8"))["disagreement"]
PART = 100  # cases, of 8 requests each
PARTS = int(os.environ.get("SECOND_OPINION_PARTS", "12"))  # more of them in a longer run
OFTEN = range(2)  # those of each run
SELDOM = [pytest.param(part, marks=pytest.mark.nightly) for part in range(len(OFTEN), PARTS)]


def unexplained(simulator: Simulator, asked: Case, view: str) -> bool:
    """True if a claim about a case of one request contradicts the simulator, except for explained disagreements."""
    try:
        (claim,) = Ours(asked).claims(view)
    except AssertionError:  # a smaller case that is no policy any more
        return False
    return all(is_wrong(claim, answers[0]) for answers in simulator.ask([asked, corrected(asked)]))


def disagreements(simulator: Simulator, cases: list[Case]) -> list[str]:
    """Each view that contradicts the simulator without an explanation, with the smallest case that shows it."""
    found: dict[str, str] = {}
    for one, answers in zip(cases, simulator.ask(cases), strict=True):
        assert not any(answer.startswith("refused") for answer in answers), (answers, one)
        ours = Ours(one)
        for view in VIEWS.keys() - found.keys():
            for request, claim, answer in zip(one.requests, ours.claims(view), answers, strict=True):
                single = replace(one, requests=(request,))
                if is_wrong(claim, answer) and unexplained(simulator, single, view):
                    shown = smallest(single, partial(unexplained, simulator, view=view))
                    found[view] = f"{view}: {claim.value}, but {answer}:\n{json.dumps(shown.plain())}"
                    break
    return list(found.values())


@pytest.mark.parametrize("part", [*OFTEN, *SELDOM])
def test_thousands_of_requests(simulator: Simulator, part: int) -> None:
    """iam-simulate agrees with every certain answer of this package about a request."""
    cases = [case(Random(seed)) for seed in range(part * PART, (part + 1) * PART)]
    assert not disagreements(simulator, cases)


@given(random=st.randoms(use_true_random=False))
@settings(
    max_examples=examples(60),
    suppress_health_check=list(HealthCheck),
    derandomize=bool(os.environ.get("CI")),  # there, others would fail a change that has nothing to do with them
)
def test_what_hypothesis_thinks_of(simulator: Simulator, random: Random) -> None:
    """The same of cases that hypothesis makes, which are others in each run of a developer."""
    assert not disagreements(simulator, [case(random)])


@pytest.mark.parametrize("part", [*OFTEN, *SELDOM])
def test_cannot_be_told_has_a_reason(part: int) -> None:
    """A request is answered with yes or no unless something in the policies really depends on what is not known."""
    for seed in range(part * PART, (part + 1) * PART):
        one = case(Random(seed))
        if not has_something_open(one):
            assert Ternary.UNKNOWN not in Ours(one).statements(), one


def has_something_open(one: Case) -> bool:
    """True if an answer may depend on more than the role and the service, or on behavior that AWS does not document."""
    for document in one.documents:
        written = json.dumps(document)
        if document.get("Version") == "2012-10-17" and re.search(r"\$\{(?![*?$]\})", written):
            return True  # a policy variable
        if '"arn:aws:*:role/' in written or '"arn:aws-cn:*:role/' in written or "::*/" in written:
            return True  # a wildcard that may run past colons
        for statement in document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]:
            for operator, tests in statement.get("Condition", {}).items():
                base = operator.rpartition(":")[2].removesuffix("IfExists")
                if any(key.lower() != "iam:passedtoservice" for key in tests):
                    return True
                if not base.startswith("String") and ("Not" in base or base.startswith("Arn")):
                    return True  # "is not" of another type
                if operator.startswith("ForAnyValue:") and operator.endswith("IfExists"):
                    return True
    return False


# -- the table


def example(entry: Json) -> Case:
    control = ((json.loads(entry["control"]),),) if "control" in entry else ()
    request = Request(f"arn:aws:iam::{ACCOUNT}:role/{entry['role']}", "ec2.amazonaws.com")
    return Case((json.loads(entry["policy"]),), None, control, (request,))


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry["id"])
def test_a_disagreement(simulator: Simulator, entry: dict[str, Any]) -> None:
    """Both sides answer an example of the table as it says there, and differently."""
    asked = example(entry)
    (claim,), ((answer,),) = Ours(asked).statements(), simulator.ask([asked])
    assert (claim.value, answer) == (entry["ours"], entry["theirs"])
    assert is_wrong(claim, answer)
    assert entry["right"] in ("ours", "theirs", "open") and entry["source"] and entry["what"]


@pytest.mark.parametrize("entry", [one for one in TABLE if one.get("corrected")], ids=lambda entry: entry["id"])
def test_an_explanation(simulator: Simulator, entry: dict[str, Any]) -> None:
    """An example that is rewritten as its explanation says is answered alike, and no other rewriting does it."""
    asked = example(entry)
    (claim,) = Ours(asked).statements()
    rewritten = simulator.ask([corrected(asked, [name]) for name in CORRECTIONS])
    agree = [name for name, (answer,) in zip(CORRECTIONS, rewritten, strict=True) if not is_wrong(claim, answer)]
    assert agree == [entry["id"]]


def test_the_table_and_the_rewritings() -> None:
    """Each rewriting is explained in the table."""
    assert [entry["id"] for entry in TABLE if entry.get("corrected")] == list(CORRECTIONS)
    assert len({entry["id"] for entry in TABLE}) == len(TABLE)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_the_cases_meet_each_disagreement(simulator: Simulator, name: str) -> None:
    """Among the generated cases there are some of each disagreement that a rewriting explains."""
    for seed in range(PART * 12):
        one = case(Random(seed))
        single = [replace(one, requests=(request,)) for request in one.requests]
        if simulator.ask(single) != simulator.ask([corrected(asked, [name]) for asked in single]):
            return
    pytest.fail("no case meets it")
