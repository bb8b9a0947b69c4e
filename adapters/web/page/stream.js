// The live stream of one group; reconnects with growing pauses until closed.

import { token } from "./api.js";

const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 20;
const WRONG_TOKEN = 4401;

/** Calls onOpen (a promise: the catch-up) on each connection, onEvent, onState and onDenied. */
export function openStream(group, { onOpen, onEvent, onState, onDenied }) {
  let socket = null;
  let timer = 0;
  let pause = FIRST_PAUSE_S;
  let closed = false;

  function connect() {
    clearTimeout(timer);
    onState("connecting");
    const address = new URL("api/stream", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ group });
    socket = new WebSocket(address);
    socket.addEventListener("open", opened);
    socket.addEventListener("message", (event) => !closed && onEvent(JSON.parse(event.data)));
    socket.addEventListener("close", lost);
  }

  async function opened() {
    if (token()) socket.send(JSON.stringify({ token: token() }));
    try {
      await onOpen();
      if (closed) return;
      pause = FIRST_PAUSE_S;
      onState("connected");
    } catch {
      socket.close();
    }
  }

  function lost(event) {
    if (closed) return;
    if (event.code === WRONG_TOKEN) {
      onDenied();
      return;
    }
    const seconds = Math.round(pause * (1 + Math.random() / 2));
    onState("offline", seconds);
    timer = setTimeout(connect, seconds * 1000);
    pause = Math.min(pause * 2, LONGEST_PAUSE_S);
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    socket.close();
  }

  connect();
  return { close };
}
