# Filesystem functions: they read below the folder that is scanned, and nowhere else.

# Flagged (001): each file of a folder is a policy; the finding is where the statement stands.
resource "aws_iam_policy" "of_folder" {
  for_each = fileset("${path.module}/policies", "*.policy")

  name   = trimsuffix(basename(each.key), ".policy")
  policy = file("${path.module}/policies/${each.key}")
}

# Clean: a template, with what is put in.
resource "aws_iam_policy" "templated" {
  name = "templated"
  policy = templatefile("${path.module}/policies/build.json.tftpl", {
    roles = ["web", "worker"]
  })
}

# Cannot be told (014): a file outside of the configuration is not read.
resource "aws_iam_policy" "elsewhere" {
  name   = "elsewhere"
  policy = file("/etc/acme/policy.json")
}
