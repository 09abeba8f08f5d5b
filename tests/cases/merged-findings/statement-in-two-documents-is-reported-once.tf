# A statement is one finding wherever it stands in the documents that take it in.
#> scan | uses, principals
data "aws_iam_policy_document" "wide" {
  statement {  #> 001 high (aws_iam_policy.one & aws_iam_user_policy.two, bot)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "more" {
  source_policy_documents = [data.aws_iam_policy_document.first.json, data.aws_iam_policy_document.wide.json]
}
data "aws_iam_policy_document" "first" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "one" {
  policy = data.aws_iam_policy_document.wide.json
}
resource "aws_iam_user_policy" "two" {
  user   = "bot"
  policy = data.aws_iam_policy_document.more.json
}
