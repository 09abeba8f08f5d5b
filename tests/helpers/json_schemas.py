"""The published JSON schemas, closed: under them, an object has no key that they do not describe."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"


def strict(schema: Any) -> Any:
    """Return a schema under which every object has the described keys only."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    return (
        {**closed, "additionalProperties": False}
        if "properties" in schema and "additionalProperties" not in schema
        else closed
    )


@functools.cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(strict(schema))


def errors(name: str, document: Any) -> list[str]:
    """Return what in a JSON document violates a schema."""
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator(name).iter_errors(document)]
