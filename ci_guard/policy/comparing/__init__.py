"""What got stricter or looser between two policies, subject by subject."""
