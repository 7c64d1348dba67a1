"""Wire protocols between a socket and its plain bytes: telnet, websocket, TLS.

::

    socket ◄─► TLS ◄─► websocket ◄─► telnet ◄─► plain bytes      (QEMU's order)

A layer does no I/O (`base`); `stream` puts a stack of them on a descriptor.
"""
