roles = [file("x")]
