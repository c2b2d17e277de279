"""What is maximised to choose the next point."""
