"""The iterator in the caller's hand, and the looks that it asks for."""
