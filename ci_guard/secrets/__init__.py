"""The secret scanner: rules as data, one matching engine, and the places of a repository that it reads."""
