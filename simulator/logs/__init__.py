"""CloudWatch Logs: groups and streams that a test fills, and the API that reads them."""
