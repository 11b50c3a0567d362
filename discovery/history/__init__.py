"""A capability: the latest state of each task and container instance, and why tasks stopped."""
