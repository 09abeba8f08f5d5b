#> scan --check 001
resource "aws_iam_policy" "p" {
  policy = file("nothere.json")  #> unreadable
}
#> statements without finding: 1
#> exit 2
