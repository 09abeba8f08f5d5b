# `ephemeralasnull` returns null for ephemeral values, and others unchanged (Terraform language documentation,
# "ephemeralasnull function").
#> scan --check 001,002
variable "e" {
  ephemeral = true
  default   = "arn:aws:iam::111122223333:role/x"
}
variable "n" {
  ephemeral = false
  default   = "arn:aws:iam::111122223333:role/x"
}
locals { nulled = ephemeralasnull(var.e) }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(ephemeralasnull(var.e), "*") },  #> 001 high
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(local.nulled, "*") },  #> 001 high
    { Effect = "Allow", Action = "iam:PassRole", Resource = local.nulled == null ? "*" : local.nulled },  #> 001 high
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(one([for x in [ephemeralasnull(var.e)] : x if x != null]), "*") },  #> 001 high
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(ephemeralasnull({ x = var.e }).x, "*") },  #> 001 high (medium confidence); 002 low (medium confidence)
    { Effect = "Allow", Action = "iam:PassRole", Resource = element(ephemeralasnull([var.e]), 0) == null ? "*" : var.n },  #> 001 high (medium confidence); 002 low
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce([for x in [var.e] : ephemeralasnull(x)][0], "*") },  #> 001 high (medium confidence); 002 low (medium confidence)
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(ephemeralasnull(ephemeral.aws_ssm_parameter.p.value), "*") },  #> 001 high (medium confidence); 002 low (medium confidence)
    { Effect = "Allow", Action = "iam:PassRole", Resource = coalesce(ephemeralasnull(var.n), "*") },  #> 002 low
  ] })
}
