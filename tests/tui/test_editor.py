"""The user's editor: which one it is, and what is said when there is none."""

from __future__ import annotations

import pytest

from tui.editor import EditorError, editor_command


def test_visual_comes_before_editor() -> None:
    path = {"PATH": "/bin:/usr/bin"}
    assert editor_command({**path, "VISUAL": "env -i", "EDITOR": "sh"}) == ["env", "-i"]
    assert editor_command({**path, "VISUAL": "", "EDITOR": "'/bin/sh' -c"}) == ["/bin/sh", "-c"]


@pytest.mark.parametrize("editor", ["no-such-editor", "'unclosed", " ", "/etc/passwd", "a\x1b[2Jb"])
def test_an_editor_that_is_none_is_said_in_one_line(editor: str) -> None:
    with pytest.raises(EditorError) as error:
        editor_command({"EDITOR": editor, "PATH": "/bin:/usr/bin"})
    assert str(error.value).isprintable()
