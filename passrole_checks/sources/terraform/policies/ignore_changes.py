"""Attributes that Terraform leaves as they are.

Source: Terraform documentation, "The lifecycle meta-argument", ``ignore_changes``.
"""

from __future__ import annotations

from passrole_checks.sources.terraform.reading.syntax import Block, GetAttribute, Name, TemplateExpression, Tuple


def ignores_changes(block: Block, attribute: str) -> bool:
    """True if Terraform leaves the attribute of a deployed resource as it is (``ignore_changes``)."""
    written = block.source_bytes
    if written is not None and b"ignore_changes" not in written:
        return False
    for inner in block.body.blocks:
        ignored = inner.body.get("ignore_changes") if inner.type == "lifecycle" else None
        if ignored is None:
            continue
        items = ignored.value.items if isinstance(ignored.value, Tuple) else (ignored.value,)
        if any(_first_name(item) in ("all", attribute) for item in items):
            return True
    return False


def _first_name(expression: object) -> str:
    """Return the attribute that an element of ``ignore_changes`` names, in either form: ``policy``, ``"policy"``."""
    while isinstance(expression, GetAttribute):
        expression = expression.target
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, TemplateExpression) and len(expression.parts) == 1:
        return str(getattr(expression.parts[0], "value", ""))
    return ""
