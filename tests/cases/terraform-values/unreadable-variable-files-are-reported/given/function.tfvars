a = "x"
b = [file("y")]
