"""What leaves the function beside its answer and its log."""
