"""`python -m tests.fidelity` prints the README's table.

With `record` it first shows everything to the tmux and the xterm installed and to xterm.js, which
takes Xvfb, node, npm and some minutes, and writes down what they show. With `record-vttest` it
first renews the sessions of vttest.
"""

from __future__ import annotations

import sys

from tests.fidelity.references import record
from tests.fidelity.streams import DIRECTORY
from tests.fidelity.table import fidelity_table
from tests.fidelity.vttest import record_vttest

match sys.argv[1:]:
    case ["record"]:
        record()
    case ["record-vttest"]:
        record_vttest(DIRECTORY)
print(fidelity_table())
