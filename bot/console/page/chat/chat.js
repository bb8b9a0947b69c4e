// The list of messages, in the order of their `seq`, with the decision on each below it.

import { byId, h, icon, iconButton } from "../dom.js";
import { decisionLabel } from "./decision.js";
import { language, t } from "../i18n.js";
import { renderMarkdown } from "./markdown.js";
import { avatar } from "./people.js";
import { sources } from "./sources.js";

const NEAR_PX = 120;
const AHEAD_PX = 600;

/** `actions` has reply(row), recall(row), why(id), judge(row, vote), older(), newer() and toEnd();
 * `me()` is the speaker, `mayRecall()` tells whether answers may be taken back. */
export function createChat({ bot, me, mayRecall, actions }) {
  const log = byId("log");
  const list = byId("messages");
  const rows = new Map();
  const items = new Map();
  const drafts = new Map();
  let loading = false; // what is added is no news

  function clear() {
    rows.clear();
    items.clear();
    drafts.clear();
    list.replaceChildren();
    byId("empty").hidden = true;
    byId("to-bottom").hidden = true;
  }

  function add(row) {
    const old = rows.get(row.message_id);
    if (old && JSON.stringify(old) === JSON.stringify({ ...old, ...row })) return;
    const follow = !loading && nearBottom();
    rows.set(row.message_id, { ...old, ...row });
    draw(rows.get(row.message_id));
    if (follow) toBottom();
    else if (!old && !loading) newBelow();
  }

  /** Adds earlier messages without moving what is being read. */
  function keepingPlace(work) {
    const below = log.scrollHeight - log.scrollTop;
    loading = true;
    work();
    loading = false;
    log.scrollTop = log.scrollHeight - below;
  }

  function newBelow() {
    byId("to-bottom").hidden = false;
  }

  function draw(row) {
    const item = build(row);
    const old = items.get(row.message_id);
    items.set(row.message_id, item);
    if (old) old.replaceWith(item);
    else insert(item, row.seq);
  }

  function insert(item, seq) {
    let before = list.lastElementChild;
    while (before && Number(before.dataset.seq) > seq) before = before.previousElementSibling;
    if (before) before.after(item);
    else list.prepend(item);
  }

  function markRecalled(id) {
    const row = rows.get(id);
    if (!row || row.recalled) return;
    add({ ...row, recalled: true, text: "", citations: [] });
    // Replies show what they reply to.
    [...rows.values()].filter((other) => other.reply_to === id && !other.recalled).forEach(draw);
  }

  /** An answer that is being written, below everything else; "" takes it away. */
  function draft(id, text) {
    const follow = nearBottom();
    drafts.get(id)?.remove();
    drafts.delete(id);
    if (!text) return;
    const face = h("img", { className: "avatar", src: "assets/icon.svg", alt: "" });
    const head = h("div", { className: "head" }, h("bdi", { className: "name" }, bot), h("span", { className: "badge" }, t("writing")));
    const body = h("div", { className: "body" }, head, h("div", { className: "text" }, renderMarkdown(text, [])));
    const item = h("li", { className: "message draft", ariaHidden: "true", data: { seq: Number.MAX_SAFE_INTEGER, kind: "answer" } }, face, body);
    drafts.set(id, item);
    list.append(item);
    if (follow) toBottom();
  }

  function dropDrafts() {
    for (const id of [...drafts.keys()]) draft(id, "");
  }

  /** A decision that was just made; false when a later one is shown already. */
  function decided(decision) {
    draft(decision.message_id, "");
    const row = rows.get(decision.message_id);
    if (!row || (row.decision && !decision.outcome)) return false;
    const { outcome, reason, replied, draft: kept } = decision;
    const follow = nearBottom();
    add({ ...row, decision: outcome ? { outcome, reason, replied } : null, ...(kept ? { draft: kept } : {}) });
    if (follow) toBottom();
    return true;
  }

  function chip(row) {
    const { kind, text } = decisionLabel(row.decision);
    const button = h("button", { type: "button", className: "decision-chip", data: { kind } }, h("span", { className: "dot", ariaHidden: "true" }), h("span", {}, text));
    button.addEventListener("click", () => actions.why(row.message_id));
    return button;
  }

  function build(row) {
    const kind = row.user === null ? row.kind : "person";
    const item = h("li", { className: "message", data: { id: row.message_id, seq: row.seq, kind } });
    const name = row.user ?? bot;
    if (row.recalled) {
      item.classList.add("recalled");
      item.append(h("p", {}, row.user === null ? t("answerRecalled") : t("recalledBy", { user: name })));
      return item;
    }
    const face = row.user === null ? h("img", { className: "avatar", src: "assets/icon.svg", alt: "" }) : avatar(name);
    const body = h("div", { className: "body" }, head(row, name), replyQuote(row));
    body.append(h("div", { className: "text" }, attachments(row), renderMarkdown(row.text, row.user === null ? row.citations : null)));
    if (row.citations?.length) body.append(sources(row.citations));
    if (row.user === null && row.kind === "answer") body.append(thumbs(row));
    if (row.user !== null) body.append(h("div", { className: "verdict" }, chip(row)));
    if (row.draft?.kind === "answer") body.append(shadowDraft(row.draft));
    item.append(face, body);
    return item;
  }

  function head(row, name) {
    const at = new Date(row.sent_at * 1000);
    const locale = language() === "zh" ? "zh-CN" : "en-GB";
    const time = h("time", { dateTime: at.toISOString(), title: at.toLocaleString(locale) }, at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" }));
    const badge = row.mention ? h("span", { className: "badge" }, `@${bot}`) : null;
    const tools = h("div", { className: "actions" });
    tools.append(iconButton("reply", t("reply"), () => actions.reply(row)));
    if (row.user === null && row.reply_to) tools.append(iconButton("why", t("why"), () => actions.why(row.reply_to)));
    if (row.user === null ? row.kind === "answer" && mayRecall() : row.user === me()) tools.append(iconButton("recall", t("recall"), () => actions.recall(row)));
    return h("div", { className: "head" }, h("bdi", { className: "name" }, name), time, badge, tools);
  }

  /** What the bot would have posted, had the group not been in shadow mode. */
  function shadowDraft(kept) {
    return h("div", { className: "shadow-draft" }, h("p", { className: "small-title" }, t("draftTitle")), h("div", { className: "text" }, renderMarkdown(kept.text, kept.citations)), sources(kept.citations));
  }

  /** Two buttons; pressing one again takes the vote back. */
  function thumbs(row) {
    const place = h("div", { className: "thumbs" });
    const mine = row.votes?.[me()];
    for (const vote of ["helpful", "unhelpful"]) {
      const button = iconButton(vote, t(vote), async () => {
        const wanted = button.ariaPressed === "true" ? "none" : vote;
        if (!(await actions.judge(row, wanted))) return;
        row.votes = { ...row.votes, [me()]: wanted };
        for (const other of place.children) other.ariaPressed = String(other === button && wanted !== "none");
      });
      button.ariaPressed = String(mine === vote);
      place.append(button);
    }
    return place;
  }

  function replyQuote(row) {
    const target = rows.get(row.reply_to);
    if (!target) return null;
    const text = target.recalled ? t("gone") : target.text.slice(0, 100);
    const button = h("button", { type: "button", className: "reply-quote" }, icon("reply"), h("bdi", {}, target.user ?? bot), h("span", {}, text));
    button.addEventListener("click", () => flash(target.message_id));
    return button;
  }

  function attachments(row) {
    return (row.attachments ?? []).map((kind) => h("span", { className: "badge" }, t("attachment", { kind })));
  }

  function flash(id) {
    const item = items.get(id);
    item?.scrollIntoView({ block: "center" });
    item?.classList.add("flash");
    setTimeout(() => item?.classList.remove("flash"), 1500);
  }

  function redraw() {
    log.setAttribute("aria-busy", "true"); // old messages are no news for a screen reader
    rows.forEach(draw);
    requestAnimationFrame(() => log.removeAttribute("aria-busy"));
  }

  function nearBottom() {
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  }

  function toBottom() {
    log.scrollTop = log.scrollHeight;
    byId("to-bottom").hidden = true;
  }

  function showEmpty() {
    byId("empty").hidden = rows.size > 0;
  }

  byId("to-bottom").addEventListener("click", () => actions.toEnd());
  let following = true;
  log.addEventListener("scroll", () => {
    following = nearBottom();
    if (following) byId("to-bottom").hidden = true;
    if (log.scrollTop < AHEAD_PX) actions.older();
    if (log.scrollHeight - log.scrollTop - log.clientHeight < AHEAD_PX) actions.newer();
  });
  // The log changes its size when the panel opens or the text field grows.
  new ResizeObserver(() => following && toBottom()).observe(log);

  return {
    add,
    clear,
    decided,
    draft,
    dropDrafts,
    flash,
    keepingPlace,
    markRecalled,
    newBelow,
    showEmpty,
    toBottom,
    row: (id) => rows.get(id),
    redraw,
  };
}
