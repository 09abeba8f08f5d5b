list   = "*"
number = "*"
