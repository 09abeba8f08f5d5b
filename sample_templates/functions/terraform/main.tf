# One file for each family of functions. What they make of known values is known; of values that are not known, whatever
# a function cannot change is kept.

variable "team" {
  description = "Not known here: a hole, which the functions around it keep in its place."
  type        = string
}

variable "extra_roles" {
  description = "Not known here."
  type        = list(string)
}

locals {
  to_lambda = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
}
