"""The nearest right name for a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, names: Iterable[str]) -> str:
    """A question that names the one of `names` nearest to `word`; empty when none is near."""
    matches = get_close_matches(word, list(names), n=1)
    return f"did you mean '{matches[0]}'?" if matches else ""
