"""The one way of every request: a slot, a token, the exchange, its status."""
