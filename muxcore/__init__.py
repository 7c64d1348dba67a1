"""The engine of muxtui: consoles, their history, their backends, the daemon.

Nothing here knows of a user interface; `tui` is one client among others.
"""
