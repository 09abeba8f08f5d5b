resource "local_file" "f" {
  filename = "${path.module}/made.json"
  content  = timestamp()
}
resource "local_file" "each" {
  for_each = toset(["a", "b"])
  filename = "${each.key}.json"
}
data "archive_file" "f" {
  output_path = "made.zip"
}
resource "aws_iam_policy" "terraform" {
  policy = file(".terraform/made.json")  #> 014 low (low confidence)
}
resource "aws_iam_policy" "root" {
  policy = file("${path.root}/.terraform/made.json")  #> 014 low (low confidence)
}
resource "aws_iam_policy" "file" {
  policy = file("made.json")  #> 014 low (low confidence)
}
resource "aws_iam_policy" "template" {
  policy = templatefile("${path.module}/made.json", {})  #> 014 low (low confidence)
}
resource "aws_iam_policy" "each" {
  policy = file("b.json")  #> 014 low (low confidence)
}
resource "aws_iam_policy" "archive" {
  policy = file("made.zip")  #> 014 low (low confidence)
}
