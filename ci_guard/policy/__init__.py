"""A policy's text in, a checked policy out: YAML with places, layers that only tighten, profiles, the JSON Schema."""
