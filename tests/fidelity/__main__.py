"""`python -m tests.fidelity` prints the README's table.

With `record` it first shows everything to the installed tmux and to xterm.js, which takes node,
npm and some minutes, and writes down what they show.
"""

from __future__ import annotations

import sys

from tests.fidelity.references import record
from tests.fidelity.table import fidelity_table

if sys.argv[1:] == ["record"]:
    record()
print(fidelity_table())
