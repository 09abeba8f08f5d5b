# Triggers, policies of other clouds, limits, and objects of other languages.
locals { document = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }
resource "null_resource" "r" { triggers = { policy = local.document } }
resource "random_id" "r" { keepers = { policy = local.document } }
resource "alicloud_ram_policy" "r" { policy_document = local.document }
resource "aws_iot_policy" "r" { policy = local.document }
resource "aws_transfer_user" "r" { policy = local.document }
resource "acme_role" "r" { permissions_boundary = local.document }
output "boundary" { value = local.document }
resource "aws_ssm_parameter" "r" { value = jsonencode({ Statement = [{ a = 1 }] }) }
resource "acme_waf" "r" { rules = jsonencode({ Statement = "x" }) }
#> statements without finding: 0
