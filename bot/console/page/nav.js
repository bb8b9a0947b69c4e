// The left side: the views, and the groups with the newest messages.

import { get } from "./api.js";
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { address, go, groupAddress } from "./router.js";
import { chatAdapter, may } from "./session.js";
import { VIEWS } from "./views.js";

const SHOWN = 12;
const EVERY_MS = 15000;

/** Nobody counts on from here, and neither does the bot. */
export const unreadText = (n) => (n >= 999 ? "999+" : String(n));

/** `onRead(error)` is told of each look at the groups, with what went wrong. */
export function createNav(onRead) {
  let groups = [];
  let current = { view: "", parts: [] };
  let timer = 0;

  async function read() {
    clearTimeout(timer);
    try {
      const search = byId("find-group").value.trim();
      groups = (await get(["groups"], { limit: SHOWN, search })).groups;
      onRead(null);
    } catch (error) {
      onRead(error);
    }
    render();
    timer = setTimeout(read, EVERY_MS);
  }

  function render() {
    byId("pages").replaceChildren(...VIEWS.filter((one) => may(one.role ?? "viewer")).map(({ name, title }) => {
      const here = current.view === name && (name !== "groups" || current.parts.length < 2);
      return h("li", {}, link(address([name]), here, h("span", {}, t(title))));
    }));
    const open = current.view === "groups" ? current.parts : [];
    const known = groups.some((one) => one.adapter === open[0] && one.group === open[1]);
    const shown = open.length > 1 && !known ? [{ adapter: open[0], group: open[1], title: "", unread: 0 }, ...groups] : groups;
    byId("groups").replaceChildren(...shown.map((one) => groupLink(one, open)));
    byId("add-group").hidden = chatAdapter() === "";
  }

  function groupLink(one, open) {
    const here = one.adapter === open[0] && one.group === open[1];
    const name = h("bdi", {}, one.title || one.group);
    const unread = one.unread > 0 && !here
      ? h("span", { className: "count", title: t("unreadCount", { n: unreadText(one.unread) }) }, unreadText(one.unread))
      : null;
    const where = one.adapter === chatAdapter() ? null : h("span", { className: "platform" }, one.adapter);
    return h("li", {}, link(groupAddress(one.adapter, one.group), here, h("span", { className: "hash", ariaHidden: "true" }, "#"), name, where, unread));
  }

  function link(href, here, ...children) {
    const made = h("a", { href }, ...children);
    if (here) made.setAttribute("aria-current", "page");
    return made;
  }

  byId("find-group").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(read, 200);
  });
  byId("add-group").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = byId("new-group");
    const name = input.value.trim();
    input.value = "";
    if (name) go(groupAddress(chatAdapter(), name));
  });

  return {
    render,
    start: read,
    mark(route) {
      current = route;
      render();
      clearTimeout(timer);
      timer = setTimeout(read, 1000); // what was unread may have been read
    },
  };
}
