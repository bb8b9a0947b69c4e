// Who is logged in, and what the daemon told of itself at the start.

import { get } from "./api.js";

let me = { name: "", role: "viewer", adapters: [], reasons: {} };

const ROLES = ["viewer", "labeller", "admin"];

export async function loadSession() {
  me = await get(["me"]);
  return me;
}

export const session = () => me;

export const may = (role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role);

/** The adapter whose groups can be written to on this page; "" where there is none. */
export const chatAdapter = () => me.adapters.find((one) => one.kind === "web")?.name ?? "";
