"""The policy templates of AWS SAM: ``Policies: [SQSPollerPolicy: {QueueName: …}]``.

Source: AWS SAM Developer Guide, "AWS SAM policy templates" and "AWS SAM policy template list". The data
(``sam_policy_templates.json``; its copyright and licence are in ``NOTICE`` beside it) is ``policy_templates.json`` of
the package aws-sam-translator without the descriptions. ``python -m passrole_checks.aws.sam_policy_templates``
writes it again from the package that is installed; nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

PACKAGE = "aws-sam-translator"
_FILE = "sam_policy_templates.json"


@dataclass(frozen=True, slots=True)
class PolicyTemplate:
    """A policy template: the names of its parameters, and its policy as JSON, in which ``{"Ref": parameter}`` stands
    for the argument."""

    name: str
    parameters: tuple[str, ...]
    definition: Mapping[str, Any]


@cache
def _data() -> dict[str, Any]:
    text = resources.files("passrole_checks.aws").joinpath(_FILE).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@cache
def policy_templates() -> Mapping[str, PolicyTemplate]:
    """All policy templates that are known, by their names."""
    return {
        name: PolicyTemplate(name, tuple(entry["parameters"]), entry["definition"])
        for name, entry in _data()["templates"].items()
    }


def version() -> str:
    """The release of aws-sam-translator that the data is from."""
    return str(_data()["version"])


def generated() -> str:
    """The text of the data file, made from the aws-sam-translator that is installed.

    Raises ``ModuleNotFoundError`` where it is not installed.
    """
    from importlib import metadata  # takes a while, and only whoever writes the data needs it

    source = resources.files("samtranslator.policy_templates_data").joinpath("policy_templates.json")
    templates = json.loads(source.read_text(encoding="utf-8"))["Templates"]
    rows = [
        f"{json.dumps(name)}:"
        + json.dumps(
            {"parameters": list(template["Parameters"]), "definition": template["Definition"]}, separators=(",", ":")
        )
        for name, template in sorted(templates.items())
    ]
    head = f'{{"source":"{PACKAGE}","version":"{metadata.version(PACKAGE)}","licence":"Apache-2.0","templates":{{\n'
    return head + ",\n".join(rows) + "\n}}\n"


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text(generated(), encoding="utf-8")
