#> scan
resource "aws_iam_policy" "p" {
  policy = file("nothere.json")  #> 014 low (low confidence); unreadable
}
resource "aws_iam_policy" "q" {
  policy = templatefile("${path.module}/nothere.tpl", {})  #> 014 low (low confidence); unreadable
}
#> exit 2
