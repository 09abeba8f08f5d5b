variable "b" { default = "override" }
locals { c = "override" }
module "m" { source = "./two" }
