resource "aws_iam_policy" "p" { policy = templatefile("${path.module}/p.tftpl", { roles = ["a", "b"] }) }
