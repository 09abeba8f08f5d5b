variable "on" { type = bool }
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" { policy = var.on ? data.aws_iam_policy_document.d.json : null }
