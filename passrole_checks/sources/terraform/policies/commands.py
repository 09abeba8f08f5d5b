"""IAM policies in commands that Terraform runs: provisioners, external data sources, scripts, actions.

Sources: Terraform documentation, "local-exec Provisioner" (``command``), "remote-exec Provisioner" (``inline``) and
"action block"; Terraform Registry, ``hashicorp/external`` (data source ``external``: ``program``),
``scottwinkler/shell`` (``shell_script``: ``lifecycle_commands``), ``hashicorp/local`` (data source and action
``local_command``: ``command``, ``arguments``).
Whether a command runs, and with which effect, is unknown: a policy in it has at most medium confidence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import ListNode, Node, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.attachments import flatten_variants
from passrole_checks.sources.model.configuration import (
    COMMAND,
    AttachedPolicy,
    Framework,
    HandedTo,
    ManagedAttachment,
    NoteKind,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.model.iam_commands import (
    IamCommand,
    commands_in_text,
    commands_in_words,
    find_mention,
    note_reason,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import fill_known_parts
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain_string
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of

_SCRIPTS = "shell_script"
_PROGRAMS = "external"
_LOCAL_COMMAND = "local_command"
_SCRIPT_FILE = lazy_regex(r"(?<![\w./\\-])[\w./\\-]+\.(?:bash|bat|cmd|ps1|py|sh)\b")
_MAX_LENGTH = 10_000  # characters of a text in which names of script files are searched
_WORDS = (b"provisioner", _SCRIPTS.encode(), _LOCAL_COMMAND.encode(), b'"external"')
_SELF = frozenset({"self.name", "self.id", "self.arn"})
_PROVISIONERS = {"local-exec": "command", "remote-exec": "inline"}


@dataclass
class CommandPolicies:
    """The literal policy documents and AWS managed policies in the commands of a configuration."""

    policies: list[AttachedPolicy] = field(default_factory=list)
    attachments: list[ManagedAttachment] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)  # addresses of blocks with a note


def policies_in_commands(root: Module, attachments: TerraformAttachments) -> CommandPolicies:
    """Return the policies in the commands of a configuration, and note each command that attaches or creates one."""
    contents = CommandPolicies()
    for module in root.walk():
        texts = [parsed.source.data for parsed in module.folder.files]
        runs = any(word in text for text in texts for word in _WORDS)
        mentions = any(find_mention(text) is not None for text in texts)
        if not (runs or mentions):
            continue
        for block in (*module.folder.resources, *module.folder.data, *module.folder.actions):
            if runs and _may_run_commands(block):
                _collect(module, block, attachments, contents)
            if mentions:
                _note_mention(module, block, contents)
    return contents


def _may_run_commands(block: Block) -> bool:
    if block.type == "resource":
        return block.labels[0] == _SCRIPTS or block.source_bytes is None or b"provisioner" in block.source_bytes
    return block.labels[0] in (_SCRIPTS, _PROGRAMS, _LOCAL_COMMAND)


def _collect(module: Module, block: Block, attachments: TerraformAttachments, contents: CommandPolicies) -> None:
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        address = module.full_address(f"{_block_address(block)}{instance.suffix}")
        resource = ResourceDefinition(address, COMMAND, Framework.TERRAFORM, scope.position(block.span))
        texts = list(_texts(block, scope, (*module.when, *instance.when)))
        _note_scripts(module, block, address, texts)
        commands = (command for text in texts for command in text.commands())
        for number, (path, when, command) in enumerate(commands):
            _note(module, block, address, command)
            contents.noted.add(module.full_address(_block_address(block)))
            path = f"{path}/{number}" if number else path
            principal = _principal(command, resource, module, attachments)
            if command.document is not None:
                contents.policies.append(
                    AttachedPolicy(
                        resource,
                        path,
                        guard(when, command.document),
                        principals=(principal,) if principal else (),
                        handed_to=HandedTo.COMMAND,
                    )
                )
            elif command.managed_policy is not None:
                contents.attachments.append(
                    ManagedAttachment(
                        principal or address,
                        command.managed_policy,
                        resource,
                        path,
                        command.managed_policy.at,
                        when,
                        handed_to=HandedTo.COMMAND,
                    )
                )


def _principal(
    command: IamCommand, resource: ResourceDefinition, module: Module, attachments: TerraformAttachments
) -> str:
    """Return the address, else the name, of the principal that a command names; empty if it names none."""
    named = command.principal
    if named is None:
        return ""
    unresolved = named.only_unresolved
    if unresolved is not None and unresolved.expression in _SELF:
        return resource.address
    return attachments.resolve_principal(named, command.kind, module.address)


def _block_address(block: Block) -> str:
    prefix = "" if block.type == "resource" else f"{block.type}."
    return f"{prefix}{block.labels[0]}.{block.labels[1]}"


def _note(module: Module, block: Block, address: str, command: IamCommand) -> None:
    key = module.full_address(f"{_block_address(block)}: command in line {command.at.line}")
    module.run.not_evaluated.setdefault(
        key,
        Unreadable(block.source.file, command.not_evaluated_reason(address), command.at.line, kind=NoteKind.COMMAND),
    )


def _note_scripts(module: Module, block: Block, address: str, texts: Iterable[_Text]) -> None:
    """Note the script files that the commands of a block name and that contain such a command."""
    for name in dict.fromkeys(file for text in texts for file in text.files()):
        for folder in dict.fromkeys((module.root_folder, str(module.folder.path))):
            path = os.path.normpath(os.path.join(folder, name))
            content, _ = module.run.files.read(path)
            mention = find_mention(content.encode("utf-8", "replace")) if content is not None else None
            if mention is not None:
                reason = f"{address} names this script, whose `aws iam {mention[0]}` is not evaluated"
                line = content.count("\n", 0, mention[1]) + 1 if content is not None else 1
                key = module.full_address(f"{_block_address(block)}: script {path}")
                module.run.not_evaluated.setdefault(key, Unreadable(path, reason, line, kind=NoteKind.COMMAND))


def _note_mention(module: Module, block: Block, contents: CommandPolicies) -> None:
    """Note a block with such a command in any attribute, such as ``user_data`` or a build specification."""
    text = _text_of(block)
    mention = find_mention(text)
    address = module.full_address(_block_address(block))
    if mention is None or address in contents.noted:
        return
    operation, offset = mention
    line = block.span.line + text.count(b"\n", 0, offset)
    reason = note_reason(address, f"aws iam {operation}")
    module.run.not_evaluated[f"{address}: command"] = Unreadable(block.source.file, reason, line, kind=NoteKind.COMMAND)


def _text_of(block: Block) -> bytes:
    """Return the text of a block: in JSON, its lines."""
    if block.source_bytes is not None:
        return block.source_bytes
    lines = block.source.data.split(b"\n")
    return b"\n".join(lines[block.span.line - 1 : block.span.end_line])


@dataclass(frozen=True)
class _Text:
    """A value that contains commands: a text, or a program and its arguments (``words``), at a path in its block."""

    path: str
    when: PathCondition
    value: Node | None
    words: bool = False

    def commands(self) -> Iterator[tuple[str, PathCondition, IamCommand]]:
        """Yield each command with its path and its path condition."""
        if self.words:
            words = [to_plain_string(word) for word in _items(self.value) if isinstance(word, StringNode)]
            yield from ((self.path, self.when, command) for command in commands_in_words(words))
            return
        for facts, text in flatten_variants(self.value, self.when):
            if isinstance(text, StringNode):
                yield from ((self.path, facts, command) for command in commands_in_text(to_plain_string(text)))

    def files(self) -> Iterator[str]:
        """Yield the names of script files in the text."""
        for _, text in flatten_variants(self.value):
            if isinstance(text, StringNode):
                yield from (match[0] for match in _SCRIPT_FILE.finditer(str(fill_known_parts(text))[:_MAX_LENGTH]))


def _texts(block: Block, scope: EvaluationScope, when: PathCondition) -> Iterator[_Text]:
    """Yield the values of a block that contain commands."""
    type_ = block.labels[0]
    if block.type != "resource" and type_ == _PROGRAMS:
        yield _Text("program", when, references.value_of(block, "program", scope), words=True)
    elif block.type == "data" and type_ == _LOCAL_COMMAND:
        values = [references.value_of(block, name, scope) for name in ("command", "arguments")]
        yield _Text("arguments", when, _joined(values, block, scope), words=True)
    elif block.type == "action" and type_ == _LOCAL_COMMAND:
        for facts, values in _nested(block, "config", ("command", "arguments"), scope):
            yield _Text("config/arguments", (*when, *facts), _joined(values, block, scope), words=True)
    elif type_ == _SCRIPTS:
        names = ("create", "read", "update", "delete")
        for facts, values in _nested(block, "lifecycle_commands", names, scope):
            for name, value in zip(names, values, strict=True):
                yield _Text(f"lifecycle_commands/{name}", (*when, *facts), value)
    for number, provisioner in enumerate(block.body.all("provisioner")):
        attribute = _PROVISIONERS.get(provisioner.labels[0] if provisioner.labels else "")
        if attribute is not None:
            value = references.value_of(provisioner, attribute, scope.in_source(provisioner.source))
            yield _Text(f"provisioner/{number}/{attribute}", when, value)


def _nested(
    block: Block, name: str, attributes: Sequence[str], scope: EvaluationScope
) -> Iterator[tuple[PathCondition, list[Node | None]]]:
    """Yield the values of attributes in each nested block of a name, or in an attribute of that name (JSON)."""
    for facts, nested, inner in blocks_of(block.body, name, scope):
        yield facts, [references.value_of(nested, attribute, inner) for attribute in attributes]
    value = references.value_of(block, name, scope)
    for item in _items(value):
        if isinstance(item, ObjectNode):
            yield (), [item.get(attribute) for attribute in attributes]


def _joined(values: Sequence[Node | None], block: Block, scope: EvaluationScope) -> Node:
    """Return the words of a program and its arguments as one list."""
    words = tuple(word for value in values for word in _items(value))
    return ListNode(words, scope.position(block.span))


def _items(value: Node | None) -> tuple[Node, ...]:
    if isinstance(value, ListNode):
        return value.items
    return (value,) if value is not None else ()
