output "d" { value = "one" }
