from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.grammar import format_chardev
from muxcore.options.objects import format_object, parse_object
from muxcore.qemu.arguments import parse
from muxcore.qemu.plan import Plan, make_plan

DIRECTORY = "/run/q"


def plan(line: str) -> Plan:
    return make_plan(parse(shlex.split(line)))


def command(line: str) -> str:
    return shlex.join(plan(line).command(DIRECTORY))


def consoles(line: str) -> dict[str, list[str]]:
    return {
        front.console: [format_chardev(backend.spec) for backend in front.backends]
        for front in plan(line).fronts
    }


def error(line: str) -> str:
    with pytest.raises(OptionError) as caught:
        plan(line)
    return str(caught.value)


SEED = (
    "-chardev mux-be,id=mux0 "
    "-chardev socket,path=/tmp/sock,server=on,wait=off,id=sock0,mux-be-id=mux0 "
    "-chardev vc,id=vc0,mux-be-id=mux0 "
    "-device virtconsole,chardev=mux0 "
    "-vnc 127.0.0.1:0 "
    "-- qemu-system-x86_64 -accel tcg -append 'console=hvc0'"
)


def test_the_command_line_that_started_it_all() -> None:
    assert consoles(SEED) == {
        "mux0": ["socket,id=sock0,path=/tmp/sock,server=on,wait=off", "vc,id=vc0"]
    }
    assert command(SEED) == (
        "qemu-system-x86_64 -chardev socket,id=mux0,path=/run/q/0 -display none "
        "-accel tcg -append console=hvc0 "
        "-device virtio-serial -device virtconsole,chardev=mux0"
    )
    made = plan(SEED)
    assert (made.name, made.process) == ("mux0", "mux0.qemu")
    assert format_chardev(made.guest(0, DIRECTORY)) == "socket,path=/run/q/0,server=on,wait=off"
    assert made.warnings == ("-vnc 127.0.0.1:0: vc shows in the TUI only",)


def test_the_hubs_own_spelling_makes_the_same() -> None:
    hub = (
        "-chardev hub,id=mux0,chardevs.0=sock0,chardevs.1=vc0 "
        "-chardev socket,path=/tmp/sock,server=on,wait=off,id=sock0 -chardev vc,id=vc0 "
        "-device virtconsole,chardev=mux0 -vnc 127.0.0.1:0 "
        "-- qemu-system-x86_64 -accel tcg -append 'console=hvc0'"
    )
    assert plan(hub).fronts[0].console == "mux0"
    assert consoles(hub) == consoles(SEED)
    assert command(hub) == command(SEED)


def test_json_is_taken_too() -> None:
    frontend = {"id": "mux0", "backend": {"type": "mux-be", "data": {}}}
    member = {"id": "a", "backend": {"type": "null", "data": {"mux-be-id": "mux0"}}}
    device = {"driver": "virtconsole", "chardev": "mux0", "nr": 1}
    words = ["-chardev", json.dumps(frontend), "-chardev", json.dumps(member)]
    line = shlex.join([*words, "-device", json.dumps(device), "--", "qemu"])
    assert consoles(line) == {"mux0": ["null,id=a"]}
    assert plan(line).after == ("-device", "virtio-serial", "-device", json.dumps(device))


def test_several_hubs_make_several_consoles() -> None:
    line = (
        "-chardev null,id=a -chardev null,id=b -chardev null,id=c "
        "-chardev hub,id=h0,chardevs.0=a,chardevs.1=b -chardev hub,id=h1,chardevs.0=c "
        "-device virtconsole,chardev=h0 -device isa-serial,chardev=h1 {} -- qemu"
    )
    assert consoles(line.format("")) == {"h0": ["null,id=a", "null,id=b"], "h1": ["null,id=c"]}
    assert plan(line.format("")).process == "h0.qemu"
    assert list(consoles(line.format("--name vm1"))) == ["vm1.h0", "vm1.h1"]
    assert plan(line.format("--name vm1")).process == "vm1.qemu"
    assert command(line.format("")) == (
        "qemu -chardev socket,id=h0,path=/run/q/0 -chardev socket,id=h1,path=/run/q/1,mux=on "
        "-device virtio-serial -device virtconsole,chardev=h0 -device isa-serial,chardev=h1"
    )


