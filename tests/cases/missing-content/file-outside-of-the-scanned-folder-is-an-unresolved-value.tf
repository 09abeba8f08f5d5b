resource "aws_iam_policy" "p" {
  policy = file("/etc/acme/policy.json")  #> 014 low (low confidence)
}
