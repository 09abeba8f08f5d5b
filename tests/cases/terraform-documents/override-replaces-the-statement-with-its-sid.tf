# A later one replaces an earlier one, also within one document; one without a Sid is added.
#> grants
data "aws_iam_policy_document" "d" {
  override_policy_documents = [
    jsonencode({ Statement = [
      { Sid = "A", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/1" },
      { Sid = "B", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/2" },
      { Sid = "B", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/3" },  #> allow ? -> arn:aws:iam::*:role/3 to any service
    ] }),
    jsonencode({ Statement = [
      { Sid = "", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/4" },  #> allow ? -> arn:aws:iam::*:role/4 to any service
      { Sid = "A", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/5" },  #> allow ? -> arn:aws:iam::*:role/5 to any service
      { Sid = "", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/6" },  #> allow ? -> arn:aws:iam::*:role/6 to any service
    ] }),
  ]
  statement {
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/own"]
  }
  statement {  #> allow ? -> arn:aws:iam::*:role/own-2 to any service
    sid       = "C"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/own-2"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
