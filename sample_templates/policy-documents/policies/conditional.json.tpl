{
  "Version": "2012-10-17",
  "Statement": [
    %{ if allow_passing }{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},%{ endif }
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
  ]
}
