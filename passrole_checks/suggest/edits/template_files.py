"""Statements in files that Terraform reads: with ``file``, ``templatefile`` or the data source ``template_file``.

Source: Terraform language documentation, "templatefile Function": a template refers to the variables that it is given,
and to nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Unresolved, UnresolvedKind
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Expression
from passrole_checks.suggest.edits.references import (
    ACCOUNTS,
    PARTITIONS,
    escaped_hcl,
    flatten_parts,
    normalized_expression,
)
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.edits.yaml_nodes import YamlFile
from passrole_checks.suggest.suggestion import TargetRole

_HCL_FILES = (".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json")
_RESOURCES = lazy_regex(r'(?m)^(?:"?Resources"?[ \t]*:|[ \t{]*"Resources"[ \t]*:)')
_PARTITION = lazy_regex(r'"arn:(\$\{[^}"]+\}):')
_ACCOUNT = lazy_regex(
    r'"arn:[^:"]*:[^:"]*:[^:"]*:(\$\{\s*(?:(?:aws|current)_?)*account(?:_?(?:id|number))?\s*\}):', re.I
)
"""An expression for the account, named so that it is not that of another account."""


def is_cloudformation_template(file: str, text: str) -> bool:
    """True if a file that Terraform reads is a CloudFormation template, not a policy document."""
    if file.endswith(_HCL_FILES) or not _RESOURCES.search(text):
        return False
    try:
        return bool(YamlFile(text).names("Resources"))
    except NotEditableError:
        return False


def template_file(file: str, text: str) -> Expression | None:
    """Return the syntax tree of a file as a template; None if it has no directives."""
    if "%{" not in text:
        return None
    return reader().read_template(SourceText.of(file, text.encode("utf-8", "surrogatepass")))


def can_contain_role(text: str, role: TargetRole) -> bool:
    """True if a file with this text can contain a role by its ARN."""
    try:
        return bool(template_file_role(text)(role))
    except NotEditableError:
        return False


def template_file_role(text: str, variable: Callable[[TargetRole], str] | None = None) -> Callable[[TargetRole], str]:
    """Return the function that writes a role as a JSON string in a file: by ARN, with the expressions for account and
    partition of another ARN of the file, or of the same module, by the ``variable`` that this function returns. It
    raises :class:`NotEditableError` if the role cannot be written there.
    """

    def write(role: TargetRole) -> str:
        if role.address and variable is not None:
            return f'"${{{variable(role)}}}"'
        return f'"{"".join(_part(part, text) for part in flatten_parts(role.arn.parts))}"'

    return write


def _part(part: str | Unresolved, text: str) -> str:
    if isinstance(part, Unresolved) and part.kind is UnresolvedKind.POLICY_VARIABLE:
        part = part.written
    if isinstance(part, str):
        if "${" in part and "$${" not in text:  # file() reads it as it is, templatefile() would need an escape
            raise NotEditableError("its text cannot contain references")
        return escaped_hcl(part)
    standard = normalized_expression(part)
    if standard == PARTITIONS[0]:
        found = _PARTITION.search(text)
        return found[1] if found is not None else "aws"
    found = _ACCOUNT.search(text) if standard == ACCOUNTS[0] else None
    if found is None:
        raise NotEditableError("its text cannot contain references")
    return found[1]
