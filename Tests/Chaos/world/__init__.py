"""What scenarios are made of: a world of processes, those who ask, and what is judged."""
