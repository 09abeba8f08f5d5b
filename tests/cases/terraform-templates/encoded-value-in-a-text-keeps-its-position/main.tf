resource "aws_iam_policy" "heredoc" {
  policy = <<-EOT
    {
      "Statement": ${jsonencode([{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/x" }])}
    }
  EOT
}
resource "aws_iam_policy" "file" { policy = templatefile("${path.module}/p.tftpl", { roles = ["a", "b"] }) }
