"""How a view draws its guest."""

from __future__ import annotations

from dataclasses import dataclass

from tui.colour_depth import Depth


@dataclass(frozen=True)
class Look:
    """What is chosen: `depth` and `modern` by the user's terminal, the rest for a console.

    `modern` is `tui.colour_depth.is_modern`, `palette` a name of `muxcore.palettes`; `links` is
    whether the guest's hyperlinks are passed on.
    """

    depth: Depth = Depth.TRUE
    modern: bool = False
    palette: str = ""
    links: bool = False
