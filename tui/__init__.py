"""The terminal user interface of muxtui: a client of the daemon like any other."""
