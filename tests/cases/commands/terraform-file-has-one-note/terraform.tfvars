script = "aws sso-admin put-inline-policy-to-permission-set --inline-policy file://p.json"
