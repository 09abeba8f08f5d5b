variable "u" {}
resource "aws_iam_policy" "p" { policy = templatefile("${path.module}/p.tftpl", { u = var.u, roles = ["a", "b"] }) }
