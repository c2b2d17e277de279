"""Local processes: start them, keep them running, stop them all."""
