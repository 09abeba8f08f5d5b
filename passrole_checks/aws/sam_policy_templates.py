"""The policy templates of AWS SAM: ``Policies: [SQSPollerPolicy: {QueueName: …}]``.

Source: AWS SAM Developer Guide, "AWS SAM policy templates" and "AWS SAM policy template list". The data
(``sam_policy_templates.json``; its copyright and license are in ``NOTICE`` beside it) is ``policy_templates.json`` of
the package aws-sam-translator without the descriptions. ``python -m passrole_checks.aws.sam_policy_templates`` writes
it from the installed package; nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from passrole_checks.aws.data_files import read_json
from passrole_checks.iam.fast_dataclass import dataclass

PACKAGE = "aws-sam-translator"
_FILE = "sam_policy_templates.json"


@dataclass(frozen=True, slots=True)
class PolicyTemplate:
    """A policy template: its parameters, and its policy as JSON with ``{"Ref": parameter}`` in place of arguments."""

    name: str
    parameters: tuple[str, ...]
    definition: Mapping[str, Any]


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = read_json(_FILE)
    return data


@cache
def policy_templates() -> Mapping[str, PolicyTemplate]:
    """Return all known policy templates by name."""
    return {
        name: PolicyTemplate(name, tuple(entry["parameters"]), entry["definition"])
        for name, entry in _data()["templates"].items()
    }


def version() -> str:
    """Return the aws-sam-translator release that the data is from."""
    return str(_data()["version"])


def generate() -> str:
    """Return the text of the data file, generated from the installed aws-sam-translator.

    Raises ``ModuleNotFoundError`` if it is not installed.
    """
    from importlib import metadata, resources  # slow to import, and needed only here

    source = resources.files("samtranslator.policy_templates_data").joinpath("policy_templates.json")
    templates = json.loads(source.read_text(encoding="utf-8"))["Templates"]
    rows = [
        f"{json.dumps(name)}:"
        + json.dumps(
            {"parameters": list(template["Parameters"]), "definition": template["Definition"]}, separators=(",", ":")
        )
        for name, template in sorted(templates.items())
    ]
    head = f'{{"source":"{PACKAGE}","version":"{metadata.version(PACKAGE)}","license":"Apache-2.0","templates":{{\n'
    return head + ",\n".join(rows) + "\n}}\n"


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text(generate(), encoding="utf-8")
