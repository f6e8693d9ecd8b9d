"""Evidence from GitHub: REST answers and the event file, turned into facts."""
