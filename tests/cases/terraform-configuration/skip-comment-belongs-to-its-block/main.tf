resource "aws_iam_policy" "resource" {
  # checkov:skip=PASSROLE_001:known and wanted
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
data "aws_iam_policy_document" "data" {
  statement {
    // passrole:skip=PASSROLE_001 for the build
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "data" { policy = data.aws_iam_policy_document.data.json }
module "module" {
  source = "./module" # checkov:skip=PASSROLE_001
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
# checkov:skip=CKV_AWS_1:not ours
resource "aws_iam_policy" "another_check" {
  # passrole:skip=PASSROLE_002
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "text" {
  description = "#checkov:skip=PASSROLE_001:text"
  policy      = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
