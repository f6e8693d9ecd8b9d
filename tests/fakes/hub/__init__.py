"""The state and the answers of the fake GitHub, one module a noun."""
