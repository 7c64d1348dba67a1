"""What QEMU 10.0.2 says to a command line is what `muxtui qemu` says.

`cli-errors.jsonl` is a recording: the options of a QEMU, whether it refused them, and what it said
on stderr. An option that only shows when the chardev is opened goes to a daemon. `DIFFERENCES`
lists where we say something else, and why; an entry that is no difference any more fails as well.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muxcore.errors import OptionError
from muxcore.qemu.arguments import parse
from muxcore.qemu.plan import make_plan
from tests.muxcore.daemons import cli, served
from tests.support import unix_path

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "cli-errors.jsonl").read_text().splitlines()
]

FRONTENDS = ("-device", "-serial")
ACCEPTED = ""

DIFFERENCES: dict[str, tuple[str, str]] = {
    "-chardev socket,id=c0,server=on": (
        "-chardev socket,id=c0,server=on: None or one of 'path', 'fd' or 'host' option required.",
        "QEMU listens on a descriptor without a number",
    ),
    (
        "-chardev null,id=a -chardev null,id=b -chardev null,id=c -chardev null,id=d "
        "-chardev null,id=e -chardev hub,id=h,chardevs.0=a,chardevs.1=b,chardevs.2=c,"
        "chardevs.3=d,chardevs.4=e"
    ): (ACCEPTED, "a hub may have any number of members"),
    "-chardev hub,id=h,chardevs.0=a -chardev null,id=a": (ACCEPTED, "the order does not matter"),
    ("-chardev null,id=a -chardev hub,id=h,chardevs.0=a -chardev hub,id=g,chardevs.0=h"): (
        ACCEPTED,
        "hubs and muxes go on each other",
    ),
    "-chardev null,id=a,mux=on -chardev hub,id=h,chardevs.0=a": (
        ACCEPTED,
        "hubs and muxes go on each other",
    ),
    "-chardev socket,id=c,path=/run/qemu/none": (
        ACCEPTED,
        "whoever is not there yet is tried again",
    ),
    "-chardev socket,id=c,path=/run/qemu/none,reconnect=1": (
        ACCEPTED,
        "that it is not there is the chardev's state",
    ),
    "-chardev socket,id=c,path=/run/qemu/y,server=on,wait=off,reconnect-ms=100": (
        (
            "-chardev socket,id=c,path=/run/qemu/y,server=on,wait=off,reconnect-ms=100: "
            "'reconnect-ms' option is incompatible with socket in server listen mode"
        ),
        "QEMU has this error and forgets it here",
    ),
    "-chardev socket,id=c,host=127.0.0.1,port=99999,server=on,wait=off": (
        (
            "-chardev socket,id=c,host=127.0.0.1,port=99999,server=on,wait=off: "
            "Parameter 'port' expects a port number below 65536 or a service name"
        ),
        "QEMU listens on port 34463",
    ),
    "-device isa-serial": (
        "no -device, -serial, -monitor or -mon uses a chardev of muxtui's",
        "there would be nothing to share",
    ),
    "-chardev null,id=a -device virtconsole,chardev=a": (
        ACCEPTED,
        "the controller is added",
    ),
    "-serial mon:stdio -display none": (
        "-display: invalid option",
        "QEMU's own options follow the --",
    ),
    "-serial bogus": (
        "-serial bogus: 'bogus' is not a valid char driver",
        "what follows from it is not said as well",
    ),
}
"""A command line to what we say of it (nothing: it is accepted) and why."""


def key(options: list[str]) -> str:
    return " ".join(options)


def words(options: list[str]) -> list[str]:
    """`options`, with a frontend for the last chardev, for we open none that nobody uses."""
    if any(word in FRONTENDS for word in options):
        return options
    id = re.search(r"\bid=(\w+)", options[-1])
    # Of a hub that comes before its members, the hub.
    hub = re.search(r"hub,id=(\w+)", key(options))
    used = hub[1] if hub and "hub" not in options[-1] else id[1] if id else "x"
    return [*options, "-serial", f"chardev:{used}"]


def planned(options: list[str]) -> tuple[str, tuple[str, ...]]:
    """What is said of a command line without opening anything: the error, the warnings."""
    try:
        plan = make_plan(parse([*words(options), "--", "true"]))
    except OptionError as error:
        # QEMU prints a hint too where it has one; one of ours may be more.
        return str(error), (error.hint,)
    return "", plan.warnings


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = unix_path(tmp_path_factory.mktemp("errors"), "control")
    with served(path):
        yield path


def opened(control: str, options: list[str]) -> str:
    """What `muxtui qemu` says of a command line when it is carried out."""
    done = cli("-s", control, "qemu", *words(options), "--", "true")
    said = done.stderr.removeprefix("muxtui: ").rstrip("\n")
    return ACCEPTED if said == "true exited with status 0" else said


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: key(entry["opts"])[:60])
def test_what_qemu_says_to_a_command_line_is_what_is_said(
    entry: dict[str, Any], control: str
) -> None:
    options = entry["opts"]
    said, notes = planned(options)
    if not said and entry["refused"]:
        said = opened(control, options)
    if key(options) in DIFFERENCES:
        wanted, _ = DIFFERENCES[key(options)]
        assert said == wanted != entry["said"]
        return
    if not entry["refused"]:
        # A warning is behind its option; ours is one line.
        theirs = re.sub(r": warning: ", ": ", entry["said"]).replace("\nPlease", " Please")
        assert (said, [note for note in notes if note]) == (ACCEPTED, theirs.splitlines())
        return
    first, *rest = entry["said"].split("\n")
    assert said.startswith(first)
    if rest:
        # What QEMU puts on a line of its own may end our only one.
        assert "\n".join(rest).lower() in "\n".join((*notes, said)).lower()


def test_every_difference_is_recorded_and_has_a_reason() -> None:
    assert set(DIFFERENCES) <= {key(entry["opts"]) for entry in RECORDED}
    assert all(reason for _, reason in DIFFERENCES.values())


def test_the_recording_is_of_command_lines() -> None:
    assert all(shlex.split(key(entry["opts"])) for entry in RECORDED)
