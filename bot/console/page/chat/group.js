// One group: its messages with what was decided, live, lazily in both directions, and where the
// group is one of this page the field to write.

import { ApiError, getDecision, getMessages, postFeedback, post, recallMessage } from "../api.js";
import { byId, h, load, save } from "../dom.js";
import { t } from "../i18n.js";
import { address } from "../router.js";
import { chatAdapter, may } from "../session.js";
import { createChat } from "./chat.js";
import { createComposer, showError } from "./composer.js";
import { createPanel } from "./decision.js";
import { createPeople } from "./people.js";
import { openPoll, openStream } from "./stream.js";

const PAGE = 50;
const FIRST_GROUP = "lobby";

export function createGroupView({ onState, onRefused, onDenied }) {
  const { bot, prefix } = document.documentElement.dataset;
  const people = createPeople(() => chat.redraw());
  const panel = createPanel({ onLabel: label });
  const chat = createChat({
    bot,
    me: people.current,
    mayRecall: () => may("labeller"),
    actions: { reply, recall, why, judge, older, newer, toEnd },
  });
  const composer = createComposer({
    bot,
    prefix,
    where: () => ({ group, user: people.current() }),
    onError: report,
    onSent: () => toEnd(),
  });

  let adapter = "";
  let group = "";
  let feed = null; // the stream, or the poll of a group that has none
  let oldest = null; // lowest and highest `seq` shown
  let newest = null;
  let whole = false; // nothing is older than what is shown
  let atEnd = true; // nothing is newer, as far as is known
  let reading = false;

  function open(wantedAdapter, wantedGroup, message) {
    if (wantedAdapter === adapter && wantedGroup === group && feed && !message) return;
    close();
    [adapter, group] = [wantedAdapter, wantedGroup];
    if (adapter === chatAdapter()) save("dou.group", group);
    clear();
    render();
    const handlers = { onOpen: () => catchUp(message), onEvent: take, onState: state, onRefused };
    feed = adapter === chatAdapter() ? openStream(group, handlers) : openPoll(poll, handlers);
  }

  function close() {
    feed?.close();
    feed = null;
    panel.close();
    [adapter, group] = ["", ""];
  }

  function clear() {
    [oldest, newest, whole, atEnd] = [null, null, false, true];
    chat.clear();
  }

  function state(name, seconds) {
    if (name === "connected") showError(null);
    onState(name, seconds);
  }

  /** What was missed while there was no connection; at first the newest, or what is around a message. */
  async function catchUp(message) {
    const first = newest === null;
    await quietly(async (here) => {
      if (first) {
        const rows = await getMessages(adapter, group, message ? { around: message, limit: PAGE } : { limit: PAGE });
        if (!here()) return;
        take_(rows);
        whole = !message && rows.length < PAGE;
        atEnd = !message;
        if (message) chat.flash(message);
        else chat.toBottom();
        if (message) await newer();
      } else if (atEnd) {
        await more(here);
        chat.dropDrafts(); // what became of them may have been missed
        const rows = await getMessages(adapter, group, { limit: PAGE });
        if (here()) take_(rows.filter((row) => row.seq >= oldest));
      }
    });
    seen();
  }

  async function more(here) {
    let rows;
    do {
      rows = await getMessages(adapter, group, { after: newest ?? 0, limit: PAGE });
      if (!here()) return;
      take_(rows);
    } while (rows.length === PAGE);
  }

  /** Reads without a screen reader taking it for news; what went wrong is shown, and thrown. */
  async function quietly(work) {
    const place = `${adapter}/${group}`;
    byId("log").setAttribute("aria-busy", "true");
    try {
      await work(() => place === `${adapter}/${group}`);
    } catch (error) {
      report(error);
      throw error;
    } finally {
      byId("log").removeAttribute("aria-busy");
    }
  }

  async function older() {
    if (whole || reading || oldest === null) return;
    reading = true;
    try {
      await quietly(async (here) => {
        const rows = await getMessages(adapter, group, { before: oldest, limit: PAGE });
        if (!here()) return;
        whole = rows.length < PAGE;
        chat.keepingPlace(() => take_(rows));
      });
    } catch {
      // said already; the next scroll tries again
    } finally {
      reading = false;
    }
  }

  async function newer() {
    if (atEnd || reading || newest === null) return;
    reading = true;
    try {
      const rows = await getMessages(adapter, group, { after: newest, limit: PAGE });
      take_(rows);
      atEnd = rows.length < PAGE;
    } catch (error) {
      report(error);
    } finally {
      reading = false;
    }
  }

  /** To the newest message; where there is a gap up to it, what is shown is read anew. */
  async function toEnd() {
    if (!atEnd) {
      clear();
      await catchUp().catch(() => {}); // said already
    }
    chat.toBottom();
  }

  async function poll() {
    if (atEnd && newest !== null) {
      const rows = await getMessages(adapter, group, { limit: PAGE });
      take_(rows.filter((row) => row.seq >= oldest));
    }
  }

  function take(event) {
    if (event.type === "message") {
      if (atEnd) take_([event]);
      else chat.newBelow();
    } else if (event.type === "recall") chat.markRecalled(event.message_id);
    else if (event.type === "decision") decided(event);
    else if (event.type === "draft") chat.draft(event.message_id, event.text);
  }

  function take_(rows) {
    for (const row of rows) {
      oldest = Math.min(oldest ?? row.seq, row.seq);
      newest = Math.max(newest ?? row.seq, row.seq);
      chat.add(row);
    }
    chat.showEmpty();
    if (rows.length) seen();
  }

  /** The bot's messages up to here have been read; one call for several at once. */
  let seenTimer = 0;
  function seen() {
    clearTimeout(seenTimer);
    if (newest === null || document.hidden) return;
    const [place, seq] = [[adapter, group], newest];
    seenTimer = setTimeout(() => post(["groups", ...place, "seen"], { seq }).catch(() => {}), 500);
  }

  function decided(decision) {
    if (!chat.decided(decision)) return; // came late
    if (panel.shows(decision.message_id)) why(decision.message_id);
  }

  function reply(row) {
    composer.setReply({ id: row.message_id, user: row.user, text: row.text });
  }

  async function recall(row) {
    try {
      if (row.user === null) await post(["replies", adapter, row.message_id, "recall"]);
      else await recallMessage(row.message_id, group, people.current());
      chat.markRecalled(row.message_id);
    } catch (error) {
      report(error);
    }
  }

  /** Tells what this person thinks of an answer; true when the bot took note. */
  async function judge(row, vote) {
    try {
      await postFeedback({ group, user: people.current(), message_id: row.message_id, vote });
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  async function why(id) {
    try {
      panel.open(await getDecision(adapter, id), chat.row(id));
    } catch (error) {
      report(error);
    }
  }

  async function label(decision, value) {
    try {
      await post(["labels"], { labels: [{ adapter, message_id: decision.message_id, label: value }] });
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  function report(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) onDenied();
    else showError(t("failed", { message: error.message || t("unreachable") }));
  }

  function render() {
    const mine = adapter === chatAdapter();
    byId("composer").classList.toggle("reading", !mine);
    for (const part of byId("composer").querySelectorAll(".speakers, .write")) part.hidden = !mine;
    byId("title").textContent = adapter ? group : byId("title").textContent;
    if (adapter) document.title = `${group} · HuixiangDou`;
    byId("chat-bar").replaceChildren(
      ...(mine ? [] : [h("span", {}, t("noWriting", { adapter }))]),
      h("a", { href: address(["messages"], { group: `${adapter}:${group}` }) }, t("allMessages")),
      h("a", { href: address(["groups"], { open: `${adapter}:${group}` }) }, t("settings")),
    );
    people.render();
    composer.render();
    chat.redraw();
    panel.render();
  }

  return { open, close, render, last: () => load("dou.group", FIRST_GROUP) };
}
