"""What surrounds the app while it runs."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING, cast

from tests.muxcore.daemons import ROOT
from tests.support import eventually
from tui import app

if TYPE_CHECKING:
    import pytest


class Settling:
    """An app that runs until what it has made is there to stay."""

    return_code = 3

    def exit(self, status: int) -> None:
        """Not asked for."""

    async def run_async(self) -> None:
        await eventually(lambda: gc.get_freeze_count() > 0)


async def test_what_the_app_has_made_is_not_looked_through_for_garbage_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "SETTLED", 0.0)
    # As it is while the app is loaded.
    gc.disable()
    try:
        assert await app._run(cast("app.MuxApp", Settling())) == 3
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_nothing_is_loaded_that_only_a_search_or_an_error_needs() -> None:
    code = "import sys; from tui import app; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert "tui.screens.console" in loaded
    assert not {"regex", "muxcore.options.sets", "muxcore.screen.search"} & set(loaded)
