# One block, several resources. A finding names each instance by its address, and one statement that several use is one
# finding.

locals {
  stages = ["test", "production"]

  services = {
    web    = "ecs-tasks.amazonaws.com"
    report = "glue.amazonaws.com"
    legacy = "*"
  }
}

# Flagged (001) for the first of the two: count.index decides.
resource "aws_iam_policy" "stage" {
  count = length(local.stages)

  name = "deploy-${local.stages[count.index]}"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = count.index == 0 ? "*" : "arn:aws:iam::111122223333:role/${local.stages[count.index]}/*"
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    }]
  })
}

# Flagged (003) for "legacy": each.value decides. The name stands in each.key.
resource "aws_iam_policy" "service" {
  for_each = local.services

  name = "pass-to-${each.key}"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::111122223333:role/${each.key}-*"
      Condition = { StringLike = { "iam:PassedToService" = each.value } }
    }]
  })
}

variable "extra" {
  type = number
}

# Flagged (001), once: nobody says how many there are.
resource "aws_iam_policy" "several" {
  count = var.extra

  name = "extra-${count.index}"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

# Not judged: there is none.
resource "aws_iam_policy" "none" {
  count = 0

  name = "none"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

module "worker" {
  source   = "./worker"
  for_each = toset(local.stages)

  name = each.key
}

# Clean: a splat over values of a map gives the roles of all instances of a module, an index that of one.
data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "PassWorkers"
    actions   = ["iam:PassRole"]
    resources = concat(values(module.worker)[*].role_arn, [module.worker["test"].role_arn])

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["batch.amazonaws.com"]
    }
  }

  # Flagged (002) for "report", which has no condition: blocks that are made for each entry, and blocks inside of those.
  dynamic "statement" {
    for_each = { web = ["ecs-tasks.amazonaws.com"], report = [] }
    iterator = job

    content {
      sid       = title(job.key)
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/${job.key}"]

      dynamic "condition" {
        for_each = length(job.value) > 0 ? [job.value] : []

        content {
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = condition.value
        }
      }
    }
  }
}

resource "aws_iam_policy" "scheduler" {
  name   = "scheduler"
  policy = data.aws_iam_policy_document.scheduler.json
}
