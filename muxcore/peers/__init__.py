"""A console's peers: each one live byte stream of a backend, and what is kept of them all."""
