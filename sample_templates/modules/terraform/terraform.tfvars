role_prefix = "pipeline-"

tasks = {
  web = {}
  report = {
    path = "/reports/"
  }
}
