"""Redis: the client, its credentials, and the registry's keys."""
