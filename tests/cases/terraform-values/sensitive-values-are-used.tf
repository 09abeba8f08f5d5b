# Even if Terraform would not print them.
#> grants --var b=given
variable "a" {
  sensitive = true
  default   = "default"
}
variable "b" { sensitive = true }
variable "c" {
  ephemeral   = true
  description = "x"
  default     = "ephemeral"
  validation {}
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [  #> allow ? -> arn:aws:iam::*:role/default & arn:aws:iam::*:role/given & arn:aws:iam::*:role/ephemeral to any service
    "arn:aws:iam::*:role/${var.a}", "arn:aws:iam::*:role/${var.b}", "arn:aws:iam::*:role/${var.c}"] } })
}
