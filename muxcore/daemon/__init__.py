"""The daemon: the consoles it owns, its control socket, and the process around them."""
