resource "local_file" "g" {
  filename = file("name.txt")
}
resource "local_file" "f" {
  filename = "${path.module}/made.json"
  content  = timestamp()
}
resource "aws_iam_policy" "p" {
  policy = file("made.json")  #> 014 low (low confidence)
}
