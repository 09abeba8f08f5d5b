account = 111122223333
on      = "true"
ids     = [1, 2]
