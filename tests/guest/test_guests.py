"""The guests boot, are talked to, die and come back: what other tests stand on."""

from __future__ import annotations

import pytest

from tests.guest import qemu
from tests.guest.console import UBOOT_PROMPT

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


def test_uboot_boots_to_its_prompt_and_answers(uboot: qemu.Guest) -> None:
    with uboot.connect() as console:
        console.interrupt_autoboot()
        assert b"U-Boot" in console.everything
        assert b"qemu-x86" in console.run(b"printenv board_name", UBOOT_PROMPT)


def test_uboot_reset_ends_qemu_with_status_0(uboot: qemu.Guest) -> None:
    with uboot.connect() as console:
        console.interrupt_autoboot()
        console.send(b"reset\r")
        assert uboot.wait() == 0
        console.expect_end()


def test_a_killed_guest_starts_again_on_the_same_socket(uboot: qemu.Guest) -> None:
    with uboot.connect() as console:
        console.interrupt_autoboot()
        uboot.kill()
        console.expect_end()
    uboot.start()
    with uboot.connect() as console:
        console.interrupt_autoboot()


def test_linux_boots_to_a_login_and_runs_the_test_programs(linux: qemu.Guest) -> None:
    with linux.connect() as console:
        console.login()
        console.send(b"tquery\r")
        console.expect(rb"\x1b\[5n\x1b\[6n\x1b\[c")
        console.send(b"\x1b[0n")
        # The one terminal there is answered one of its queries, in hex.
        console.expect(b"answers: 1b 5b 30 6e")
