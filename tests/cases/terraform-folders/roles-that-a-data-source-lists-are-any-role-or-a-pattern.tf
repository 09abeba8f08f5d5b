# The data source returns every role of the account that matches its arguments.
#> grants | scope
data "aws_iam_roles" "all" {}
data "aws_iam_roles" "root" { path_prefix = "/" }
data "aws_iam_roles" "any" { name_regex = ".*" }
data "aws_iam_roles" "app" { name_regex = "^app-" }
data "aws_iam_roles" "path" { path_prefix = "/app/" }
data "aws_iam_roles" "two" { name_regex = "^(app|web)$" }
data "aws_iam_users" "all" {}
data "awscc_iam_roles" "all" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.all.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.all.names[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.root.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.root.names[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.any.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.any.names[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.app.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.app.names[*]} to any service (prefix)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.path.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.path.names[*]} to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_roles.two.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_roles.two.names[*]} to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.aws_iam_users.all.names : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.aws_iam_users.all.names[*]} to any service (exact)
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for n in data.awscc_iam_roles.all.ids : "arn:aws:iam::111122223333:role/${n}"] },  #> allow ? -> arn:aws:iam::111122223333:role/${data.awscc_iam_roles.all.ids[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_iam_roles.all.arns },  #> allow ? -> ${data.aws_iam_roles.all.arns[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = tolist(data.aws_iam_roles.all.arns) },  #> allow ? -> ${data.aws_iam_roles.all.arns[*]} to any service (any_role)
    { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_iam_roles.path.arns },  #> allow ? -> ${data.aws_iam_roles.path.arns[*]} to any service (prefix)
    { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_iam_roles.app.arns },  #> allow ? -> ${data.aws_iam_roles.app.arns[*]} to any service (prefix)
  ] })
}
