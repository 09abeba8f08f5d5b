a = "x"
b = var.c
