"""One new result, then one suggestion: seconds on one core, for headway and its peers."""
