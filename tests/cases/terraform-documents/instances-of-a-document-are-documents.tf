#> grants
data "aws_iam_policy_document" "e" {
  for_each = toset(["a", "b"])
  statement {  #> allow all -> arn:aws:iam::*:role/a to any service; allow all -> arn:aws:iam::*:role/b to any service; allow one -> arn:aws:iam::*:role/b to any service
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/${each.key}"]
  }
}
data "aws_iam_policy_document" "one" { source_policy_documents = [data.aws_iam_policy_document.e["b"].json] }
data "aws_iam_policy_document" "all" { source_policy_documents = [for k, d in data.aws_iam_policy_document.e : d.json] }
resource "aws_iam_user_policy" "one" {
  user   = "one"
  policy = data.aws_iam_policy_document.one.json
}
resource "aws_iam_user_policy" "all" {
  user   = "all"
  policy = data.aws_iam_policy_document.all.json
}
