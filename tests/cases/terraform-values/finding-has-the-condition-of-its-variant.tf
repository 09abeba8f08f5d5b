# Under which a grant is wide; equal outcomes are merged.
#> scan --check 001 | when
variable "a" {}
variable "e" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = { dev = "arn:aws:s3:::x", prod = "*" }[var.e] },  #> 001 high (medium confidence, when var.e = "prod")
    { Effect = "Allow", Action = "iam:PassRole", Resource = { dev = "arn:aws:s3:::x", test = "*", prod = "*" }[var.e] },  #> 001 high (medium confidence, when var.e is "prod" or "test")
    { Effect = "Allow", Action = "iam:PassRole", Resource = lookup({ dev = "arn:aws:s3:::x", prod = "arn:aws:s3:::y" }, var.e, "*") },  #> 001 high (medium confidence, when var.e is neither "dev" nor "prod")
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.a ? "*" : "arn:aws:s3:::x" },  #> 001 high (medium confidence, when var.a is true)
    var.a ? { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } : null,  #> 001 high (medium confidence, when var.a is true)
  ] })
}
