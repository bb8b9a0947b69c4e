// The live stream of one group; reconnects with growing pauses until closed.

const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 20;

/** Calls onOpen (a promise: the catch-up) on each connection, onEvent and onState. A connection that
    could not be made may want a login, which a browser doesn't tell: onRefused finds out. */
export function openStream(group, { onOpen, onEvent, onState, onRefused }) {
  let socket = null;
  let timer = 0;
  let pause = FIRST_PAUSE_S;
  let closed = false;
  let wasOpen = false;

  function connect() {
    wasOpen = false;
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
    wasOpen = true;
    try {
      await onOpen();
      if (closed) return;
      pause = FIRST_PAUSE_S;
      onState("connected");
    } catch {
      socket.close();
    }
  }

  function lost() {
    if (closed) return;
    if (!wasOpen) onRefused();
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

const POLL_MS = 4000;

/** The same for a group without a stream: looks again and again. */
export function openPoll(look, { onOpen, onState, onRefused }) {
  let timer = 0;
  let closed = false;
  let opened = false;

  async function next() {
    try {
      await (opened ? look() : onOpen());
      opened = true;
      if (!closed) onState("connected");
    } catch (error) {
      if (closed) return;
      if (error.status === 401) onRefused();
      onState("offline", POLL_MS / 1000);
    }
    if (!closed) timer = setTimeout(next, POLL_MS);
  }

  onState("connecting");
  next();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
