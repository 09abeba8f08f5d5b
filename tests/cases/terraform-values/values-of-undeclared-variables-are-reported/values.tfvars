a    = "x"
slip = "y"
