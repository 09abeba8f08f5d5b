# `optional` applies to objects inside lists inside maps, and to null.
#> grants --var a='{ x = {}, y = { rules = [{ role = null }, { role = "r", on = "false" }] } }'
variable "a" {
  type = map(object({
    rules = optional(list(object({ role = optional(string, "none"), on = optional(bool, true) })), [{}])
    note  = optional(string)
  }))
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [  #> allow ? -> arn:aws:iam::*:role/1-none & arn:aws:iam::*:role/2-none & arn:aws:iam::*:role/3-r & arn:aws:iam::*:role/4-off & arn:aws:iam::*:role/5-nothing to any service
    "arn:aws:iam::*:role/1-${var.a.x.rules[0].role}",
    "arn:aws:iam::*:role/2-${var.a.y.rules[0].role}",
    "arn:aws:iam::*:role/3-${var.a.y.rules[1].role}",
    "arn:aws:iam::*:role/4-${var.a.y.rules[1].on ? "on" : "off"}",
    "arn:aws:iam::*:role/5-${coalesce(var.a.x.note, "nothing")}",
  ] } })
}
