variable "application" {
  description = "The application's name, which begins the names of its roles."
  type        = string
  default     = "orders"
}

variable "scheduler_services" {
  description = "The services that start the scheduled jobs."
  type        = list(string)
  default     = ["scheduler.amazonaws.com", "events.amazonaws.com"]
}
