#> grants
variable "x" {
  type    = list(object({ a = optional(string), b = optional(string, "d") }))
  default = [{}]
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [  #> allow ? -> arn:aws:iam::*:role/a/none & arn:aws:iam::*:role/b/d to any service
    "arn:aws:iam::*:role/a/${coalesce(var.x[0].a, "none")}",
    "arn:aws:iam::*:role/b/${var.x[0].b}",
  ] } })
}
