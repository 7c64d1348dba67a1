"""What surrounds the app while it runs."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, cast

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
    try:
        assert await app._run(cast("app.MuxApp", Settling())) == 3
    finally:
        gc.unfreeze()
