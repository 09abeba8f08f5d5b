aws iam create-policy --policy-name p --policy-document '{"Statement": [
  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
