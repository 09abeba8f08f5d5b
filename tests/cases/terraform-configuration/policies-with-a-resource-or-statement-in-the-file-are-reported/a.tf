resource "aws_iam_policy" "a" { policy = data.aws_iam_policy_document.d.json }
