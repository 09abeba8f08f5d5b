"""Convert the target state of a statement into edits of its file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.iam.documents import action
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.change_set.recognize import is_change_set
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.terraform.reading.syntax import Block, Expression, TemplateExpression
from passrole_checks.suggest.edits.block_yaml import BlockYaml, Scalars, flow_language
from passrole_checks.suggest.edits.blocks import ConditionBlocks, condition_objects, has_block_attributes
from passrole_checks.suggest.edits.braces import Braces, BraceSyntax, Span
from passrole_checks.suggest.edits.condition_notation import ConditionNotation, condition_notation
from passrole_checks.suggest.edits.hcl_alignment import with_alignment
from passrole_checks.suggest.edits.hcl_nodes import HclFile, is_in_a_loop
from passrole_checks.suggest.edits.json_nodes import read_json
from passrole_checks.suggest.edits.references import (
    CloudFormationRoles,
    ModuleContext,
    TerraformRoles,
    is_role,
    json_string,
    literal_only,
)
from passrole_checks.suggest.edits.syntax_changes import (
    GET_ROLE,
    Add,
    Change,
    HasValue,
    Remove,
    SetKey,
    SetValue,
    Value,
    action_changes,
    condition_changes,
    find_entry,
    name_changes,
    resource_changes,
)
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode, is_first
from passrole_checks.suggest.edits.template_files import is_cloudformation_template, template_file, template_file_role
from passrole_checks.suggest.edits.template_variables import TemplateCall, only_call
from passrole_checks.suggest.edits.yaml_nodes import YamlFile, read_yaml
from passrole_checks.suggest.generated_files import NOT_SOURCE_CODE, why_not_edited
from passrole_checks.suggest.suggestion import Edit, StatementChange, TargetRole

_HCL_COMMENT = lazy_regex(r"#[^\n]*|//[^\n]*|/\*[\s\S]*?\*/")
_NAME = lazy_regex(r"[^\W\d][\w-]*")
_BREAK = lazy_regex("\r\n|[\r\n\x85\u2028\u2029]")
_QUOTED_DOCUMENT = "the policy document is written as a quoted string; a block scalar (|) makes it readable"
_ELEMENTS = ("Resource", "NotResource", "Action", "NotAction")
_BLOCK_ATTRIBUTES = ("resources", "not_resources", "actions", "not_actions")
_HCL_FILES = (".tf", ".tofu", ".tfvars")
_JSON_FILES = (".tf.json", ".tofu.json")


def compute_edits(
    located: LocatedGrant, change: StatementChange, read: Callable[[str], str], files: Sequence[str]
) -> tuple[Edit, ...]:
    """Return the edits. Raises :class:`NotEditableError` with the reason why there are none."""
    statement, resource = located.grant.statement, located.resource
    file = statement.at.file
    terraform = resource.framework in (Framework.TERRAFORM, Framework.TERRAFORM_PLAN)
    if resource.framework in NOT_SOURCE_CODE and not file.endswith((*_HCL_FILES, *_JSON_FILES)):
        raise NotEditableError(NOT_SOURCE_CODE[resource.framework])
    text = read(file)
    generated = why_not_edited(file, text, resource.construct)
    if generated:
        raise NotEditableError(generated)
    if change.separate:
        raise NotEditableError("its other actions must first be split from iam:PassRole")
    if not statement.whole:
        raise NotEditableError("the statement is an unresolved expression")
    hcl = terraform and not is_cloudformation_template(file, text)
    made = _Terraform(located, change, text, read, files) if hcl else _CloudFormation(located, change, text)
    try:
        edits = tuple(Edit(file, *span) for span in _merge_spans(made.spans(), text))
    except NotEditableError:
        if not change.only_roles:
            raise
        return compute_edits(located, replace(change, only_roles=False), read, files)
    if not file.endswith(_HCL_FILES):
        return (*edits, *made.other_edits(edits))
    end = max([made.offset(statement.at.end_line, statement.at.end_column), *(edit.end for edit in edits)])
    return with_alignment(text, edits, made.start, end)


def _merge_spans(spans: Iterable[Span], text: str) -> list[Span]:
    """Return the edits in file order, with adjacent ones merged. Raises :class:`NotEditableError` if two overlap."""
    found: list[Span] = []
    for start, end, new in sorted(spans, key=lambda span: span[:2]):
        if found and start < found[-1][1]:
            raise NotEditableError("the changes overlap")
        if found and start == found[-1][1]:
            found[-1] = (found[-1][0], end, found[-1][2] + new)
        else:
            found.append((start, end, new))
    return [span for span in found if text[span[0] : span[1]] != span[2]]


class _Statement:
    """A statement in a file."""

    def __init__(self, located: LocatedGrant, change: StatementChange, text: str) -> None:
        self.located, self.change, self.text = located, change, text
        self.statement = located.grant.statement
        self.shift = 1 if text.startswith("\ufeff") else 0
        self.lines = [self.shift]
        self.values: dict[int, StringNode] = {}

    def other_edits(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        """Return the edits of other files that the edits of the statement need."""
        return ()

    def line_breaks(self, breaks: re.Pattern[str]) -> None:
        """Split the text into lines at these breaks."""
        self.lines = [self.shift, *(found.end() for found in breaks.finditer(self.text))]
        for one in (*(self.statement.resources or ()), *(self.statement.not_resources or ())):
            if one.at.file == self.statement.at.file:
                self.values[self.offset(one.at.line, one.at.column)] = one

    def offset(self, line: int, column: int) -> int:
        if not 1 <= line <= len(self.lines):
            raise NotEditableError("its position in the file is unknown")
        return min(self.lines[line - 1] + column - 1, len(self.text))

    @property
    def start(self) -> int:
        return self.offset(self.statement.at.line, self.statement.at.column)

    def says(self, role: Callable[[TargetRole], str]) -> HasValue:
        def answer(written: WrittenNode, value: Value) -> bool:
            if isinstance(value, str):
                return written.text == value
            if not isinstance(value, TargetRole):
                return False
            inside = [one for start, one in self.values.items() if written.start <= start < written.end]
            if len(inside) == 1 and is_role(inside[0], value):
                return True
            try:
                return self.text[written.start : written.end] == role(value)
            except NotEditableError:
                return False

        return answer

    def needs_get_role(self) -> bool:
        """True if the statement should allow iam:GetRole and does not yet."""
        actions, not_actions = self.statement.actions, self.statement.not_actions or ()
        if actions is None:
            is_allowed = action.not_action_covers(not_actions, GET_ROLE)
        else:
            is_allowed = action.best_match(actions, GET_ROLE)[0]
        return self.change.get_role and is_allowed is not Ternary.YES

    def changes(self, written: WrittenNode, answer: HasValue) -> Iterator[Change]:
        """Yield the changes of a statement that is an object, with the keys of a policy document or of a block."""
        change, is_block = self.change, has_block_attributes(written)
        yield from self.element_changes(written, answer, is_block=is_block)
        if change.services is None and not change.drop:
            return
        if is_block:
            yield from condition_objects(self.text, written, change, answer, self.condition_notation)
        else:
            yield from condition_changes(written, change.services, change.drop, answer)

    def element_changes(self, written: WrittenNode, answer: HasValue, *, is_block: bool) -> Iterator[Change]:
        """Yield the changes of the resources and actions of a statement."""
        resource, not_resource, action_, not_action = _BLOCK_ATTRIBUTES if is_block else _ELEMENTS
        if self.change.roles is not None:
            field = find_entry(written, resource, not_resource)
            yield from resource_changes(field, self.change.roles, resource, answer, always_list=is_block)
        yield from self.role_changes(find_entry(written, resource))
        if self.needs_get_role():
            yield from action_changes(find_entry(written, action_, not_action), answer)
        if self.change.name_action:
            yield from name_changes(find_entry(written, action_))

    def role_changes(self, resources: Field | None) -> Iterator[Change]:
        """Yield the change that removes resources that no role can match, and repeated ones."""
        if not self.change.only_roles or resources is None or resources.value.form is not SyntaxForm.LIST:
            return
        file = self.statement.at.file
        others = {
            self.offset(role.pattern.at.line, role.pattern.at.column)
            for role in self.located.grant.roles
            if role.scope is Scope.NOT_A_ROLE and role.pattern.at.file == file
        }
        items = resources.value.items
        texts = [self.text[item.start : item.end] for item in items]
        gone = frozenset(
            number
            for number, item in enumerate(items)
            if texts[number] in texts[:number]
            or ((starts := {start for start in self.values if item.start <= start < item.end}) and starts <= others)
        )
        if gone and len(gone) < len(items):
            yield Remove(resources.value, gone)

    def condition_notation(self) -> ConditionNotation | None:
        """Return the notation of conditions in an object with the attributes of a block; None if it is unknown."""
        return None

    def in_braces(self, written: WrittenNode, language: BraceSyntax) -> Iterator[Span]:
        if written.form is not SyntaxForm.MAPPING:
            raise NotEditableError("the statement is not written as an object")
        braces = Braces(self.text, language, written)
        for change in self.changes(written, self.says(language.role)):
            yield from spans_of(change, braces)


def spans_of(change: Change, writer: Braces | BlockYaml) -> Iterator[Span]:
    """Return the edits for a change."""
    if isinstance(change, SetValue):
        return writer.set_value(change)
    if isinstance(change, SetKey):
        return writer.set_key(change)
    return writer.add(change) if isinstance(change, Add) else writer.remove(change)


def _json_language(text: str, written: WrittenNode, role: Callable[[TargetRole], str]) -> BraceSyntax:
    separator = ": "
    if written.entries:
        gap = text[written.entries[0].key_end : written.entries[0].value.start]
        before, _, after = gap.partition(":")
        separator = f"{' ' if before else ''}:{' ' if after else ''}"
    padded = text[written.start + 1 : written.start + 2] == " "
    if separator != ":":
        return BraceSyntax(None, False, role, json_string, json_string, separator, padded, short_lists=False)

    def compact(one: TargetRole) -> str:
        found = role(one)  # a function, or a string with template quotes that are not valid JSON
        if not found.startswith("{"):
            return found
        return json.dumps(json.loads(found), separators=(",", ":"), ensure_ascii=False)

    return BraceSyntax(None, False, compact, json_string, json_string, separator, padded, ",", short_lists=False)


class _Terraform(_Statement):
    def __init__(
        self,
        located: LocatedGrant,
        change: StatementChange,
        text: str,
        read: Callable[[str], str],
        files: Sequence[str],
    ) -> None:
        super().__init__(located, change, text)
        self.module = ModuleContext(self.statement.at.file, files, read)
        self.given: dict[str, str] = {}  # variables of the template for roles of the module, with their values

    def condition_notation(self) -> ConditionNotation | None:
        file = self.module.file
        if not file.endswith(_HCL_FILES):
            return ConditionNotation("condition", block=True)
        return condition_notation(HclFile.of(file, self.text), self.located, self.module.others, self.module.read)

    def roles(self, *, constant: bool = False) -> TerraformRoles:
        return TerraformRoles(self.module, self.located.resource.address, self.text, constant=constant)

    def spans(self) -> Iterator[Span]:
        file = self.statement.at.file
        self.line_breaks(re.compile("\n"))
        if file.endswith(_HCL_FILES):
            return self._hcl(HclFile.of(file, self.text))
        if self.text[self.start : self.start + 1] != "{":
            raise NotEditableError("the policy document is written as a string")
        if file.endswith(_JSON_FILES):
            written = read_json(self.text, self.start, functions=False)
            return self.in_braces(written, _json_language(self.text, written, self.roles().json))
        role = template_file_role(self.text, self._variable)
        return self._template(len(self.text), template_file(file, self.text), role)

    def _variable(self, role: TargetRole) -> str:
        """Return the variable of the template for a role of the module that renders it."""
        if self.call is None:
            raise NotEditableError("its text cannot contain references")
        reference = f"{role.address.removeprefix(module_of(role.address))}.arn"
        name = self.call.variable(reference)
        if self.given.setdefault(name, reference) != reference:
            raise NotEditableError("its text cannot contain references")
        return name

    @cached_property
    def call(self) -> TemplateCall | None:
        """The call that renders the file of the statement, if it is the only one."""
        return only_call(self.module.file, self.module.others, self.module.read)

    def other_edits(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        written = {name: value for name, value in self.given.items() if any(f"${{{name}}}" in e.text for e in edits)}
        return self.call.added(written) if self.call is not None and written else ()

    def _template(self, end: int, template: Expression | None, role: Callable[[TargetRole], str]) -> Iterator[Span]:
        """Return the edits of JSON in a template: a heredoc, or a file, that ends at ``end``."""
        at = self.statement.at
        if self.text[self.start : self.start + 1] != "{":
            raise NotEditableError("it is not written as JSON in its text")
        if isinstance(template, TemplateExpression) and is_in_a_loop(template.parts, (at.line, at.column)):
            raise NotEditableError("a loop generates it")
        try:
            written = read_json(self.text, self.start, end=end, template=True, functions=False)
        except NotEditableError:
            if at.end_line < at.line or "%{" not in self.text[self.start : self.offset(at.end_line, at.end_column)]:
                raise
            raise NotEditableError("a template directive (%{ }) generates a part of it") from None
        return self.in_braces(written, _json_language(self.text, written, role))

    def _hcl(self, file: HclFile) -> Iterator[Span]:
        at = self.statement.at
        found = file.find(at.line, at.column)
        roles = self.roles(constant=found.constant)
        if found.block is not None:
            return self._block(file, found.block, roles)
        if isinstance(found.expression, TemplateExpression):
            if not found.expression.heredoc:
                raise NotEditableError(
                    "the policy document is written as a quoted string; jsonencode() makes it readable"
                )
            return self._template(file.bounds(found.expression.span)[1], found.expression, roles.heredoc)
        if found.expression is None:
            raise NotEditableError("its position in the file is unknown")
        if self.change.services is not None:
            variable, type_ = file.variable_type(at.line, at.column)
            if re.search(r"\bobject\(", type_) and not re.search(r"\bconditions?\b", type_, re.IGNORECASE):
                raise NotEditableError(f"the type of var.{variable} has no conditions")
        written = file.written(found.expression)
        return self.in_braces(written, self._language(written, roles))

    def _language(self, written: WrittenNode, roles: TerraformRoles) -> BraceSyntax:
        first = written.entries[0] if written.entries else None
        quoted = first is not None and self.text[first.start : first.start + 1] == '"'
        gap = self.text[first.key_end : first.value.start] if first is not None else " = "
        separator = " = " if "=" in gap else " : " if gap[:1] in " \t" else ": "
        if "=" in gap and not gap[:1].isspace():
            separator = "="

        def key(name: str) -> str:
            return name if not quoted and _NAME.fullmatch(name) else json_string(name)

        padded = self.text[written.start + 1 : written.start + 2].isspace()
        return BraceSyntax(_HCL_COMMENT, True, roles.hcl, json_string, key, separator, padded)

    def _block(self, file: HclFile, block: Block, roles: TerraformRoles) -> Iterator[Span]:
        if block.type not in ("statement", "content"):  # of a ``dynamic "statement"``
            raise NotEditableError("its position in the file is unknown")
        written = file.block(block)
        language = self._language(written, roles)
        answer = self.says(language.role)
        braces = Braces(self.text, language, written)
        changes = list(self.element_changes(written, answer, is_block=True))
        if self.change.services is not None or self.change.drop:
            inner = block.body.blocks
            if any(one.type == "dynamic" and one.labels[:1] == ("condition",) for one in inner):
                raise NotEditableError("a dynamic block generates its conditions")
            blocks = [file.block(one) for one in inner if one.type == "condition"]
            conditions = ConditionBlocks(self.text, written, blocks, self.change.services, self.change.drop)
            changes += conditions.changes(answer)
            if not written.entries or not is_first(self.text, written.entries[-1].start):
                raise NotEditableError("the block is on one line")
            ends = [*(entry.value.end for entry in written.entries), *(file.bounds(one.span)[1] for one in inner)]
            quoted = [json_string(service) for service in self.change.services or ()]
            yield from conditions.spans(braces.unit, quoted, max(ends))
        for change in changes:
            yield from spans_of(change, braces)


class _CloudFormation(_Statement):
    def spans(self) -> Iterator[Span]:
        if is_change_set(self.text):
            raise NotEditableError("this is a change set: change the template it was made from")
        template = read_yaml(self.text)
        is_json = self.text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
        return self._json(template) if is_json else self._yaml(template)

    def _json(self, template: YamlFile) -> Iterator[Span]:
        self.line_breaks(_BREAK)
        start = self.start
        if self.text[start : start + 1] != "{":
            raise NotEditableError("the policy document is written as a string")
        template.find(self.statement.at.line, self.statement.at.column)
        roles = CloudFormationRoles(template.names("Parameters"), template.resources)
        try:
            written = read_json(self.text, start, resources=roles.resources)
        except NotEditableError:
            return self._yaml(template)  # YAML in flow style, with comments or trailing commas
        return self.in_braces(written, _json_language(self.text, written, roles.json))

    def _yaml(self, template: YamlFile) -> Iterator[Span]:
        self.line_breaks(_BREAK)
        at = self.statement.at
        roles = CloudFormationRoles(template.names("Parameters"), template.resources)
        node = template.find(at.line, at.column)
        if node is None:
            yield from self._in_scalar(template, roles)
            return
        written = template.statement(node)
        scalars = Scalars(self.text, written, roles)
        flow = Braces(self.text, flow_language(self.text, written, scalars), written)
        block = BlockYaml(self.text, written, scalars, flow, unit=template.unit(node), dashes=template.dashes)
        starts = set(_block_members(written))
        for change in self.changes(written, self.says(block.scalars.role)):
            if isinstance(change, (Add, Remove)):
                in_block = change.container.block
            elif isinstance(change, SetKey):
                in_block = change.field.start in starts
            else:
                in_block = (change.field.start if change.field else change.written.start) in starts
            yield from spans_of(change, block if in_block else flow)

    def _in_scalar(self, template: YamlFile, roles: CloudFormationRoles) -> Iterator[Span]:
        start = self.start
        found = template.scalar_around(start)
        if found is None:
            raise NotEditableError("its position in the file is unknown")
        node, substituted = found
        is_block = node.style in ("|", ">")
        if self.text[start : start + 1] != "{":
            raise NotEditableError("the template that contains it is written as text" if is_block else _QUOTED_DOCUMENT)
        if not is_block and node.style != "'":
            raise NotEditableError(_QUOTED_DOCUMENT)
        written = read_json(self.text, start, end=node.end_mark.index + self.shift, functions=False)
        role = roles.inside_sub if substituted else literal_only
        return self.in_braces(written, _json_language(self.text, written, role))


def _block_members(written: WrittenNode) -> Iterator[int]:
    """Yield the offsets of the members of all nodes in block style."""
    if written.block:
        yield from (start for start, _ in written.members)
    for value in (*(field.value for field in written.entries), *written.items):
        yield from _block_members(value)
