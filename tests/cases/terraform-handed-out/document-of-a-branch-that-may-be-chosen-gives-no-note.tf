# By an unknown condition, by one instance, or elsewhere.
variable "on" { type = bool }
data "aws_iam_policy_document" "a" {
  statement {  #> 001 high
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "b" {
  statement {  #> 001 high (medium confidence)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "c" {
  statement {  #> 001 high (medium confidence)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "d" {
  statement {  #> 001 high
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "e" {
  statement {  #> 001 high
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
locals { off = false }
resource "aws_iam_policy" "a" { policy = !local.off ? data.aws_iam_policy_document.a.json : null }
resource "aws_iam_policy" "b" { policy = var.on ? data.aws_iam_policy_document.b.json : null }
resource "aws_iam_policy" "c" { policy = coalesce(data.aws_iam_policy_document.c.json, false ? data.aws_iam_policy_document.c.json : null) }
resource "aws_iam_policy" "d" {
  for_each = { a = false, b = true }
  policy   = each.value ? data.aws_iam_policy_document.d.json : null
}
resource "aws_iam_policy" "e" {
  count  = 2
  policy = count.index == 1 ? data.aws_iam_policy_document.e.json : null
}
