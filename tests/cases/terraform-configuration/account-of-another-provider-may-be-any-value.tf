# The caller identity of a named provider is not the account deployed to.
#> grants | scope
provider "aws" { allowed_account_ids = ["111122223333"] }
data "aws_caller_identity" "here" {}
data "aws_caller_identity" "other" { provider = aws.other }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::${data.aws_caller_identity.here.account_id}:role/a" },  #> allow ? -> arn:aws:iam::${data.aws_caller_identity.here.account_id}:role/a to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::${data.aws_caller_identity.other.account_id}:role/a" },  #> allow ? -> arn:aws:iam::${data.aws_caller_identity.other.account_id}:role/a to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${data.aws_caller_identity.here.account_id}" },  #> allow ? -> arn:aws:iam::*:role/${data.aws_caller_identity.here.account_id} to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${data.aws_caller_identity.other.account_id}" },  #> allow ? -> arn:aws:iam::*:role/${data.aws_caller_identity.other.account_id} to any service (unresolved)
  ] })
}
