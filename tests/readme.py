"""The README's tables, made from the code: `python -m tests.readme` writes them anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from muxcore.daemon.commands import COMMANDS
from muxcore.exits import ExitCode
from muxcore.options.schema import OptionInfo, format_value, option_infos
from muxcore.options.sets import CONFIGURABLE, ChardevOptions, HubOptions
from tests.bench.peers_table import speed_tables
from tests.faults.table import fault_table
from tests.fidelity.table import fidelity_table
from tui.actions import LISTED

README = Path(__file__).parent.parent / "README.md"


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; `head` is the header's cells, separated by `|`."""
    names = head.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
                     for line in lines)  # fmt: skip


def keys() -> str:
    """The table of what follows the prefix."""
    return table("key|what it does", ([f"`{item.key}`", item.help] for item in LISTED))


def common_options() -> str:
    """The options every type takes."""
    names = {item.name for item in fields(ChardevOptions)}
    infos = [info for info in option_infos(ChardevOptions) if info.attribute in names]
    return _options(infos)


def type_options() -> str:
    """Each type's own options."""
    common = {item.name for item in fields(ChardevOptions)}
    parts = []
    for name, options in sorted(CONFIGURABLE.items()):
        own = [
            info
            for info in option_infos(options)
            if info.attribute not in common or _differs(options, info)
        ]
        if options is HubOptions or not own:
            continue
        parts.append(f"`{name}`: {options.HELP}.\n\n{_options(own)}")
    return "\n\n".join(parts)


def exit_codes() -> str:
    """The table of exit codes."""
    return table("code|meaning", ([str(int(code)), code.meaning] for code in ExitCode))


def commands() -> str:
    """The control socket's commands; `?` marks what may be left out."""
    rows = []
    for name, command in COMMANDS.items():
        arguments = ", ".join(
            f"`{item.name}`{'?' if item.optional else ''}" for item in command.arguments
        )
        summary = (inspect.getdoc(command.run) or "").split("\n\n")[0].split("; ")[0]
        rows.append([f"`{name}`", arguments, " ".join(summary.split())])
    return table("command|arguments|what it does", rows)


SECTIONS = {
    "keys": keys,
    "options common": common_options,
    "options types": type_options,
    "exit codes": exit_codes,
    "commands": commands,
    "faults": fault_table,
    "fidelity": fidelity_table,
    "speed": speed_tables,
}


def rewritten(text: str) -> str:
    """`text` with every marked section as the code has it."""
    for name, make in SECTIONS.items():
        begin = f"<!-- {name} -->\n"
        assert begin in text, f"the README has no section '{name}'"
        at = text.index(begin) + len(begin)
        text = f"{text[:at]}{make()}\n{text[text.index('<!-- end -->', at) :]}"
    return text


def _differs(options: type[ChardevOptions], info: OptionInfo) -> bool:
    base = next(item for item in option_infos(ChardevOptions) if item.name == info.name)
    return bool(base.default != info.default)


def _options(infos: Iterable[OptionInfo]) -> str:
    return table(
        "option|values|default|meaning",
        ([f"`{info.name}`", _values(info), _default(info), info.help] for info in infos),
    )


def _values(info: OptionInfo) -> str:
    if info.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in info.choices)
    words = {"str": "text", "bool": "`on`, `off`", "int": info.unit or "number", "size": "size"}
    return words[info.kind]


def _default(info: OptionInfo) -> str:
    if info.required:
        return "required"
    return "" if info.default in (None, "") else f"`{format_value(info, info.default)}`"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
