"""A guest that keeps what is typed: `python key_guest.py LOG ORDERS`.

Its terminal is raw. Every byte goes to the file LOG; what is written to the fifo ORDERS is printed.
"""

from __future__ import annotations

import os
import selectors
import sys
import tty

READY = "keys are kept"


def main() -> None:
    """Run until the terminal hangs up."""
    tty.setraw(0)
    orders = os.open(sys.argv[2], os.O_RDWR)
    with open(sys.argv[1], "ab", buffering=0) as log, selectors.DefaultSelector() as waiting:
        waiting.register(0, selectors.EVENT_READ)
        waiting.register(orders, selectors.EVENT_READ)
        os.write(1, READY.encode())
        while True:
            for key, _ in waiting.select():
                data = os.read(key.fd, 65_536)
                if key.fd == orders:
                    os.write(1, data)
                elif not data:
                    return
                else:
                    log.write(data)


if __name__ == "__main__":
    main()
