resource "aws_iam_role" "r" { name = "app" }
resource "aws_api_gateway_rest_api" "a" {
  body = <<-EOT
    paths:
      /:
        get:
          x-amazon-apigateway-integration:
            credentials: ${aws_iam_role.r.arn}
  EOT
}
