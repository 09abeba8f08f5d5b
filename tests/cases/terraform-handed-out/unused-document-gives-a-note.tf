# If it may allow PassRole, also where only another unused document or a local uses it.
data "aws_iam_policy_document" "unused" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
locals { document = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> not evaluated: unused_document
data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "source" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "of_source" { source_policy_documents = [data.aws_iam_policy_document.source.json] }  #> not evaluated: unused_document
data "aws_iam_policy_document" "local" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
locals { json = data.aws_iam_policy_document.local.json }
data "aws_iam_policy_document" "used" {
  statement {  #> 001 high
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.used.json }
