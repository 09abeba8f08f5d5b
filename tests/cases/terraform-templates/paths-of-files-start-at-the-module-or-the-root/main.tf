locals {
  found = [for f in fileset("${path.module}/d", "*.json") : jsondecode(file("${path.module}/d/${f}")).a]
  all   = fileset(path.module, "**/*.{json,txt}")
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [
    "arn:aws:iam::*:role/1${jsondecode(file("${path.module}/x.json")).a}",
    "arn:aws:iam::*:role/2${jsondecode(file("${path.root}/d/../x.json")).a}",
    "arn:aws:iam::*:role/3${jsondecode(file("./x.json")).a}",
    "arn:aws:iam::*:role/4${jsondecode(file("x.json")).a}",
    "arn:aws:iam::*:role/5${jsondecode(file(abspath("x.json"))).a}",
    "arn:aws:iam::*:role/found/${join("+", local.found)}",
    "arn:aws:iam::*:role/all/${join("+", local.all)}",
    "arn:aws:iam::*:role/exists/${fileexists("x.json")}/${fileexists("${path.module}/none")}",
    "arn:aws:iam::*:role/names/${basename("${path.module}/d/y.json")}/${dirname("a/b/c")}/${filemd5("d/z.txt")}",
  ] } })
}