def test_a_plain_chardev_makes_way_for_the_console_of_its_name() -> None:
    line = "-chardev null,id=a -serial chardev:a {} -- qemu"
    assert consoles(line.format("")) == {"a": ["null,id=a-base"]}
    assert consoles(line.format("--name vm1")) == {"vm1": ["null,id=a"]}


@pytest.mark.parametrize(
    ("options", "words", "name"),
    [
        ("-name vm1", "", "vm1"),
        ("-name guest=vm1,debug-threads=on", "", "vm1"),
        ("", "-name vm1", "vm1"),
        ("-name vm1 --name vm2", "-name vm3", "vm2"),
        ("-name 'My machine'", "", "a"),
    ],
)
def test_the_console_is_called_as_the_machine_is(options: str, words: str, name: str) -> None:
    line = f"-chardev null,id=a -serial chardev:a {options} -- qemu {words}"
    assert plan(line).fronts[0].console == name
    if options.startswith("-name"):
        assert "-name" in plan(line).before


@pytest.mark.parametrize(
    ("options", "words", "bus"),
    [
        ("-device virtconsole,chardev=a", "", "after"),
        ("-device virtserialport,chardev=a,name=x", "", "after"),
        ("-device virtconsole,chardev=a,bus=vs.0", "-device virtio-serial-pci,id=vs", None),
        ("-device virtio-serial-pci -device virtconsole,chardev=a", "", None),
        ("-device virtconsole,chardev=a", "-device virtio-serial-device", None),
        ("-device isa-serial,chardev=a", "", None),
        ("", "-device virtconsole,chardev=a", "before"),
    ],
)
def test_a_bus_is_added_where_one_is_needed(options: str, words: str, bus: str | None) -> None:
    made = plan(f"-chardev null,id=a {options} -- qemu {words}")
    assert ("virtio-serial" in made.before) == (bus == "before")
    assert ("virtio-serial" in made.after) == (bus == "after")


def test_a_controller_comes_before_qemus_own_words_and_other_devices_after() -> None:
    line = (
        "-chardev null,id=a -device virtio-serial-pci,id=vs -device virtconsole,chardev=a "
        "-- qemu -device virtserialport,bus=vs.0"
    )
    assert command(line) == (
        "qemu -chardev socket,id=a,path=/run/q/0 -device virtio-serial-pci,id=vs "
        "-device virtserialport,bus=vs.0 -device virtconsole,chardev=a"
    )


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("-serial chardev:a", "-serial chardev:a"),
        ("-monitor chardev:a", "-monitor chardev:a"),
        ("-qmp chardev:a", "-qmp chardev:a"),
        ("-mon chardev=a,mode=control", "-mon chardev=a,mode=control"),
        ("-mon a", "-mon chardev=a"),
        ("-device usb-serial,chardev=a", "-device usb-serial,chardev=a"),
        ("-device pci-serial-2x,chardev1=a", "-device pci-serial-2x,chardev1=a"),
    ],
)
def test_every_frontend_is_understood(option: str, wanted: str) -> None:
    line = f"-chardev null,id=a {option} -- qemu"
    assert consoles(line) == {"a": ["null,id=a-base"]}
    mux = ",mux=on" if "serial" in option else ""
    assert command(line) == f"qemu -chardev socket,id=a,path=/run/q/0{mux} {wanted}"


def test_a_serial_port_is_on_a_mux_of_qemus_by_which_a_break_reaches_it() -> None:
    line = "-chardev null,id=a {} -- qemu {}"
    guest = "socket,path=/run/q/0,server=on,wait=off"
    for option in ("-serial chardev:a", "-device isa-serial,chardev=a"):
        made = plan(line.format(option, ""))
        assert format_chardev(made.guest(0, DIRECTORY)) == f"{guest},echr=1"
    # QEMU's escape character is for all its muxes; ours is for ours.
    made = plan(line.format("-serial chardev:a -echr 2", "-echr 0x14"))
    assert format_chardev(made.guest(0, DIRECTORY)) == f"{guest},echr=20"
    for option in ("-device virtserialport,chardev=a", "-mon a", "-device ccid-x,chardev=a"):
        made = plan(line.format(option, ""))
        assert format_chardev(made.guest(0, DIRECTORY)) == guest


