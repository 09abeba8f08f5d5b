module "m" { source = "./child" }
data "aws_iam_policy_document" "d" { source_policy_documents = [module.m.json] }
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
