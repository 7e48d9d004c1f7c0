"""The fetch engine: workers on one side, the caller on the other; it knows no HTTP."""
