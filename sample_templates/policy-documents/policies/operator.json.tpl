{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "PassByPrefix",
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": "arn:aws:iam::${account_id}:role/${environment}-*"
    },
    {
      "Sid": "PassOwn",
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": "arn:aws:iam::${account_id}:role/$${aws:username}",
      "Condition": {"StringEquals": {"iam:PassedToService": ${jsonencode(services)}}}
    }
  ]
}
