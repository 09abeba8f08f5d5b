locals { script = "aws iam create-policy --policy-document file://p.json" }
