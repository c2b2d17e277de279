"""What the service is about: spaces, studies, trials and what can go wrong. No web, no SQL, no torch."""
