resource "aws_iam_role" "r" {}
output "arn" { value = aws_iam_role.r.arn }
