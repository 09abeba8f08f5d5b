variable "u" {}
variable "flag" {}
resource "aws_iam_policy" "p" { policy = templatefile("${path.module}/p.tftpl", { u = var.u, flag = var.flag }) }
