#> scan --check 001 | resource
resource "aws_ssm_parameter" "r" { value = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high (medium confidence, aws_ssm_parameter.r)
resource "aws_s3_object" "r" { content = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high (medium confidence, aws_s3_object.r)
resource "aws_ssm_parameter" "tag" { tags = { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) } }  #> 001 high (medium confidence, aws_ssm_parameter.tag)
