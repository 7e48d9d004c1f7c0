"""How to look at many sessions: by a GET for each, or by one list for all."""
