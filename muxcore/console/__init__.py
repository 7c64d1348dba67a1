"""A console: one guest, its history, its backends, and the consoles behind one another."""
