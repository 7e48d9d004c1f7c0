"""The server's resources: get, fetch, query, watch and wait, by their UIDs."""
