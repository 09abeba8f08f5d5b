# The text of a policy is no JSON.

resource "aws_iam_policy" "unfinished" {
  name   = "unfinished"
  policy = "{\"Statement\": [{\"Effect\": \"Allow\", "
}
