"""What each control declares of itself, in words, from which schema, reference pages and inputs are generated."""
