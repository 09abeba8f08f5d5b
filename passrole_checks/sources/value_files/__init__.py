"""Files with values for variables and parameters that no option names."""
