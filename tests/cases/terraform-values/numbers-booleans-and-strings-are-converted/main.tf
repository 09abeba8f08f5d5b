variable "account" { type = string }
variable "on" { type = bool }
variable "ids" { type = set(string) }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole",
    Resource = var.on == true ? "arn:aws:iam::${var.account}:role/${join("", var.ids)}" : "off" } })
}
