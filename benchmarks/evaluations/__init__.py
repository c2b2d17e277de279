"""How fast an objective is evaluated, beside a straightforward implementation of the same thing."""
