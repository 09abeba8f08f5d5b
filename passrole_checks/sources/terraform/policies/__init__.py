"""Which policies a configuration holds, and to whom they are attached."""
