// HTTP calls to the bot. A login is a cookie: no token is kept here, or in an address.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT_MS = 15000;

let csrf = ""; // what the session's cookie, which no script can read, is sent with

export function setCsrf(value) {
  csrf = value;
}

/** Sends a request, returns the JSON answer. Throws ApiError; status 0: not reached. */
export async function call(method, path, body, { timeout = TIMEOUT_MS } = {}) {
  const response = await send(method, path, body, timeout);
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, data.error ?? response.statusText);
  return data;
}

async function send(method, path, body, timeout) {
  const headers = {};
  if (csrf) headers["X-CSRF-Token"] = csrf;
  const binary = body instanceof Blob;
  if (body !== undefined && !binary) headers["Content-Type"] = "application/json";
  try {
    const signal = AbortSignal.timeout(timeout);
    return await fetch(path, { method, headers, signal, body: binary ? body : body && JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "");
  }
}

/** The address of one of the console's routes; each part is encoded, empty values are left out. */
export function route(parts, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(wanted).toString();
  return `api/console/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export const get = (parts, query) => call("GET", route(parts, query));

export const post = (parts, body = {}, options) => call("POST", route(parts), body, options);

/** Sends a POST whose answer is lines of JSON, and hands over each as it comes. */
export async function lines(parts, onLine, { timeout }) {
  const response = await send("POST", route(parts), {}, timeout);
  if (!response.ok) {
    const data = await response.json().catch(() => ({}));
    throw new ApiError(response.status, data.error ?? response.statusText);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw new ApiError(0, ""); });
    if (done) return;
    const found = (rest + value).split("\n");
    rest = found.pop();
    found.forEach((line) => onLine(JSON.parse(line)));
  }
}

/** Fetches a file and has the browser save it: a link could not tell what went wrong. */
export async function download(parts, query, name) {
  const response = await send("GET", route(parts, query), undefined, 120000);
  if (!response.ok) throw new ApiError(response.status, response.statusText);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

export const getMessages = async (adapter, group, query) => (await get(["groups", adapter, group, "messages"], query)).messages;

export const getDecision = (adapter, id) => get(["decisions", adapter, id]);

export const postMessage = (message) => call("POST", "api/messages", message);

export const postFeedback = (vote) => call("POST", "api/feedback", vote);

export const recallMessage = (id, group, user) =>
  call("DELETE", `api/messages/${encodeURIComponent(id)}`, { group, user });

/** A fresh message id; crypto.randomUUID is missing where the page is not on https or localhost. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
