"""Checks of what a task serves, over the network."""
