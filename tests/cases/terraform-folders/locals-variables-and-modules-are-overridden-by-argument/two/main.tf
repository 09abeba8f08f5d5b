output "d" { value = "two" }
