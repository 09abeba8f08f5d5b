variable "u" {}
resource "aws_iam_policy" "string" { policy = templatefile("${path.module}/string.tftpl", { u = var.u }) }
resource "aws_iam_policy" "keys" { policy = templatefile("${path.module}/keys.tftpl", { u = var.u }) }
resource "aws_iam_policy" "text" { policy = templatefile("${path.module}/text.tftpl", { u = var.u }) }
