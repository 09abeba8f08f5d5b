#> required | attribute
resource "aws_codepipeline" "p" {
  role_arn = "arn:aws:iam::111122223333:role/p"  #> arn:aws:iam::111122223333:role/p to codepipeline.amazonaws.com (passed) (role_arn)
  stage {
    action { role_arn = "arn:aws:iam::111122223333:role/a" }  #> arn:aws:iam::111122223333:role/a to  (assumed) (low confidence, stage/0/action/0/role_arn)
  }
  dynamic "stage" {
    for_each = ["x", "y"]
    content {
      action { role_arn = "arn:aws:iam::111122223333:role/${stage.value}" }  #> arn:aws:iam::111122223333:role/x to  (assumed) (low confidence, stage/1/action/0/role_arn); arn:aws:iam::111122223333:role/y to  (assumed) (low confidence, stage/2/action/0/role_arn)
    }
  }
}
#> PassRolesToCodepipeline: arn:aws:iam::111122223333:role/p to codepipeline.amazonaws.com
