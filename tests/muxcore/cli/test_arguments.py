"""Paths as a daemon whose directory is another one has to be given them."""

from __future__ import annotations

import os

import pytest

from muxcore.cli.arguments import absolute, absolute_object
from muxcore.options.grammar import format_chardev, parse_chardev
from muxcore.options.objects import format_object, parse_object


@pytest.mark.parametrize(
    "text",
    [
        "pipe,path={}p",
        "file,path={}p,input-path={}q",
        "null,logfile={}p",
        "serial,logfile={}q,path={}p",
        "socket,logfile={}q,path={}p",
        "process,command=true,cwd={}p",
    ],
)
def test_every_path_is_made_absolute(text: str) -> None:
    made = absolute(parse_chardev(text.replace("{}", "")))
    assert made == parse_chardev(text.replace("{}", f"{os.getcwd()}/"))


@pytest.mark.parametrize("text", ["socket,path=name,abstract=on", "null", "udp,port=1"])
def test_what_is_no_path_stays(text: str) -> None:
    assert format_chardev(absolute(parse_chardev(text))) == text


def test_the_directory_of_credentials_is_made_absolute() -> None:
    made = absolute_object(parse_object("tls-creds-x509,id=t,dir=pki"))
    assert f"dir={os.getcwd()}/pki," in format_object(made)
