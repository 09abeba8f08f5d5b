variable "u" {}
resource "aws_iam_policy" "none" { policy = templatefile("${path.module}/nope.tftpl", merge({ roles = 1 }, {})) }
resource "aws_iam_policy" "unknown" { policy = templatefile("${path.module}/who.tftpl", var.u) }
resource "aws_iam_policy" "partly" { policy = templatefile("${path.module}/what.tftpl", merge(var.u, { what = "w" })) }
resource "aws_iam_policy" "object" { policy = templatefile("${path.module}/object.tftpl", var.u) }
