# JSON statements are read; invalid, unknown and null ones leave the others unchanged.
#> grants
variable "more" {}
resource "awscc_iam_user" "x" {
  policies = [
    { policy_document = { Statement = "no json" } },  #> unreadable
    { policy_document = { Statement = jsonencode([{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]) } },  #> allow awscc_iam_user.x -> * to any service
    { policy_document = { Statement = "[{\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"*\"}]" } },  #> allow awscc_iam_user.x -> * to any service
    { policy_document = { Statement = var.more } },
    { policy_document = null },
    var.more,  #> 2 x allow awscc_iam_user.x -> ${var.more} to any service (unresolved)
    5,
  ]
}
resource "aws_iam_role" "r" {
  assume_role_policy = null
  inline_policy { policy = null }
}
#> exit 2
