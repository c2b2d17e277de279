"""Points of a search space as rows of the unit cube, and how they are drawn under its constraints."""
