# A literal name or ARN of a role of this configuration is that role; with another path it is another.
#> required --account 111122223333
resource "aws_iam_role" "job" {
  name               = "job"
  path               = "/glue/"
  assume_role_policy = "{}"
}
resource "aws_glue_job" "name" {
  role_arn = "glue/job"  #> aws_iam_role.job to glue.amazonaws.com (passed)
}
resource "aws_glue_job" "arn" {
  role_arn = "arn:aws:iam::111122223333:role/glue/job"  #> aws_iam_role.job to glue.amazonaws.com (passed)
}
resource "aws_glue_job" "other" {
  role_arn = "arn:aws:iam::111122223333:role/job"  #> arn:aws:iam::111122223333:role/job to glue.amazonaws.com (passed)
}
#> PassRolesToGlue: arn:aws:iam::111122223333:role/glue/job & arn:aws:iam::111122223333:role/job to glue.amazonaws.com
