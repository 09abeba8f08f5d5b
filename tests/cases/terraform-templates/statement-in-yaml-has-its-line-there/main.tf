resource "aws_iam_policy" "file" { policy = jsonencode(yamldecode(file("${path.module}/p.yaml"))) }
resource "aws_iam_policy" "template" {
  policy = jsonencode(yamldecode(templatefile("${path.module}/p.tftpl", { roles = ["a", "b"] })))
}
