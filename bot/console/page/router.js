// The address of what is shown, behind the `#`: "#/groups/web/lobby", "#/messages?mark=unlabelled".
// It can be shared, and the browser's back and forward work.

/** {view, parts, query} of the current address; an address of before, "#lobby", is that group. */
export function currentRoute() {
  const text = location.hash.slice(1);
  if (text && !text.startsWith("/")) return { view: "groups", parts: ["web", decoded(text)], query: new URLSearchParams() };
  const [path, query = ""] = text.split("?", 2);
  const [view, ...parts] = path.split("/").filter(Boolean).map(decoded);
  return { view: view ?? "", parts, query: new URLSearchParams(query) };
}

/** The address of a view; `query` may hold empty values, which are left out. */
export function address(parts, query = {}) {
  const path = parts.map(encodeURIComponent).join("/");
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(wanted).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

export const groupAddress = (adapter, group, message) => address(["groups", adapter, group, ...(message ? [message] : [])]);

/** Opens an address; with `replace` it takes the place of the current one in the history. */
export function go(to, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", to);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = to;
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
