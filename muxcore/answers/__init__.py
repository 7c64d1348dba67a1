"""Whose answer to a terminal query the guest gets. No I/O."""
