#> required
resource "aws_sns_topic" "t" {}
#> exit 0
