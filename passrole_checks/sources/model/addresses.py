"""Compare addresses of resources: ``module.m["a"].aws_iam_policy.p``, ``Stack.Policy``."""

from __future__ import annotations

import re

_SEGMENT = re.compile(r'([^.\[]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?')
Segments = tuple[tuple[str, str], ...]
"""The parts of an address between its dots, each with its instance key (``["a"]``, ``[0]``, or nothing)."""


def segments_of(address: str) -> Segments:
    """Split an address into its segments."""
    return tuple((match[1], match[2] or "") for match in _SEGMENT.finditer(address))


def names_of(segments: Segments) -> tuple[str, ...]:
    """The segments without their instance keys."""
    return tuple(name for name, _ in segments)


def alike(some: Segments, others: Segments) -> bool:
    """Return True if two addresses are equal, or one of them names all instances of the other."""
    return names_of(some) == names_of(others) and all(
        ours == other or not ours or not other for (_, ours), (_, other) in zip(some, others, strict=True)
    )


def contains(outer: Segments, address: Segments) -> bool:
    """True if an address lies in a module or nested stack, or is that of its call."""
    return len(outer) <= len(address) and alike(outer, address[: len(outer)])


_MODULES = re.compile(r"""(?:module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?\.)*""")


def module_of(address: str) -> str:
    """What stands before the resource in its Terraform address (``module.a.module.b.``); nothing in a root module."""
    found = _MODULES.match(address)
    return found[0] if found is not None else ""


def seen_from(module: str, words: str) -> str:
    """Words of a Terraform configuration as they read inside of a module: without its own address."""
    if not module:
        return words
    own = re.escape(module[:-1])
    words = re.sub(rf" \({own}\)|(?<=\(){own}, ", "", words)
    return re.sub(rf"(?<![\w.-]){re.escape(module)}", "", words)
