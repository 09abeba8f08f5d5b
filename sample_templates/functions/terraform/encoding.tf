# Encoding functions.

locals {
  from_json = jsondecode(<<-JSON
    {"actions": ["iam:PassRole"], "role": "arn:aws:iam::111122223333:role/build"}
  JSON
  )
  rows = csvdecode(<<-CSV
    role,service
    web,ecs-tasks.amazonaws.com
    any,*
  CSV
  )
}

# Flagged (002): no service.
resource "aws_iam_policy" "from_json" {
  name = "from-json"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.from_json.actions, Resource = local.from_json.role }]
  })
}

# Flagged (003): the second row has "*" for a service.
resource "aws_iam_policy" "from_csv" {
  name = "from-csv"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for row in local.rows : {
      Sid       = "Pass${title(row.role)}"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::111122223333:role/${row.role}"
      Condition = { StringLike = { "iam:PassedToService" = row.service } }
    }]
  })
}

# Flagged (001): a document that is hidden in Base64, and written as YAML, is a document.
resource "aws_iam_policy" "from_base64" {
  name = "from-base64"
  policy = jsonencode(yamldecode(base64decode(
    "U3RhdGVtZW50OiB7RWZmZWN0OiBBbGxvdywgQWN0aW9uOiAiaWFtOlBhc3NSb2xlIiwgUmVzb3VyY2U6ICIqIn0K"
  )))
}
