"""The daemon's objects for TLS: credentials, and who may use them."""
