"""Addresses that ``moved`` blocks declare.

Source: Terraform's page "Refactor modules", ``moved`` blocks: addresses are relative to the module of the block, and
that of a module or of a resource without an instance key includes everything below it.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.modules.folder import literal_attribute
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Block

_ADDRESS = lazy_regex(r"""[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[(?:\d+|"[^"$%]*")\])+""")


def declared_moves(root: Module) -> Iterator[tuple[str, str]]:
    """Yield the old and the new address of each ``moved`` block of a configuration."""
    for module in root.walk():
        prefix = f"{module.address}." if module.address else ""
        for parsed in module.folder.files:
            for block in parsed.body.all("moved"):
                if (before := _address(block, "from")) and (after := _address(block, "to")):
                    yield prefix + before, prefix + after


def _address(block: Block, name: str) -> str:
    """Return the address of an argument, an expression or (in JSON) a string; "" for any other."""
    attribute = block.body.get(name)
    written = attribute.source_bytes if attribute is not None else None
    expression = (written or b"").decode("utf-8", "replace").partition("=")[2].strip()
    text = literal_attribute(block, name) or expression
    return text if _ADDRESS.fullmatch(text) else ""
