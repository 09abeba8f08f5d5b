#> grants | when
variable "x" {}
data "aws_iam_policy_document" "list" {
  override_policy_documents = [var.x]  #> allow ? -> ${var.x} to any service (unresolved)
  statement {  #> allow ? -> * to any service (when var.x does not replace the statement "A")
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "unknown" {
  override_policy_documents = var.x  #> allow ? -> ${var.x} to any service (unresolved)
  statement {  #> allow ? -> * to any service (when var.x does not replace the statement "A")
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "json" {
  override_json = data.http.x.body  #> allow ? -> ${data.http.x.body} to any service (unresolved)
  statement {  #> allow ? -> * to any service (when data.http.x.body does not replace the statement "A")
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "conditional" {
  override_policy_documents = var.x ? [jsonencode({ Statement = [{ Sid = "A", Effect = "Deny", Action = "s3:Get*", Resource = "*" }] })] : []
  statement {  #> allow ? -> * to any service (when var.x is false)
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "sid" {
  override_policy_documents = [jsonencode({ Statement = [{ Sid = var.x, Effect = "Deny", Action = "s3:Get*", Resource = "*" }] })]
  statement {  #> allow ? -> * to any service (when ${var.x} does not replace the statement "A")
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "other" {
  override_policy_documents = [jsonencode({ Statement = [{ Sid = "B", Effect = "Deny", Action = "s3:Get*", Resource = "*" }] })]
  statement {  #> allow ? -> * to any service
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "a" { policy = data.aws_iam_policy_document.list.json }
resource "aws_iam_policy" "b" { policy = data.aws_iam_policy_document.unknown.json }
resource "aws_iam_policy" "c" { policy = data.aws_iam_policy_document.json.json }
resource "aws_iam_policy" "d" { policy = data.aws_iam_policy_document.conditional.json }
resource "aws_iam_policy" "e" { policy = data.aws_iam_policy_document.sid.json }
resource "aws_iam_policy" "f" { policy = data.aws_iam_policy_document.other.json }