def test_a_mux_of_ours_in_qemu_takes_no_name_that_qemu_has() -> None:
    line = "-chardev null,id=a -serial chardev:a -- qemu -chardev null,id=a-base"
    assert "id=muxtui-a,path=/run/q/0,mux=on" in command(line)


def test_frontends_in_qemus_own_words_are_found() -> None:
    line = (
        "-chardev null,id=a -chardev null,id=b -chardev null,id=c -- "
        "qemu -device isa-serial,chardev=a -serial chardev:b -mon chardev=c,mode=control"
    )
    assert list(consoles(line)) == ["a", "b", "c"]
    assert command(line).endswith(line.partition(" -- qemu ")[2])


def test_legacy_arguments_are_chardevs_of_their_own() -> None:
    line = "-serial none -serial pty -serial unix:/s,server=on,wait=off -monitor pty -- qemu"
    assert consoles(line) == {
        "serial1": ["pty,id=serial1-base"],
        "serial2": ["socket,id=serial2-base,path=/s,server=on,wait=off"],
        "compat_monitor0": ["pty,id=compat_monitor0-base"],
    }
    assert "-serial none -serial chardev:serial1 -serial chardev:serial2" in command(line)


def test_a_chardev_that_qemu_has_itself_keeps_its_id() -> None:
    line = (
        "-chardev null,id=a -device isa-serial,chardev=a,id=x "
        "-- qemu -chardev 'pty,id=a' -serial chardev:a"
    )
    assert command(line) == (
        "qemu -chardev socket,id=muxtui-a,path=/run/q/0,mux=on -chardev pty,id=a -serial chardev:a "
        "-device isa-serial,chardev=muxtui-a,id=x"
    )
    # One that only QEMU has is QEMU's affair.
    line = "-chardev null,id=a -serial chardev:a -device isa-serial,chardev=z -- qemu"
    assert "isa-serial,chardev=z" in command(f"{line} -chardev pty,id=z")


def test_a_comma_in_the_directory_is_doubled() -> None:
    made = plan("-chardev null,id=a -serial chardev:a -- qemu")
    assert made.command("/a,b")[1:3] == ["-chardev", "socket,id=a,path=/a,,b/0,mux=on"]


@pytest.mark.parametrize(
    ("words", "kept"), [("", True), ("-display gtk", False), ("-nographic", False)]
)
def test_vnc_is_the_display_unless_qemu_is_given_another(words: str, kept: bool) -> None:
    made = plan(f"-vnc :1 -chardev null,id=a -serial chardev:a -- qemu {words}")
    assert (made.before[:2] == ("-display", "none")) == kept
    assert "-vnc" not in made.command(DIRECTORY)


@pytest.mark.parametrize("vnc", ["none", "unix:/tmp/v", "[::1]:3", "host:2,password=on"])
def test_vnc_addresses_are_taken(vnc: str) -> None:
    assert plan(f"-vnc {vnc} -chardev null,id=a -serial chardev:a -- qemu")


def test_the_terminal_is_no_backend_of_the_daemons() -> None:
    line = "-chardev stdio,id=s -chardev null,id=n -chardev hub,id=h,chardevs.0=s,chardevs.1=n "
    made = plan(f"{line} -serial chardev:h -- qemu")
    assert made.terminal == "h"
    assert [backend.spec.id for backend in made.fronts[0].backends] == ["n"]


def test_what_nothing_uses_is_told() -> None:
    made = plan("-chardev null,id=a -chardev null,id=b -serial chardev:a -- qemu")
    assert made.warnings == ("-chardev null,id=b: nothing uses it",)


def test_deprecated_spellings_are_told() -> None:
    line = "-chardev socket,id=a,path=/s,server=on,nowait -serial chardev:a -- qemu"
    (warning,) = plan(line).warnings
    assert "short-form boolean option 'nowait' deprecated" in warning


