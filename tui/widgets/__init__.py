"""What is drawn. Widgets do no I/O and import no parent."""
