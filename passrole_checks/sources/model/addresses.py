"""Compare resource addresses: ``module.m["a"].aws_iam_policy.p``, ``Stack.Policy``."""

from __future__ import annotations

import re

from passrole_checks.iam.lazy_regex import lazy_regex

_SEGMENT = lazy_regex(r'([^.\[]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?')
Segments = tuple[tuple[str, str], ...]
"""The parts of an address between its dots, each with its instance key (``["a"]``, ``[0]``, or nothing)."""


def segments_of(address: str) -> Segments:
    """Split an address into its segments."""
    return tuple((match[1], match[2] or "") for match in _SEGMENT.finditer(address))


def names_of(segments: Segments) -> tuple[str, ...]:
    """Return the segments without their instance keys."""
    return tuple(name for name, _ in segments)


def same_or_all_instances(some: Segments, others: Segments) -> bool:
    """True if two addresses are equal, or one of them names all instances of the other."""
    return names_of(some) == names_of(others) and all(
        ours == other or not ours or not other for (_, ours), (_, other) in zip(some, others, strict=True)
    )


def contains(outer: Segments, address: Segments) -> bool:
    """True if an address is in a module or nested stack, or is the address of its call."""
    return len(outer) <= len(address) and same_or_all_instances(outer, address[: len(outer)])


_MODULES = lazy_regex(r"""(?:module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?\.)*""")


def module_of(address: str) -> str:
    """Return the module part of a Terraform address (``module.a.module.b.``); empty in a root module."""
    match = _MODULES.match(address)
    return match[0] if match is not None else ""


def without_key(address: str) -> str:
    """Return an address without the instance key at its end."""
    return address.removesuffix(segments_of(address)[-1][1]) if address.endswith("]") else address


def seen_from(module: str, text: str) -> str:
    """Return a text about a Terraform configuration as seen inside a module: without the module's own address."""
    if not module:
        return text
    own = re.escape(module[:-1])
    text = re.sub(rf" \({own}\)|(?<=\(){own}, ", "", text)
    return re.sub(rf"(?<![\w.-]){re.escape(module)}", "", text)
