service = "ecs-tasks.amazonaws.com"

teams = {
  data  = { roles = "data/*", services = ["glue.amazonaws.com"] }
  web   = { roles = "web/*" }
  audit = { passes = false }
}
