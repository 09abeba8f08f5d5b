# What whoever applies this has to be allowed to pass. Each resource below receives a role in a way of its own; nobody
# grants PassRole here, so no check says anything.

variable "environment" {
  type    = string
  default = "test"
}

variable "delivery_role_arn" {
  type        = string
  description = "Made by another team; not known here."
}

variable "replicate" {
  type = bool
}

locals {
  workers = toset(["import", "export"])
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["ec2", "lambda", "ecs-tasks", "s3"])

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

# One role for each worker, each handed to one function.
resource "aws_iam_role" "worker" {
  for_each           = local.workers
  name               = "${var.environment}-${each.key}"
  path               = "/workers/"
  assume_role_policy = data.aws_iam_policy_document.trust["lambda"].json
}

resource "aws_lambda_function" "worker" {
  for_each      = local.workers
  function_name = "${var.environment}-${each.key}"
  role          = aws_iam_role.worker[each.key].arn
  image_uri     = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/worker:1"
  package_type  = "Image"
}

# Of an instance profile the role in it is passed; Terraform makes the end of its name.
resource "aws_iam_role" "host" {
  name_prefix        = "host-"
  assume_role_policy = data.aws_iam_policy_document.trust["ec2"].json
}

resource "aws_iam_instance_profile" "host" {
  name = "host"
  role = aws_iam_role.host.name
}

resource "aws_instance" "host" {
  count                = 2
  ami                  = "ami-0123456789abcdef0"
  instance_type        = "t3.small"
  iam_instance_profile = aws_iam_instance_profile.host.name
}

# A task definition takes two roles, one of which is looked up by its name.
data "aws_iam_role" "execution" {
  name = "ecsTaskExecutionRole"
}

resource "aws_iam_role" "task" {
  name               = "${var.environment}-task"
  assume_role_policy = data.aws_iam_policy_document.trust["ecs-tasks"].json
}

resource "aws_ecs_task_definition" "task" {
  family                = "task"
  task_role_arn         = aws_iam_role.task.arn
  execution_role_arn    = data.aws_iam_role.execution.arn
  container_definitions = jsonencode([{ name = "task", image = "public.ecr.aws/nginx/nginx:1" }])
}

# An ARN that nobody knows yet, in a nested block.
resource "aws_kinesis_firehose_delivery_stream" "events" {
  name        = "events"
  destination = "extended_s3"

  extended_s3_configuration {
    bucket_arn = "arn:aws:s3:::events"
    role_arn   = var.delivery_role_arn
  }
}

# A block that is there or not, with a role by a literal ARN.
resource "aws_s3_bucket_replication_configuration" "events" {
  count  = var.replicate ? 1 : 0
  bucket = "events"
  role   = "arn:aws:iam::111122223333:role/replication"

  rule {
    status = "Enabled"
    destination {
      bucket = "arn:aws:s3:::events-copy"
    }
  }
}

# A service-linked role is passed only where it is named.
resource "aws_autoscaling_group" "hosts" {
  min_size                = 0
  max_size                = 2
  service_linked_role_arn = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_hosts"
}

# The role of another account is assumed, and passed by nobody.
resource "aws_cloudwatch_event_target" "central" {
  rule     = "central"
  arn      = "arn:aws:events:eu-west-1:444455556666:event-bus/central"
  role_arn = "arn:aws:iam::444455556666:role/central"
}
