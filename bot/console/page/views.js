// The views beside the chat, by the first part of their address. Each is a module of its own, which
// is fetched when it is opened first.

import { html, render } from "./vendor/preact.js";
import { byId } from "./dom.js";
import { addWords, t } from "./i18n.js";

addWords({
  "view.overview": ["总览", "Overview"],
  "view.groups": ["群", "Groups"],
  "view.messages": ["消息", "Messages"],
  "view.gate": ["门控", "Gate"],
  "view.shadow": ["旁听与回放", "Shadow and replay"],
  "view.gaps": ["缺口", "Gaps"],
  "view.knowledge": ["知识库", "Knowledge"],
  "view.connections": ["连接", "Connections"],
  "view.logs": ["审计与日志", "Audit and log"],
  "view.missing": ["没有这个页面", "There is no such page"],
});

/** In the order in which they are listed; `role` is who sees it, everybody where there is none. */
export const VIEWS = [
  { name: "overview", title: "view.overview" },
  { name: "groups", title: "view.groups" },
  { name: "messages", title: "view.messages" },
  { name: "gate", title: "view.gate" },
  { name: "shadow", title: "view.shadow" },
  { name: "gaps", title: "view.gaps" },
  { name: "knowledge", title: "view.knowledge" },
  { name: "connections", title: "view.connections" },
  { name: "logs", title: "view.logs", role: "admin" },
];

let shown = null; // {route, View, tools}
let opening = 0; // a module may come after that of a view which was opened later

export async function openView(route, tools) {
  opening += 1;
  const own = opening;
  const known = VIEWS.find((one) => one.name === route.view);
  byId("title").textContent = t(known?.title ?? "view.missing");
  document.title = `${t(known?.title ?? "view.missing")} · HuixiangDou`;
  const module = known ? await import(`./views/${known.name}.js`) : { default: Missing };
  if (own !== opening) return;
  shown = { route, View: module.default, tools };
  tools.onState("connected");
  draw();
  byId("page").scrollTop = 0;
}

export function closeView() {
  opening += 1;
  if (shown === null) return;
  shown = null;
  render(null, byId("page"));
}

/** Draws the open view anew, in another language or theme. */
export function redrawView() {
  if (shown === null) return;
  const known = VIEWS.find((one) => one.name === shown.route.view);
  byId("title").textContent = t(known?.title ?? "view.missing");
  render(null, byId("page"));
  draw();
}

function draw() {
  const { route, View, tools } = shown;
  render(html`<${View} route=${route} onError=${tools.onError} />`, byId("page"));
}

function Missing() {
  return html`<p class="nothing">${t("view.missing")}</p>`;
}
