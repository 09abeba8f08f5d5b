data "aws_iam_policy_document" "d" {
  dynamic "statement" {  #> not evaluated: no_instance
    for_each = []
    content {
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
#> statements without finding: 0
