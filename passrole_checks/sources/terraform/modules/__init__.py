"""Root modules and child modules: folders, input values, module calls and instances."""
