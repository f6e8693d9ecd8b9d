"""The only room that knows argv, exit codes and streams."""
