# API Gateway takes the ARN of any user for the caller's credentials (AWS::ApiGateway::Method, Integration).
#> required --account 111122223333
resource "aws_api_gateway_integration" "i" {
  credentials = "arn:aws:iam::*:user/*"
}
#> exit 0
