"""The screens: each composes widgets and carries out what the user asks of it."""
