"""Narrower statements that the bot suggests are those for the values of every file."""

from __future__ import annotations

from reviews_of_tests import Reviews, policy

ROLE = """\
resource "aws_iam_role" "%s" {
  name               = "%s"
  assume_role_policy = jsonencode({
    Version = "2012-10-17", Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
    ]
  })
}
"""
FUNCTION = """\
variable "in_production" {
  type    = bool
  default = false
}
resource "aws_lambda_function" "worker" {
  function_name = "worker"
  role          = var.in_production ? aws_iam_role.live.arn : aws_iam_role.dev.arn
}
"""
WIDE = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'


def test_suggested_statement_names_roles_of_value_files(repository: Reviews) -> None:
    """The file decides which role is passed; a statement that names only the other one would break its deployment."""
    worker = ROLE % ("dev", "dev") + ROLE % ("live", "live") + FUNCTION
    first = repository.commit({"worker.tf": worker, "envs/prod.tfvars": "in_production = true\n"})
    repository.commit({"main.tf": policy(WIDE)})
    (item,) = repository.review(first, "HEAD").report.items
    assert item.replacement is None
    assert "[aws_iam_role.dev.arn, aws_iam_role.live.arn]" in item.advice
