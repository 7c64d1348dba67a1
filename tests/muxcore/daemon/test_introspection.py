"""query-qmp-schema has QEMU's shape and describes what is there, all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muxcore import events
from muxcore.daemon.commands import COMMANDS
from muxcore.daemon.commands.introspection import schema
from muxcore.options.sets import ALIASES, CONFIGURABLE

ENTRIES: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in schema(COMMANDS)}


def members(name: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in ENTRIES[name]["members"]}


def test_it_is_json_and_every_name_is_there_once() -> None:
    described = schema(COMMANDS)
    assert json.loads(json.dumps(described)) == described
    assert len({entry["name"] for entry in described}) == len(described)


def test_every_command_and_every_event_is_described() -> None:
    kinds = {name: entry["meta-type"] for name, entry in ENTRIES.items()}
    assert {name for name, kind in kinds.items() if kind == "command"} == set(COMMANDS)
    assert {name for name, kind in kinds.items() if kind == "event"} == set(events.NAMES.values())


SHAPES = {
    "command": {"arg-type", "ret-type"},
    "event": {"arg-type"},
    "object": {"members"},
    "array": {"element-type"},
    "enum": {"members", "values"},
    "builtin": {"json-type"},
}


def test_entries_have_qemus_members_and_name_only_what_is_described() -> None:
    for entry in ENTRIES.values():
        more = {"tag", "variants"} if "tag" in entry else set()
        assert set(entry) == {"name", "meta-type", *SHAPES[entry["meta-type"]], *more}
        named = [entry[key] for key in ("arg-type", "ret-type", "element-type") if key in entry]
        if entry["meta-type"] == "object":
            named += [item["type"] for item in entry["members"]]
        named += [variant["type"] for variant in entry.get("variants", [])]
        assert [name for name in named if name not in ENTRIES] == []


def test_arguments_are_what_a_command_takes() -> None:
    for name, command in COMMANDS.items():
        described = members(ENTRIES[name]["arg-type"])
        assert list(described) == [item.name for item in command.arguments]
        for item in command.arguments:
            assert ("default" in described[item.name]) == item.optional
    formats = ENTRIES[members("q_obj_ringbuf-read-arg")["format"]["type"]]
    assert formats["values"] == ["utf8", "base64"]


def test_every_backend_is_a_case_of_its_kind() -> None:
    backend = ENTRIES[members("q_obj_chardev-add-arg")["backend"]["type"]]
    assert backend["tag"] == "type"
    cases = {variant["case"]: variant["type"] for variant in backend["variants"]}
    assert set(cases) == {*CONFIGURABLE, *ALIASES} == set(ENTRIES["ChardevBackendKind"]["values"])
    data = members(members(cases["file"])["data"]["type"])
    assert "default" not in data["out"]
    assert {"in", "append", "logfile", "policy"} <= set(data)
    assert data["append"]["type"] == "bool"


@pytest.mark.parametrize(
    ("type", "member", "kind", "within"),
    [("socket", "addr", "unix", "path"), ("udp", "remote", "inet", "port")],
)
def test_addresses_are_nested_as_qemus_are(type: str, member: str, kind: str, within: str) -> None:
    address = ENTRIES[members(f"Chardev_{type}")[member]["type"]]
    (variant,) = (item for item in address["variants"] if item["case"] == kind)
    assert within in members(members(variant["type"])["data"]["type"])


def test_qemus_event_has_qemus_members() -> None:
    assert {name: item["type"] for name, item in members("q_obj_VSERPORT_CHANGE-arg").items()} == {
        "id": "str",
        "open": "bool",
    }
    assert "default" in members("q_obj_MUX_PEER_CLOSED-arg")["reason"]
