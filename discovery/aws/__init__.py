"""AWS: the clients, their errors in plain words, the service's tasks, the secret."""
