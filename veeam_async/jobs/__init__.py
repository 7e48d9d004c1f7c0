"""Jobs, the runs that they start, and the server's tasks."""
