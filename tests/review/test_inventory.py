"""Reviews with an inventory: what a change lets a principal do together with what other repositories declare."""

from __future__ import annotations

import json
from pathlib import Path

from reviews_of_tests import Reviews

POLICY = """\
resource "aws_iam_role_policy" "pass" {
  role = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app" }]
  })
}
"""


def inventory(name: str) -> str:
    """Return the inventory of a repository with a role of this name that may start functions."""
    start = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
    address = "aws_iam_role.r"
    policy = {
        "address": "aws_iam_role_policy.start",
        "type": "aws_iam_role_policy",
        "path": "policy",
        "document": {"object": {"Version": "2012-10-17", "Statement": [{"object": start}]}},
        "principals": [address],
    }
    root = {
        "path": ".",
        "framework": "terraform",
        "declares": [["role", name]],
        "roles": [{"address": address, "type": "aws_iam_role", "name": name}],
        "policies": [policy],
    }
    repositories = {"org/platform": {"roots": [root]}}
    return json.dumps({"format": "passrole-checks inventory", "version": 1, "repositories": repositories})


def checks(repository: Reviews, *arguments: str) -> list[list[str]]:
    return [numbers for _, _, _, numbers in repository.review("HEAD^", "HEAD", "--severity", "info", *arguments).items]


def test_an_inventory_outside_of_the_repository_is_read(repository: Reviews, tmp_path: Path) -> None:
    """The job names a file, or a folder."""
    outside = tmp_path / "inventories" / "platform.json"
    outside.parent.mkdir()
    outside.write_text(inventory("deployer"), encoding="utf-8")
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({"main.tf": POLICY})
    assert "008" not in str(checks(repository))
    assert "008" in str(checks(repository, "--inventory", str(outside.parent)))


def test_an_inventory_of_the_repository_is_that_of_base(repository: Reviews) -> None:
    """A change cannot replace what it is judged by, in a file or in a folder."""
    repository.commit({"main.tf": "# nothing\n", "i/x.json": inventory("deployer")})
    repository.commit({"main.tf": POLICY, "i/x.json": inventory("other")})
    for path in ("i/x.json", "i"):
        assert "008" in str(checks(repository, "--inventory", path))


def test_an_inventory_that_only_head_has_is_an_error(repository: Reviews) -> None:
    """An inventory from HEAD is not used."""
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({"main.tf": POLICY, "i/x.json": inventory("deployer")})
    result = repository.review("HEAD^", "HEAD", "--inventory", "i")
    assert result.status == 2
    assert result.err.startswith("i: not read")
