"""The documentation's page of the Python API, made from the docstrings of ``passrole_checks.api``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

from passrole_checks import api

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python-api.md"
_START = "<!-- generated from the docstrings -->\n"
_ROLE = re.compile(r":\w+:`~?([\w.]+)`")


def api_page() -> str:
    """Return the page: what is written by hand, and below a mark the functions and classes."""
    written = PAGE.read_text("utf-8").partition(_START)[0]
    return f"{written}{_START}\n" + "\n".join((*_functions(), *_classes()))


def _functions() -> Iterator[str]:
    for name in api.__all__:
        function = getattr(api, name)
        if not inspect.isfunction(function):
            continue
        yield f"## {name}\n\n```text\n{name}({', '.join(_parameters(function))})\n```\n"
        words, example = _divided(inspect.getdoc(function) or "")
        yield from (f"{text}\n" for text in words)
        if example:
            yield f"```pycon\n{example}\n```\n"


def _parameters(function: Callable[..., object]) -> Iterator[str]:
    """Yield the parameters with their types, without defaults that are long."""
    keyword = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            yield "*"
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        yield f"{parameter.name}: {parameter.annotation}{default if len(default) < 20 else ' = …'}"


def _divided(docstring: str) -> tuple[list[str], str]:
    """Return the paragraphs of a docstring in Markdown, and its example."""
    words, _, example = docstring.partition("\n>>> ")
    text = _ROLE.sub(r"`\1`", words).replace("``", "`").strip()
    return text.split("\n\n"), f">>> {example}".rstrip() if example else ""


def _classes() -> Iterator[str]:
    yield "## Types\n\n| type | |\n|---|---|"
    for name in api.__all__:
        value = getattr(api, name)
        if inspect.isclass(value):
            summary = _divided(inspect.getdoc(value) or "")[0][0].replace("\n", " ")
            members = f" {', '.join(f'`{member.name}`' for member in value)}." if issubclass(value, Enum) else ""
            yield f"| `{name}` | {summary}{members} |"
    yield ""