def test_a_hub_in_a_hub_is_one_hub() -> None:
    line = (
        "-chardev null,id=a -chardev null,id=b -chardev hub,id=g,chardevs.0=h,chardevs.1=b "
        "-chardev hub,id=h,chardevs.0=a -serial chardev:g -- qemu"
    )
    assert consoles(line) == {"g": ["null,id=a", "null,id=b"]}


def hubs(line: str) -> dict[str, list[str]]:
    return {
        hub.console: [format_chardev(backend.spec) for backend in hub.backends]
        for hub in plan(line).hubs
    }


MUX = "-chardev socket,id=m,path=/s,server=on,wait=off,mux=on"


@pytest.mark.parametrize("behind", [False, True])
def test_frontends_of_a_mux_have_a_console_each(behind: bool) -> None:
    given = "-mon chardev=m,mode=readline -serial chardev:m"
    line = f"{MUX} -- qemu {given}" if behind else f"{MUX} {given} -- qemu"
    assert hubs(line) == {"m-hub": ["socket,id=m-base,path=/s,server=on,wait=off"]}
    assert consoles(line) == {
        "m.serial0": ["mux,id=m,chardev=m-hub"],
        "m.monitor0": ["link,chardev=m"],
    }
    assert command(line) == (
        "qemu -chardev socket,id=m.serial0,path=/run/q/0,mux=on "
        "-chardev socket,id=m.monitor0,path=/run/q/1 "
        "-mon chardev=m.monitor0,mode=readline -serial chardev:m.serial0"
    )
    made = plan(line)
    assert (made.name, made.shown, made.terminal) == ("m", "m", None)


def test_mon_before_a_legacy_argument_shares_it_with_a_monitor() -> None:
    line = "-serial mon:stdio -echr 20 --name vm -- qemu"
    assert hubs(line) == {"vm-hub": []}
    assert consoles(line) == {
        "vm.serial0": ["mux,id=vm,chardev=vm-hub,escape=20"],
        "vm.monitor0": ["link,chardev=vm"],
    }
    assert plan(line).terminal == "vm"
    assert plan(line).before == (
        *("-serial", "chardev:serial0.serial0"),
        *("-mon", "chardev=serial0.monitor0,mode=readline"),
    )


def test_a_mux_on_a_hub_and_a_hub_on_a_mux() -> None:
    line = (
        "-chardev null,id=a -chardev null,id=b -chardev hub,id=h,chardevs.0=a,chardevs.1=b "
        "-chardev mux,id=m,chardev=h,escape=5 -chardev null,id=log "
        "-chardev hub,id=g,chardevs.0=m,chardevs.1=log "
        "-serial chardev:g -monitor chardev:m -echr 20 -- qemu"
    )
    assert hubs(line) == {"m-hub": ["null,id=a", "null,id=b"]}
    assert consoles(line) == {
        "g": ["mux,id=m,chardev=m-hub,escape=5", "null,id=log"],
        "m.monitor0": ["link,chardev=m"],
    }


def test_a_mux_on_a_mux_comes_before_it() -> None:
    line = (
        "-chardev mux,id=n,chardev=m -chardev null,id=m,mux=on "
        "-serial chardev:m -serial chardev:n -- qemu"
    )
    assert list(hubs(line)) == ["m-hub", "n-hub"]
    assert hubs(line)["n-hub"] == ["mux,id=m,chardev=m-hub"]
    assert consoles(line)["m.serial0"] == ["link,chardev=m"]


