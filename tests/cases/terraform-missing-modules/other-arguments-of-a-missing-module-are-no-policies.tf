# Unknown ones, and objects that only share a key with a statement.
#> grants
variable "x" {}
module "m" {  #> not evaluated: module
  source     = "example.com/some/module"
  policy     = var.x
  name       = "Statement"
  rules      = [{ resources = ["pods"], verbs = ["get"] }]
  alarm      = { actions = [var.x], resources = ["a"] }
  empty      = { effect = "Allow", actions = [], resources = [] }
  depends_on = [aws_iam_role.a]
}
