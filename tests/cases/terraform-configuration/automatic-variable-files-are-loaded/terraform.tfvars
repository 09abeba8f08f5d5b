a = "one"
b = "one"
other = 1
