// HTTP calls to the bot. A login is a cookie: no token is kept here, or in an address.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let csrf = ""; // what the session's cookie, which no script can read, is sent with

export function setCsrf(value) {
  csrf = value;
}

/** Sends a request, returns the JSON answer. Throws ApiError; status 0: not reached. */
export async function call(method, path, body) {
  const headers = {};
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    const signal = AbortSignal.timeout(15000);
    response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "");
  }
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, data.error ?? response.statusText);
  return data;
}

export const getMessages = async (group, query) => {
  const path = `api/groups/${encodeURIComponent(group)}/messages?${new URLSearchParams(query)}`;
  return (await call("GET", path)).messages;
};

export const getDecision = (id) => call("GET", `api/decisions/${encodeURIComponent(id)}`);

export const postMessage = (message) => call("POST", "api/messages", message);

export const postFeedback = (vote) => call("POST", "api/feedback", vote);

export const recallMessage = (id, group, user) =>
  call("DELETE", `api/messages/${encodeURIComponent(id)}`, { group, user });

/** A fresh message id; crypto.randomUUID is missing where the page is not on https or localhost. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
