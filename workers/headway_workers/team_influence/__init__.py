"""How influence evolves in small teams (arXiv 2011.07168), on simulated teams or on transcripts."""
