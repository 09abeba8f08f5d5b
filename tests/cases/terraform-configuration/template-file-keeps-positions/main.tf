variable "account" {}
resource "aws_iam_policy" "p" { policy = templatefile("p.tftpl", { account = var.account, name = "app", roles = [] }) }
