#> scan | when
variable "x" {}
resource "aws_iam_policy" "loop" { policy = jsonencode({ Statement = [for x in var.x : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }) }  #> 014 low (low confidence, when var.x holds "Statement"); 001 high (medium confidence, when var.x is not empty)
resource "aws_iam_policy" "merged" { policy = jsonencode(merge({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }, var.x)) }  #> 001 high (medium confidence, when var.x does not hold "Statement")
resource "aws_iam_policy" "compared" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = var.x == "it exists" ? "s3:Get" : "iam:PassRole", Resource = "*" } })  #> 001 high (medium confidence, when var.x is not "it exists")
}
