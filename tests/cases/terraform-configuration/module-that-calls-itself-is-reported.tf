# A module that calls its own folder is reported, not followed.
#> grants
module "m" { source = "./." }  #> not evaluated: module