def test_credentials_are_kept_by_the_daemon() -> None:
    line = (
        "-object tls-creds-x509,id=t,dir=/pki,endpoint=server "
        "-chardev socket,id=a,host=::1,port=1,server=on,wait=off,tls-creds=t -serial chardev:a "
        "-- qemu"
    )
    (spec,) = plan(line).objects
    assert format_object(spec) == "tls-creds-x509,id=t,dir=/pki,endpoint=server,verify-peer=on"
    assert parse_object(format_object(spec)) == spec
    assert "-object" not in command(line)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("-chardev null", "-chardev null: chardev: no id specified"),
        ("-chardev nosuch,id=c0", "'nosuch' is not a valid char driver name"),
        ("-chardev null,id=1bad", "Parameter 'id' expects an identifier"),
        (
            "-chardev null,id=a -chardev null,id=a",
            "-chardev null,id=a: Duplicate ID 'a' for chardev",
        ),
        ("-chardev hub,id=h", "hub: 'chardevs' list is not defined"),
        ("-chardev mux-be,id=h", "hub: 'chardevs' list is not defined"),
        ("-chardev mux-be", "-chardev mux-be: chardev: no id specified"),
        ("-chardev mux-be,id=h,x=1", "Invalid parameter 'x'"),
        ("-chardev hub,id=h,chardevs.0=nope", "hub: chardev can't be found by id 'nope'"),
        ("-chardev null,id=a -chardev hub,id=h,chardevs.0=a,chardevs.1=a", "'a' is already in use"),
        (
            "-chardev hub,id=h,chardevs.0=g -chardev hub,id=g,chardevs.0=h",
            "chardev 'g' cannot be a backend of 'h': it leads back to it",
        ),
        ("-chardev mux,id=m,chardev=nope", "mux: base chardev nope not found"),
        ("-chardev null,id=a -chardev mux,id=m,chardev=a -serial chardev:a", "is already in use"),
        ("-serial chardev:a -chardev link,id=a,chardev=b", "has its own chardevs"),
        ("-echr x", "-echr x: Bad argument to echr"),
        ("-echr 256", "-echr 256: Bad argument to echr"),
        ("-object rng-random,id=r", "Parameter 'qom-type' does not accept value 'rng-random'"),
        (
            "-chardev null,id=a,mux-be-id=nope",
            "-chardev null,id=a,mux-be-id=nope: chardev: mux-be device can't be found by id 'nope'",
        ),
        ("-chardev null,id=a -chardev null,id=b,mux-be-id=a", "device 'a' is not a mux-be"),
        (
            "-chardev stdio,id=a -chardev stdio,id=b",
            "cannot use stdio by multiple character devices",
        ),
        ("-device isa-serial,chardev=nope", "Property 'serial.chardev' can't find value 'nope'"),
        ("-device virtconsole,chardev=nope", "'virtconsole.chardev' can't find value 'nope'"),
        (
            "-chardev null,id=a -device isa-serial,chardev=a -device isa-serial,chardev=a",
            "Property 'serial.chardev' can't take value 'a': chardev 'a' is already in use",
        ),
        (
            "-serial chardev:nope",
            "could not connect serial device to character backend 'chardev:nope'",
        ),
        ("-mon chardev=nope", '-mon chardev=nope: chardev "nope" not found'),
        ("-chardev null,id=a -mon chardev=a,mode=x", 'unknown monitor mode "x"'),
        ("-serial bogus", "-serial bogus: 'bogus' is not a valid char driver"),
        ("-vnc nonsense", "-vnc nonsense: no vnc address"),
        ("", "uses a chardev of muxtui's"),
        ("-chardev null,id=a -serial chardev:a --name 1", "Parameter 'name' expects an identifier"),
    ],
)
def test_mistakes_are_told_in_qemus_words(options: str, text: str) -> None:
    assert text in error(f"{options} -- qemu")


def test_without_qemu_there_is_nothing_to_run() -> None:
    assert "no QEMU command line is given" in error("-chardev null,id=a -serial chardev:a")


def test_qemu_may_not_leave() -> None:
    assert "-daemonize" in error("-chardev null,id=a -serial chardev:a -- qemu -daemonize")


@given(st.lists(st.sampled_from(["-chardev", "-device", "-serial", "--", "{}", "{", "hub,id=a",
    "mux-be,id=a", "null,id=b,mux-be-id=a", "x,chardev=a", '{"driver":"x","chardev":"a"}', "[]",
    "chardev:a", "-mon", "a,,b", "-vnc", ",", "=", "-name", "qemu"]), max_size=12))  # fmt: skip
def test_any_words_give_a_plan_or_an_error(words: list[str]) -> None:
    try:
        made = make_plan(parse(words))
    except OptionError:
        return
    assert made.command(DIRECTORY)[0] == made.program
