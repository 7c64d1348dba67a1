"""Hyperlinks of guests (OSC 8): which are shown as such."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_LINK = 2048
"""Characters of a URI; a longer one is no link."""

# RFC 3986's characters; what a guest leaves unescaped beyond ASCII is let through if printable.
_LINK = re.compile(r"(?:(?:https?|ftp|file|ssh)://|mailto:)[^\s\"<>\\^`{|}]+", re.IGNORECASE)


@lru_cache(maxsize=512)
def clean_link(uri: bytes | str) -> str:
    """Return a guest's URI if it is one that may be opened, else an empty string.

    Allowed are the schemes http, https, ftp, file, ssh and mailto, and printable characters.
    """
    text = uri.decode("utf-8", "replace") if isinstance(uri, bytes) else uri
    if len(text) > MAX_LINK or not text.isprintable() or not _LINK.fullmatch(text):
        return ""
    return text
