"""QEMU's `-chardev` options: their grammar, their JSON form, the typed sets.

`sets` declares every option once; the parser, QMP, the help texts and the
TUI's forms all read it there.
"""
