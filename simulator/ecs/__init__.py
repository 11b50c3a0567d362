"""ECS: clusters, services and tasks, the scheduler that moves them, and the API."""
