#> scan | when
# A statement, document or attachment that a caller passes instead of an empty default.
variable "statements" { default = [] }
variable "documents" { default = {} }
variable "attached" { default = [] }
data "aws_iam_policy_document" "d" {
  statement {  #> 001 high
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = var.statements
    content {
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
resource "aws_iam_role_policy" "d" {
  role   = "deployer"
  policy = data.aws_iam_policy_document.d.json
}
resource "aws_iam_role_policy" "documents" {
  for_each = var.documents
  role     = "deployer"
  policy   = each.value
}
resource "aws_iam_role_policy_attachment" "attached" {  #> not evaluated: no_instance
  count      = length(var.attached)
  role       = "deployer"
  policy_arn = var.attached[count.index]
}
