"""Forms to option strings, errors to fields."""

from __future__ import annotations

from tests.tui.fakes import FORMS
from tui.chardev_text import blamed, chardev_text, free_id, given, missing


def test_commas_are_doubled() -> None:
    text = chardev_text("process", "p,0", {"command": "a,b"})
    assert text == "process,id=p,,0,command=a,,b"


def test_what_is_at_its_default_is_left_out() -> None:
    values = {"path": "/x", "server": "off", "wait": "off", "policy": "block", "host": ""}
    assert given(FORMS["socket"], values) == {"path": "/x", "wait": "off", "policy": "block"}


def test_the_first_required_option_without_a_value_is_missed() -> None:
    assert missing(FORMS["file"], {"path": ""}) == "path"
    assert missing(FORMS["file"], {"path": "/x"}) == ""


def test_an_error_is_about_the_option_it_quotes() -> None:
    names = ("path", "port", "server")
    assert blamed("Invalid parameter 'x', 'port' is needed", names) == "port"
    assert blamed("the path is too long", names) == "path"
    assert blamed("something else", names) == ""


def test_a_new_id_is_free() -> None:
    assert free_id("vm1.socket", ["vm1.socket0", "vm1.socket2"]) == "vm1.socket1"
