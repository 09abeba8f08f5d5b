inputs = {
