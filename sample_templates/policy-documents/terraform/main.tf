# A document that a root reads is judged there, with all that is known about it, and not once more on its own.

resource "aws_iam_policy" "release" {
  name   = "release"
  policy = templatefile("${path.module}/release.json.tftpl", { account_id = "111122223333" })
}
