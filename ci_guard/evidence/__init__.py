"""The only room that reads the world: environment variables, event files and forges; returns facts."""
