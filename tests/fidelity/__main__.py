"""`python -m tests.fidelity`: print the table; `record`: ask tmux and xterm.js anew."""

import sys

from tests.fidelity.compare import measured
from tests.fidelity.references import record

if sys.argv[1:] == ["record"]:
    record()
for engine in ("ghostty", "bittty"):
    m = measured(engine)
    bad = {n: c for n, c in m.items() if not c.equal}
    print(
        engine, len(m), len(bad), sum(c.tmux for c in m.values()), sum(c.xterm for c in m.values())
    )
    for n, c in bad.items():
        print("   ", n, *c.facts)
