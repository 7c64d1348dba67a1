"""`muxtui qemu`: QEMU's command line understood, the chardevs kept here, QEMU run by the daemon."""
