"""The terminal engine's adapter: screen, keys, mouse. No I/O."""
