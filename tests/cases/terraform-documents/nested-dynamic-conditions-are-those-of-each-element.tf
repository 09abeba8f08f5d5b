# Of a list of statements, as in wrapper modules.
#> grants
variable "s" {
  default = [
    { a = ["iam:PassRole"], c = [{ t = "StringEquals", v = ["ec2.amazonaws.com", "ecs.amazonaws.com"] }] },  #> allow ? -> * to ec2.amazonaws.com & ecs.amazonaws.com
    { a = ["iam:*"] },  #> allow ? -> * to any service
  ]
}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = var.s
    content {
      actions   = statement.value.a
      resources = ["*"]
      dynamic "condition" {
        for_each = try(statement.value.c, [])
        content {
          test     = condition.value.t
          variable = "iam:PassedToService"
          values   = condition.value.v
        }
      }
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
