a = "x"
variable "b" {}
