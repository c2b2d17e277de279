"""Where a surface over the space is highest."""
