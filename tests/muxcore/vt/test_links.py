"""Which hyperlinks of a guest are shown as such."""

from __future__ import annotations

import pytest

from muxcore.vt.links import MAX_LINK, clean_link


@pytest.mark.parametrize(
    "uri",
    [
        "http://a.example/b?c=d#e",
        "HTTPS://a.example",
        "ftp://a.example/x",
        "file:///etc/motd",
        "ssh://root@a.example:22",
        "mailto:root@a.example",
        "https://a.example/ä",
    ],
)
def test_a_link_that_may_be_opened_is_kept(uri: str) -> None:
    assert clean_link(uri) == uri
    assert clean_link(uri.encode()) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "a.example",
        "http:///\x1b[31m",
        "http://a b",
        "http://a\u202eb",
        'http://a"b',
        "http://" + "a" * MAX_LINK,
    ],
)
def test_any_other_is_none(uri: str) -> None:
    assert clean_link(uri) == ""
