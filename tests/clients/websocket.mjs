// node websocket.mjs PORT: what comes on standard input goes to ws://127.0.0.1:PORT/, and back.
// Node 18 has no WebSocket of its own: an HTTP upgrade, and frames by hand (RFC 6455).
// SIGTERM says goodbye; the exit status is 0 when the far end said it too.
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";

const key = randomBytes(16).toString("base64");
const upgrade = request({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  path: "/console",
  headers: {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "binary",
  },
});

function frame(opcode, payload) {
  const mask = randomBytes(4);
  const masked = payload.map((byte, at) => byte ^ mask[at % 4]);
  const head = payload.length < 126 ? [payload.length | 128]
    : [126 | 128, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([128 | opcode, ...head]), mask, masked]);
}

upgrade.on("response", (response) => process.exit(response.statusCode === 403 ? 3 : 4));
upgrade.on("upgrade", (response, socket, first) => {
  const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  if (response.headers["sec-websocket-accept"] !== accept.digest("base64")) process.exit(5);
  if (response.headers["sec-websocket-protocol"] !== "binary") process.exit(6);
  let buffered = Buffer.alloc(0);
  let goodbye = false;
  const take = (data) => {
    buffered = Buffer.concat([buffered, data]);
    for (;;) {
      if (buffered.length < 2) return;
      let [start, length] = [2, buffered[1] & 127];
      if (length > 125) {
        start = length === 126 ? 4 : 10;
        if (buffered.length < start) return;
        length = start === 4 ? buffered.readUInt16BE(2) : Number(buffered.readBigUInt64BE(2));
      }
      if (buffered.length < start + length) return;
      const payload = buffered.subarray(start, start + length);
      if ((buffered[0] & 15) === 8) goodbye = true;
      else process.stdout.write(payload);
      buffered = buffered.subarray(start + length);
    }
  };
  take(first);
  socket.on("data", take);
  socket.on("close", () => process.exit(goodbye ? 0 : 7));
  process.stdin.on("data", (data) => socket.write(frame(2, data)));
  process.on("SIGTERM", () => socket.write(frame(8, Buffer.from([3, 232]))));
});
upgrade.end();
