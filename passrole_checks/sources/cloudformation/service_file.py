"""Convert a service of the Serverless Framework (``serverless.yml``) into a template, as far as roles are concerned.

``resources`` is a template already, and ``resources.extensions`` replaces properties of the generated resources. The
roles are those of :mod:`service_roles`. Variables are resolved by :mod:`service_values`. Nodes keep their positions.
Sources: Serverless Framework, "AWS Infrastructure Resources" ("Override AWS CloudFormation Resource") and
``packages/serverless/lib/plugins/aws/package/lib/merge-custom-provider-resources.js``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.compose_yaml import nodes_below
from passrole_checks.sources.cloudformation.recognize import top_level_keys
from passrole_checks.sources.cloudformation.service_roles import generated_roles
from passrole_checks.sources.cloudformation.service_values import ServiceValues
from passrole_checks.sources.cloudformation.template import (
    Template,
    child,
    entries,
    intrinsic_call,
    mapping_node,
    scalar,
    sequence_node,
    text_node,
    with_content,
)

# what may contain or refer to policies; every match of the pattern contains one of the words
_POLICY_WORDS = ("${", "iamRoleStatements", "anagedPolicies", "statements", "AWS::IAM::")
_POLICIES = lazy_regex(
    r"""(?:iamRoleStatements|iamManagedPolicies|managedPolicies|statements)["']?[ \t]*:|AWS::IAM::|\$\{file\("""
    r"""|["']?(?:provider|iam|role|functions|resources|Resources|extensions)["']?[ \t]*:[ \t]*["']?\$\{"""
    r"""|(?:^[ \t]*-|\[)[ \t]*["']?\$\{""",
    re.MULTILINE,
)
_USUAL_SYNTAX = lazy_regex(r"\$\\*\{(?!\\*\{)")
_SECTIONS = ("Conditions", "Mappings", "Parameters", "Resources")
# the framework's own sections; values in `custom` are read where they are referred to
_OWN_SECTIONS = frozenset(
    {"custom", "functions", "layers", "package", "params", "provider", "resources", "service", "stages"}
)
_LISTS = frozenset({"ManagedPolicyArns", "Policies"})

_Entry = tuple[yaml.ScalarNode, yaml.Node]


@dataclass(frozen=True, slots=True)
class ConvertedService:
    """Parts of a service beside its template.

    ``skipped``: nodes that are not evaluated, with the reason. ``errors``: files that cannot be read. ``files``:
    templates that belong to the service.
    """

    skipped: Sequence[tuple[yaml.Node, str]] = ()
    errors: Sequence[InputError] = ()
    files: tuple[str, ...] = ()


def looks_like_service(content: str) -> bool:
    """True if a text is a service of the Serverless Framework that may have policies."""
    if "provider" not in content or "service" not in content:
        return False
    if not any(word in content for word in _POLICY_WORDS) or not _POLICIES.search(content):
        return False
    return {"service", "provider"} <= top_level_keys(content)


def is_service(root: yaml.MappingNode) -> bool:
    """True if a file is a service, judging by its keys. The name of a provider is a text: a mapping in its place
    describes services, for another tool."""
    keys = {key.value for key, _ in entries(root)}
    if isinstance(child(root, "provider", "name"), yaml.MappingNode):
        return False
    return {"service", "provider"} <= keys and not {"AWSTemplateFormatVersion", "Resources"} & keys


def convert_to_template(template: Template, path: Path | None) -> ConvertedService:
    """Convert a service into a template. ``path``: its file; None if the files that it names may not be read."""
    root = template.root
    values = ServiceValues(template, path.parent if path is not None else None)
    syntax = scalar(child(root, "provider", "variableSyntax"))
    conversion = _Conversion(values)
    conversion.read_resources(child(root, "resources"))
    roles = list(generated_roles(root, values))
    conversion.add_roles(roles)
    conversion.extend_resources()
    conversion.skip_plugins(root)
    conversion.add_conditions(root)
    if syntax is not None and not _USUAL_SYNTAX.search(syntax):
        values.skip(root, "provider.variableSyntax changes the syntax of variables")
    sections = [
        (text_node(name, root), mapping_node(found, root)) for name, found in conversion.sections.items() if found
    ]
    template.replace(mapping_node(sections, root))
    return ConvertedService([*values.skipped, *values.notes], values.includes.errors, tuple(conversion.templates()))


