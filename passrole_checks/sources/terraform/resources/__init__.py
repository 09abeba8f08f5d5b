"""What a reference to a resource or a data source stands for, policy documents above all."""
