"""The core capability: list, probe, decide, publish."""
