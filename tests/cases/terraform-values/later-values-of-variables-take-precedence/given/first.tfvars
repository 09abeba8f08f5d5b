b = "first"
c = "first"
d = "first"
