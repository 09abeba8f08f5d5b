"""Write GitHub's description for a validating proxy: ``python -m github_fake.for_proxy FILE`` (``.ci/prism.sh``). Added
to the slice: responses of any operation (:data:`github_fake.contract.GENERAL`, and pages of a load balancer, which
faults give), and ``/graphql``, which is described elsewhere and passes unchecked."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

from github_fake import contract

_PROBLEM = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}, "documentation_url": {"type": "string"}},
}
_ANYTHING: dict[str, Any] = {"content": {"application/json": {"schema": {}}, "text/html": {"schema": {}}}}


def described() -> dict[str, Any]:
    """Return the slice with these additions."""
    whole = copy.deepcopy(contract.description())
    for operations in whole["paths"].values():
        for operation in operations.values():
            for status in sorted(contract.GENERAL):
                problem = {"description": "any operation", "content": {"application/json": {"schema": _PROBLEM}}}
                if status >= 500:
                    operation["responses"][str(status)] = {"description": "any operation", **_ANYTHING}
                else:
                    operation["responses"].setdefault(str(status), problem)
    body = {"content": {"application/json": {"schema": {"type": "object", "required": ["query"]}}}}
    answers = {"200": {"description": "data and errors", **_ANYTHING}, "default": {"description": "", **_ANYTHING}}
    whole["paths"]["/graphql"] = {"post": {"operationId": "graphql", "requestBody": body, "responses": answers}}
    return whole


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(described()), encoding="utf-8")
