// Reads pieces of output from stdin, writes what @xterm/headless shows after each to stdout.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/`);
const { Terminal } = require("@xterm/headless");
const { Unicode11Addon } = require("@xterm/addon-unicode11");

const UNDERLINES = ["", "4:1", "4:2", "4:3", "4:4", "4:5"];

function colour(kind, isDefault, isRgb, value) {
  if (isDefault) return [];
  if (isRgb) return [`${kind}:2:${value >> 16}:${(value >> 8) & 255}:${value & 255}`];
  return [`${kind}:5:${value}`];
}

function look(cell) {
  const flags = [
    ["1", cell.isBold()], ["2", cell.isDim()], ["3", cell.isItalic()], ["5", cell.isBlink()],
    ["7", cell.isInverse()], ["8", cell.isInvisible()], ["9", cell.isStrikethrough()],
    ["53", cell.isOverline()],
  ];
  const found = flags.filter(([, on]) => on).map(([name]) => name);
  if (cell.isUnderline()) {
    found.push(UNDERLINES[cell.getUnderlineStyle()] || "4:1");
    if (cell.hasExtendedAttrs() && ~cell.extended.underlineColor) {
      found.push(...colour("58", cell.isUnderlineColorDefault(), cell.isUnderlineColorRGB(),
                           cell.getUnderlineColor()));
    }
  }
  found.push(...colour("38", cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()));
  found.push(...colour("48", cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()));
  return found;
}

function rows(terminal) {
  const buffer = terminal.buffer.active;
  return Array.from({ length: terminal.rows }, (_, y) => {
    const line = buffer.getLine(buffer.baseY + y);
    return Array.from({ length: terminal.cols }, (_, x) => line.getCell(x))
      .filter((cell) => cell.getWidth() > 0)
      .map((cell) => [cell.getChars() || " ", cell.getWidth(), look(cell)]);
  });
}

function facts(terminal, heard) {
  const { modes, buffer } = terminal;
  const core = terminal._core;
  const cursor = core.coreService.decPrivateModes;
  return {
    cursor: [buffer.active.cursorY, Math.min(buffer.active.cursorX, terminal.cols - 1)],
    visible: !core.coreService.isCursorHidden,
    shape: cursor.cursorStyle ?? "block",
    application_cursor: modes.applicationCursorKeysMode,
    application_keypad: modes.applicationKeypadMode,
    bracketed_paste: modes.bracketedPasteMode,
    focus_events: modes.sendFocusMode,
    synchronized_output: modes.synchronizedOutputMode,
    mouse: { none: "off", x10: "x10", vt200: "normal", drag: "button", any: "any" }[
      modes.mouseTrackingMode],
    mouse_format: { DEFAULT: "x10", SGR: "sgr", SGR_PIXELS: "sgr-pixels" }[
      core.coreMouseService?.activeEncoding ?? core.mouseStateService?.activeEncoding],
    alternate_screen: buffer.active.type === "alternate",
    ...heard,
  };
}

async function show({ rows: height, cols, data }) {
  const terminal = new Terminal({
    rows: height, cols, allowProposedApi: true, logLevel: "off",
    windowOptions: { getWinSizeChars: true, getWinSizePixels: true, getCellSizePixels: true },
  });
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  const heard = { title: "", replies: "", bells: 0 };
  terminal.onTitleChange((title) => (heard.title = title));
  terminal.onData((reply) => (heard.replies += reply));
  terminal.onBinary((reply) => (heard.replies += reply));
  terminal.onBell(() => (heard.bells += 1));
  await new Promise((done) => terminal.write(Buffer.from(data, "base64"), done));
  const state = { rows: rows(terminal), facts: facts(terminal, heard) };
  terminal.dispose();
  return state;
}

const states = [];
for (const piece of JSON.parse(readFileSync(0))) states.push(await show(piece));
process.stdout.write(JSON.stringify({
  version: require("@xterm/headless/package.json").version,
  states,
}));
