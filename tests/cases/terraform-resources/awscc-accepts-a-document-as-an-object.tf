# `awscc` accepts a document as an object, with statements as a list or as JSON.
#> grants
resource "awscc_iam_role_policy" "x" {
  role_name = "r"
  policy_document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }  #> allow r -> * to any service
}
resource "awscc_iam_role_policy" "x2" {
  role_name = "r"
  policy_document = { Statement = jsonencode([{ Effect = "Allow", Action = "iam:*", Resource = "*" }]) }  #> allow r -> * to any service
}
resource "awscc_iam_role_policy" "x3" {
  role_name = "r"
  policy_document = jsondecode(jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }))  #> allow r -> * to any service
}