class _Conversion:
    """The sections of the template, and what is left out."""

    def __init__(self, values: ServiceValues) -> None:
        self.values = values
        self.sections: dict[str, list[_Entry]] = {name: [] for name in _SECTIONS}
        self.extensions: list[_Entry] = []

    def read_resources(self, node: yaml.Node | None) -> None:
        """Read the sections of ``resources``, a mapping or a list of mappings."""
        for part in self.values.parts(self.values.shallow(node)):
            for name in _SECTIONS:
                for key, value in entries(self.values.section(child(part, name))):
                    known = self.resource(value) if name == "Resources" else self.values.resolve(value)
                    self.sections[name].append((key, known))
            self.extensions += entries(self.values.section(child(part, "extensions")))

    def resource(self, node: yaml.Node) -> yaml.Node:
        """Return a resource with its variables resolved."""
        resource = self.values.section(node) or node
        if not isinstance(resource, yaml.MappingNode) or intrinsic_call(resource) is not None:
            return self.values.resolve(resource)
        listed: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in resource.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "Properties":
                value = self.values.section(value) or value
            listed.append((key, self.values.resolve(value)))
        return with_content(resource, listed)

    def add_roles(self, roles: list[_Entry]) -> None:
        """Add the generated roles, merged with the resources of the same names: these replace properties, and add
        policies."""
        own = self._numbers
        added: list[_Entry] = []
        for key, role in roles:
            number = own.get(key.value)
            if number is None:
                added.append((key, role))
                continue
            resource_key, resource = self.sections["Resources"][number]
            self.sections["Resources"][number] = (resource_key, _merged(role, resource, _LISTS))
        self.sections["Resources"][:0] = added

    @property
    def _numbers(self) -> dict[str, int]:
        """The numbers of the resources by their logical ids."""
        return {key.value: number for number, (key, _) in enumerate(self.sections["Resources"])}

    def extend_resources(self) -> None:
        """Replace the properties that extensions name."""
        numbers = self._numbers
        for key, value in self.extensions:
            extension = self.resource(value)
            number = numbers.get(key.value)
            if number is not None:
                resource_key, resource = self.sections["Resources"][number]
                self.sections["Resources"][number] = (resource_key, _merged(resource, extension, frozenset()))

    def skip_plugins(self, root: yaml.MappingNode) -> None:
        """Record the sections of plugins that contain statements."""
        for key, value in entries(root):
            if key.value not in _OWN_SECTIONS and _contains_statement(self.values.resolve(value)):
                self.values.skip(key, f"{key.value[:80]}: statements of a plugin are not evaluated")

    def templates(self) -> Iterator[str]:
        """Yield the included templates all of whose resources are in the service."""
        used = {id(key) for key, _ in self.sections["Resources"]}
        for path, root in self.values.includes.roots.items():
            own = entries(child(root, "Resources"))
            if own and all(id(key) in used for key, _ in own):
                yield path

    def add_conditions(self, root: yaml.Node) -> None:
        """Declare the variables that select a variant, as parameters, and their conditions."""
        for name, (variable, value) in self.values.conditions.items():
            reference = mapping_node([(text_node("Ref", root), text_node(variable, root))], root)
            operands = sequence_node([reference, text_node(value, root)], root)
            condition = mapping_node([(text_node("Fn::Equals", root), operands)], root)
            self.sections["Conditions"].append((text_node(name, root), condition))
        for variable in dict.fromkeys(variable for variable, _ in self.values.conditions.values()):
            kind = mapping_node([(text_node("Type", root), text_node("String", root))], root)
            self.sections["Parameters"].append((text_node(variable, root), kind))


def _merged(base: yaml.Node, other: yaml.Node, joined: frozenset[str]) -> yaml.Node:
    """Return a resource with the entries of another one, whose properties replace its own.

    ``joined``: lists among the properties to which it adds. The framework merges elements by their number, where the
    first statements of the generated policy are those about logs.
    """
    if not isinstance(base, yaml.MappingNode) or not isinstance(other, yaml.MappingNode):
        return other
    merged = dict(_by_name(base))
    for name, (key, value) in _by_name(other):
        old = merged.get(name)
        if old is not None and name == "Properties":
            value = _merged(old[1], value, joined)
        elif (
            old is not None and name in joined and all(isinstance(each, yaml.SequenceNode) for each in (old[1], value))
        ):
            value = sequence_node([*old[1].value, *value.value], value)
        merged[name] = (key, value)
    return mapping_node(merged.values(), other)


def _by_name(node: yaml.MappingNode) -> Iterator[tuple[str, _Entry]]:
    for key, value in entries(node):
        yield key.value, (key, value)


def _contains_statement(root: yaml.Node) -> bool:
    """True if a node contains a statement of a policy."""
    return any(
        child(node, "Effect") is not None and (child(node, "Action") or child(node, "NotAction")) is not None
        for node in nodes_below(root)
    )
