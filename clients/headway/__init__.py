"""The headway client."""
