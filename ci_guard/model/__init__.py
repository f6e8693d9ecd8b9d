"""The nouns that all rooms speak: facts, settings, judgements and the decision; imports nothing else of ci_guard."""
