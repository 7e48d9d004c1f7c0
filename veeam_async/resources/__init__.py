"""What can be asked of sessions, and of whatever else has a UID."""
