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
    xterm: bool = False
    """Whether xterm, as recorded, shows it as we do."""


_DIFFERENCES = (
    Difference(
        "REP repeats the letter without its marks",
        xterm=True,
        ghostty="edit/rep-after-combining",
    ),
    Difference(
        "REP is bounded otherwise",
        both="edit/rep-huge",
    ),
    Difference(
        "SPA and EPA protect what they enclose",
        xterm=True,
        both="edit/decsed-iso-protected edit/decsel-iso-protected",
        ghostty="edit/ed-iso-protected edit/ed-above-iso-protected edit/ed-all-iso-protected"
        " edit/el-iso-protected edit/el-left-iso-protected edit/el-all-iso-protected"
        " edit/ech-iso-protected",
    ),
    Difference(
        "CSI T of five parameters tracks the mouse",
        xterm=True,
        ghostty="edit/sd-track-mouse",
    ),
    Difference(
        "mode 47 does not clear",
        xterm=True,
        both="modes/alternate-kept-47 modes/alternate-again-47",
    ),
    Difference(
        "1049 clears an alternate screen that is shown already",
        xterm=True,
        ghostty="modes/alternate-twice",
    ),
    Difference(
        "XTSAVE and XTRESTORE are obeyed",
        xterm=True,
        both="modes/mode-save-restore modes/mode-save-wrap modes/mode-save-reset"
        " modes/mode-save-wrap-set modes/mode-save-paste",
    ),
    Difference(
        "DECSTR leaves modes it does not name",
        xterm=True,
        both="modes/decstr-paste-kept modes/decstr-focus-kept",
    ),
    Difference(
        "replies say what tmux and xterm.js cannot: pixel sizes, SGR, kitty's keyboard flags",
        both="modes/size-pixels modes/size-cell modes/xtversion modes/kitty-keyboard"
        " modes/kitty-keyboard-pop",
    ),
    Difference(
        "DECRQSS tells what is in force",
        xterm=True,
        both="modes/decrqss-sgr modes/decrqss-cursor-shape modes/decrqss-sgr-colours",
        bittty="modes/decrqss-screen-lines modes/decrqss-left-right",
    ),
    Difference(
        "DECRQSS tells what is in force",
        bittty="modes/decrqss-bad modes/decrqss-lines modes/decrqss-status-line"
        " modes/decrqss-extent",
    ),
    Difference(
        "DA3 and DECID are answered",
        xterm=True,
        both="modes/da-tertiary modes/decid",
    ),
    Difference(
        "DECRQM tells the state of more modes",
        xterm=True,
        both="modes/decrqm-keyboard-lock modes/decrqm-send-receive"
        " modes/decrqm-smooth-scroll modes/decrqm-reverse-screen modes/decrqm-mouse-formats",
        bittty="modes/decrqm-print-form-feed modes/decrqm-alternate-scroll",
    ),
    Difference(
        "DECRQM tells the state of more modes",
        both="modes/decrqm-repeat modes/decrqm-backarrow",
        ghostty="modes/decrqm-alternate-scroll",
        bittty="modes/decrqm-other-dec",
    ),
    Difference(
        "DECRQSS tells another level, or knows none",
        both="modes/decrqss-level",
        ghostty="modes/decrqss-protection",
    ),
    Difference(
        "CPR counts from the margins in origin mode",
        xterm=True,
        ghostty="motion/cpr-origin-mode vttest-6-3-status@1/1",
    ),
    Difference(
        "a pending wrap is reported as the last column",
        xterm=True,
        both="motion/cpr-pending-wrap wrap/autowrap-at-margin wrap/tab-at-full-line",
    ),
    Difference(
        "OSC 02 is not OSC 2",
        ghostty="strings/title-leading-zero",
    ),
    Difference(
        "the Linux console's OSC P and OSC R have no end, tmux and xterm.js wait for one",
        xterm=True,
        both="strings/osc-linux-palette strings/osc-linux-reset",
    ),
    Difference(
        "a byte that cannot be part of a sequence ends it and shows, lest noise hide text",
        both="strings/csi-utf8-inside strings/csi-high-byte strings/esc-utf8",
    ),
    Difference(
        "malformed UTF-8 shows as U+FFFD, as in kitty, and is not left out",
        xterm=True,
        both="strings/c1-raw-apc strings/c1-raw-pm strings/c1-raw-sos strings/c1-raw-ind"
        " strings/c1-raw-hts strings/c1-raw-ri strings/c1-raw-nel strings/c1-raw-decid"
        " strings/c1-raw-spa text/utf8-bad-start text/utf8-lone-continuation"
        " text/utf8-truncated text/utf8-truncated-then-wide text/utf8-truncated-esc"
        " text/utf8-truncated-newline text/latin1-bytes text/c1-raw-csi text/c1-raw-osc"
        " ovmf-shell-setup@3/4",
    ),
    Difference(
        "malformed UTF-8 shows as U+FFFD, as in kitty, and is not left out",
        both="text/utf8-overlong text/utf8-overlong-three text/utf8-surrogate text/utf8-beyond"
        " text/utf8-five-bytes guest-hvc0-binary@1/4 guest-hvc0-binary@2/4"
        " guest-hvc0-binary@3/4 guest-hvc0-binary@4/4 vttest-3-10-locking-shifts@1/1",
    ),
    Difference(
        "colour queries are answered",
        xterm=True,
        both="strings/palette-set strings/palette-short strings/palette-hash-6 strings/palette-two",
        ghostty="strings/palette-st strings/dynamic-several",
        bittty="strings/special-colour",
    ),
    Difference(
        "colour queries are answered",
        bittty="strings/palette-st strings/dynamic-others",
    ),
    Difference(
        "colours that are not given in 8 or 16 bits are scaled otherwise",
        xterm=True,
        ghostty="strings/palette-intensity",
    ),
    Difference(
        "colours that are not given in 8 or 16 bits are scaled otherwise",
        both="strings/palette-hash-3 strings/palette-hash-9 strings/palette-hash-12",
        bittty="strings/palette-intensity",
    ),
    Difference(
        "the palette begins with the colours of the engine",
        xterm=True,
        bittty="strings/palette-reset strings/palette-reset-all strings/palette-ris",
    ),
    Difference(
        "the palette begins with the colours of the engine",
        ghostty="strings/palette-reset strings/palette-reset-all strings/palette-ris",
    ),
    Difference(
        "SGR is obeyed however many parameters it has",
        both="style/many-parameters-with-colours style/sixty-parameters",
    ),
    Difference(
        "colours that mix semicolons and colons mean nothing, tmux and xterm.js disagree too",
        xterm=True,
        ghostty="style/mixed-separators",
    ),
    Difference(
        "colours that mix semicolons and colons mean nothing, tmux and xterm.js disagree too",
        ghostty="style/mixed-separators-two",
    ),
    Difference(
        "a combining character without a base is dropped, by xterm now and then",
        both="text/combining-after-cup",
    ),
    Difference(
        "bidirectional marks are taken out: they would act on the user's own terminal",
        xterm=True,
        both="text/bidi-marks",
    ),
    Difference(
        "libghostty-vt drops VS16 after a digit, bittty makes it wide",
        both="text/keycap",
    ),
    Difference(
        "tmux repeats clusters, both drop marks; regional indicators are two columns wide here",
        both="text/flag-half guest-hvc0-unicode@3/4 guest-hvc0-unicode@4/4"
        " host-unicode-80x24@2/4 host-unicode-80x24@3/4 host-unicode-80x24@4/4",
        ghostty="text/flag text/flags-two",
    ),
    Difference(
        "wide characters show blank in line drawing",
        ghostty="text/line-drawing-utf8",
    ),
    Difference(
        "single shifts are obeyed",
        xterm=True,
        both="text/single-shift text/single-shift-3",
    ),
    Difference(
        "single shifts are obeyed",
        ghostty="vttest-3-11-single-shifts@1/2 vttest-3-11-single-shifts@2/2",
    ),
    Difference(
        "erasing ends a pending wrap and takes the last column",
        xterm=True,
        both="wrap/pending-el wrap/pending-el-left wrap/pending-el-all wrap/pending-ed"
        " wrap/pending-ed-all",
    ),
    Difference(
        "a saved cursor remembers a pending wrap",
        xterm=True,
        both="wrap/pending-decsc wrap/pending-decsc-ed wrap/pending-1049",
    ),
    Difference(
        "CUB wraps backwards too, without autowrap it does not",
        xterm=True,
        both="wrap/reverse-wrap-cub wrap/reverse-wrap-needs-autowrap-wrapped"
        " wrap/reverse-wrap-cub-many",
    ),
    Difference(
        "CUB that wraps backwards stops at the top, xterm's goes on at the bottom",
        both="wrap/reverse-wrap-cub-beyond",
    ),
    Difference(
        "mode 1045 is obeyed, which xterm has since patch 383",
        both="wrap/reverse-wrap-extended wrap/reverse-wrap-extended-top"
        " wrap/reverse-wrap-extended-in-margins",
    ),
    Difference(
        "DCH outside the margins does nothing, and erases without colour",
        bittty="edit/dch-bce edit/dch-outside-margins edit/ich-outside-margins"
        " edit/dch-above-margins edit/decic-outside-margins edit/decdc-outside-margins"
        " vttest-11-6-5-bce-index@1/2 vttest-11-6-5-bce-index@2/2"
        " vttest-11-6-6-3-bce-vt102@6/16 vttest-11-6-6-3-bce-vt102@7/16"
        " vttest-11-6-6-3-bce-vt102@8/16 vttest-11-6-6-3-bce-vt102@13/16"
        " vttest-11-6-6-3-bce-vt102@14/16 vttest-11-6-6-3-bce-vt102@15/16",
    ),
    Difference(
        "DECSED 3 is taken for DECSED 2",
        bittty="edit/decsed-scrollback edit/decsed-scrollback-protected",
    ),
    Difference(
        "the states of printer, keyboard and macros are told",
        xterm=True,
        bittty="modes/dsr-printer modes/dsr-user-keys modes/dsr-macro-checksum",
    ),
    Difference(
        "the states of printer, keyboard and macros are told",
        bittty="modes/dsr-keyboard modes/dsr-macros",
    ),
    Difference(
        "CUU and CUD do not stop at margins",
        bittty="motion/cuu-from-inside-margins motion/cud-from-inside-margins"
        " motion/cnl-in-margins motion/cnl-above-margins motion/cpl-in-margins"
        " motion/cpl-below-margins motion/cuu-from-below-margins"
        " motion/cud-from-above-margins",
    ),
    Difference(
        "DECXCPR tells the page too",
        xterm=True,
        bittty="motion/cpr-private",
    ),
    Difference(
        "HPR does not leave its line in origin mode",
        xterm=True,
        bittty="motion/hpr-origin-mode",
    ),
    Difference(
        "DECBI and DECFI are obeyed",
        xterm=True,
        bittty="motion/decbi motion/decfi",
    ),
    Difference(
        "rectangles, SGR stacks, title stacks and more charsets are obeyed",
        xterm=True,
        bittty="strings/title-stack-deep strings/rectangle-fill strings/rectangle-erase"
        " strings/rectangle-copy style/push-pop-sgr text/line-drawing-others"
        " text/charset-dec-supplemental",
    ),
    Difference(
        "rectangles, SGR stacks, title stacks and more charsets are obeyed",
        bittty="text/line-drawing-all vttest-3-8-charsets@1/1",
    ),
    Difference(
        "there is one stack of titles for windows and icons",
        xterm=True,
        bittty="strings/title-stack-icon-pops-window",
    ),
    Difference(
        "there is one stack of titles for windows and icons",
        bittty="strings/title-stack-icon strings/title-stack-both-pops-icon",
    ),
    Difference(
        "a colour with empty parts means nothing",
        bittty="style/rgb-empty-parts",
    ),
    Difference(
        "zero-width characters that join nothing are dropped",
        xterm=True,
        bittty="text/zero-width-space text/word-joiner",
    ),
    Difference(
        "bittty keeps clusters",
        bittty="text/emoji-skin-tone text/emoji-vs16",
    ),
    Difference(
        "a wide character at the margin moves back without autowrap",
        bittty="wrap/no-autowrap-wide wrap/no-autowrap-wide-early",
    ),
    Difference(
        "bittty answers colour queries",
        bittty="host-vim-80x24@1/4 host-vim-80x24@2/4 host-vim-80x24@3/4 host-vim-80x24@4/4",
    ),
)


def listed(engine: str) -> dict[str, Difference]:
    """Return each known difference of an engine by the name of what differs."""
    return {
        name.replace("@", " "): item
        for item in _DIFFERENCES
        for name in f"{item.both} {getattr(item, engine)}".split()
    }
