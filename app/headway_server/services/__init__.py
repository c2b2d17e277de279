"""The use cases, one module each. They take the wire's requests and give its responses."""
