# `&{` in the data source becomes `${` in IAM.
#> scan | values
data "aws_iam_policy_document" "d" {
  statement {  #> 002 medium (arn:aws:iam::*:role/${aws:username})
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/&{aws:username}"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
