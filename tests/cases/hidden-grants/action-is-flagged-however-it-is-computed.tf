resource "aws_iam_policy" "joined" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = join("", ["iam:", strrev("ssaP"), title("role")]), Resource = "*" } })  #> 001 high
}
resource "aws_iam_policy" "element" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = element(split(",", "s3:Get,iam:PassRole"), 3), Resource = "*" } })  #> 001 high
}
resource "aws_iam_policy" "grouped" {
  policy = jsonencode({ Statement = { Effect = "Allow", Resource = "*",  #> 001 high
    Action = [for k, v in { for p in [["iam", "PassRole"]] : p[0] => p[1]... } : "${k}:${v[0]}"] } })
}
resource "aws_iam_policy" "looked_up" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = lookup({ prod = "s3:Get" }, terraform.workspace, "iam:PassRole"), Resource = "*" } })  #> 001 high (medium confidence)
}
resource "aws_iam_policy" "base64" {
  policy = base64decode(base64encode(jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })))  #> 001 high
}
