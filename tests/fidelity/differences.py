"""What the engines show otherwise than both tmux and xterm.js, and why that is left so."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """A reason, and what it is the reason for, by names of small cases and sessions."""

    reason: str
    both: str = ""
    """Names of what both engines show otherwise, separated by blanks; `@3/4`: of a session."""
    ghostty: str = ""
    bittty: str = ""


_DIFFERENCES = (
    Difference(
        "malformed UTF-8 shows as U+FFFD, as in xterm and kitty, and is not left out",
        both="text/utf8-bad-start text/utf8-beyond text/utf8-five-bytes text/utf8-overlong"
        " text/utf8-lone-continuation text/utf8-overlong-three text/utf8-surrogate"
        " text/utf8-truncated text/utf8-truncated-esc text/utf8-truncated-newline"
        " text/utf8-truncated-then-wide text/latin1-bytes text/c1-raw-csi text/c1-raw-osc"
        " guest-hvc0-binary@1/4 guest-hvc0-binary@2/4 guest-hvc0-binary@3/4"
        " guest-hvc0-binary@4/4 ovmf-shell-setup@3/4 vttest-3-10-locking-shifts@1/1",
    ),
    Difference(
        "erasing ends a pending wrap and takes the last column, as in xterm",
        both="wrap/pending-ed wrap/pending-ed-all wrap/pending-el wrap/pending-el-all"
        " wrap/pending-el-left",
    ),
    Difference(
        "a saved cursor remembers a pending wrap, as in xterm",
        both="wrap/pending-1049 wrap/pending-decsc wrap/pending-decsc-ed",
    ),
    Difference("CUB wraps backwards too, as in xterm", both="wrap/reverse-wrap-cub"),
    Difference("mode 47 does not clear, as in xterm", both="modes/alternate-kept-47"),
    Difference(
        "1049 clears an alternate screen that is shown already, as in xterm",
        ghostty="modes/alternate-twice",
    ),
    Difference("1047 does not clear", bittty="modes/alternate-cleared-1047"),
    Difference(
        "XTSAVE and XTRESTORE are obeyed, as in xterm",
        both="modes/mode-save-restore modes/mode-save-wrap",
    ),
    Difference(
        "the saved cursor becomes the one at DECSTR: where it is cannot be asked in front",
        both="modes/decstr-saved-cursor",
    ),
    Difference("DECSTR leaves modes it does not name", both="modes/decstr-paste-kept"),
    Difference(
        "single shifts are obeyed, as in xterm",
        both="text/single-shift text/single-shift-3",
        ghostty="vttest-3-11-single-shifts@1/2 vttest-3-11-single-shifts@2/2",
    ),
    Difference(
        "SGR is obeyed however many parameters it has",
        both="style/sixty-parameters style/many-parameters-with-colours",
    ),
    Difference(
        "a byte that cannot be part of a sequence ends it and shows, lest noise hide text",
        both="strings/csi-high-byte strings/csi-utf8-inside strings/esc-utf8",
    ),
    Difference(
        "the Linux console's OSC P and OSC R have no end, tmux and xterm.js wait for one",
        both="strings/osc-linux-palette strings/osc-linux-reset",
    ),
    Difference(
        "bidirectional marks are taken out: they would act on the user's own terminal",
        both="text/bidi-marks",
    ),
    Difference(
        "tmux repeats clusters, both drop marks; regional indicators are two columns wide here",
        both="guest-hvc0-unicode@3/4 guest-hvc0-unicode@4/4 host-unicode-80x24@2/4"
        " host-unicode-80x24@3/4 host-unicode-80x24@4/4 text/flag-half",
        ghostty="text/flag text/flags-two",
    ),
    Difference("libghostty-vt drops VS16 after a digit, bittty makes it wide", both="text/keycap"),
    Difference("bittty keeps clusters", bittty="text/emoji-skin-tone text/emoji-vs16"),
    Difference("a combining character without a base is dropped", both="text/combining-after-cup"),
    Difference(
        "zero-width characters that join nothing are dropped",
        bittty="text/word-joiner text/zero-width-space",
    ),
    Difference(
        "replies say what tmux and xterm.js cannot: pixel sizes, SGR, kitty's keyboard flags",
        both="modes/decrqss-sgr modes/kitty-keyboard modes/kitty-keyboard-pop modes/size-cell"
        " modes/size-pixels modes/xtversion",
        bittty="modes/decrqss-bad motion/cpr-private",
    ),
    Difference("a pending wrap is reported as the last column", both="motion/cpr-pending-wrap"),
    Difference(
        "CPR counts from the margins in origin mode, as in xterm",
        ghostty="motion/cpr-origin-mode vttest-6-3-status@1/1",
    ),
    Difference(
        "bittty answers colour queries",
        bittty="host-vim-80x24@1/4 host-vim-80x24@2/4 host-vim-80x24@3/4 host-vim-80x24@4/4",
    ),
    Difference("ED 22 moves the screen to the scrollback, as in kitty", ghostty="edit/ed-22"),
    Difference(
        "REP repeats the last character whatever came between, as ECMA-48 leaves open",
        ghostty="edit/rep-after-combining edit/rep-after-control edit/rep-after-motion"
        " edit/rep-after-sgr edit/rep-twice vttest-11-6-7-2-bce-ecma@1/1 vttest-11-7-2-rep@1/1",
    ),
    Difference("REP is bounded otherwise", ghostty="edit/rep-huge"),
    Difference("RIS resets the title", ghostty="modes/ris-title"),
    Difference("OSC 02 is not OSC 2", ghostty="strings/title-leading-zero"),
    Difference(
        "colours that mix semicolons and colons mean nothing, tmux and xterm.js disagree too",
        ghostty="style/mixed-separators style/mixed-separators-two",
    ),
    Difference("wide characters show blank in line drawing", ghostty="text/line-drawing-utf8"),
    Difference(
        "rectangles, SGR stacks, title stacks and more charsets are obeyed, as in xterm",
        bittty="strings/rectangle-copy strings/rectangle-erase strings/rectangle-fill"
        " strings/title-stack-deep style/push-pop-sgr text/charset-dec-supplemental"
        " text/line-drawing-all text/line-drawing-others vttest-3-8-charsets@1/1",
    ),
    Difference(
        "DCH outside the margins does nothing, and erases without colour",
        bittty="edit/dch-bce edit/dch-outside-margins vttest-11-6-5-bce-index@1/2"
        " vttest-11-6-5-bce-index@2/2 vttest-11-6-6-3-bce-vt102@6/16"
        " vttest-11-6-6-3-bce-vt102@7/16 vttest-11-6-6-3-bce-vt102@8/16"
        " vttest-11-6-6-3-bce-vt102@13/16 vttest-11-6-6-3-bce-vt102@14/16"
        " vttest-11-6-6-3-bce-vt102@15/16",
    ),
    Difference(
        "CUU and CUD do not stop at margins",
        bittty="motion/cud-from-inside-margins motion/cuu-from-inside-margins",
    ),
    Difference("a colour with empty parts means nothing", bittty="style/rgb-empty-parts"),
    Difference("SGR 24 leaves a double underline", bittty="style/underline-double"),
    Difference(
        "a wide character at the margin moves back without autowrap",
        bittty="wrap/no-autowrap-wide wrap/no-autowrap-wide-early",
    ),
)


def listed(engine: str) -> dict[str, str]:
    """Return the reason for each known difference of an engine, by the name of what differs."""
    return {
        name.replace("@", " "): item.reason
        for item in _DIFFERENCES
        for name in f"{item.both} {getattr(item, engine)}".split()
    }
