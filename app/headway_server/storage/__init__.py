"""Tables, queries and the unit of work: the only room that speaks SQL, and the only one that commits."""
