// Puts the page together: one group is open at a time, its stream feeds the list of messages.

import { ApiError, getDecision, getMessages, newId, postFeedback, postMessage, recallMessage } from "./api.js";
import { createChat } from "./chat.js";
import { createComposer, showError } from "./composer.js";
import { createPanel } from "./decision.js";
import { byId, fillIcons } from "./dom.js";
import { language, setLanguage, t, translatePage } from "./i18n.js";
import { renderLoading, watchLoading } from "./loading.js";
import { askLogin, loadLogin, renderLogin, startLogin } from "./login.js";
import { createGroups, createPeople } from "./places.js";
import { openStream } from "./stream.js";

const PAGE = 200;
const MAX_DECISION_CALLS = 4;

const { bot, prefix } = document.documentElement.dataset;
const wanted = []; // decisions to ask for
let asking = 0;
let stream = null;
let newest = null; // highest seq shown of the open group
let connection = ["connecting"];

const people = createPeople(() => chat.redraw());
const groups = createGroups(openGroup);
const panel = createPanel();
const chat = createChat({
  bot,
  me: people.current,
  actions: { reply, recall, why, judge, decisionWanted },
});
const composer = createComposer({
  bot,
  prefix,
  where: () => ({ group: groups.current(), user: people.current() }),
  onError: report,
  onSent: () => chat.toBottom(),
});

function openGroup(group) {
  stream?.close();
  newest = null;
  wanted.length = 0;
  chat.clear();
  panel.close();
  closeMenu();
  stream = openStream(group, {
    onOpen: () => catchUp(group),
    onEvent: take,
    onState: showState,
    onRefused: checkLogin,
  });
}

/** Reads what was missed; on the first time the newest messages. */
async function catchUp(group) {
  byId("log").setAttribute("aria-busy", "true");
  try {
    let rows = [];
    do {
      const query = newest === null ? { limit: PAGE } : { after: newest, limit: PAGE };
      rows = await getMessages(group, query);
      if (group !== groups.current()) return;
      const first = newest === null;
      rows.forEach(takeMessage);
      if (first) {
        chat.toBottom();
        return;
      }
    } while (rows.length === PAGE);
    await refresh(group);
  } catch (error) {
    report(error);
    throw error;
  } finally {
    byId("log").removeAttribute("aria-busy");
  }
}

/** After a break: which of the messages shown were recalled, what became of the undecided. */
async function refresh(group) {
  chat.dropDrafts(); // what became of them may have been missed
  const rows = await getMessages(group, { limit: PAGE });
  if (group !== groups.current()) return;
  rows.filter((row) => row.recalled).forEach((row) => chat.markRecalled(row.message_id));
  chat.undecided().forEach((one) => decisionWanted(one.message_id));
}

function take(event) {
  if (event.type === "message") takeMessage(event);
  else if (event.type === "recall") chat.markRecalled(event.message_id);
  else if (event.type === "decision") takeDecision(event);
  else if (event.type === "draft") chat.draft(event.message_id, event.text);
}

function takeMessage(row) {
  newest = Math.max(newest ?? 0, row.seq);
  chat.add(row);
}

function takeDecision(decision) {
  const known = chat.decision(decision.message_id);
  if (decision.state === "pending" && known && known.state !== "pending") return; // came late
  chat.decide(decision);
  panel.update(decision);
}

function decisionWanted(id) {
  wanted.push(id);
  askDecisions();
}

async function askDecisions() {
  while (asking < MAX_DECISION_CALLS && wanted.length > 0) {
    const id = wanted.shift();
    asking += 1;
    getDecision(id)
      .then((decision) => chat.row(id) && takeDecision(decision))
      .catch((error) => error.status !== 404 && report(error))
      .finally(() => {
        asking -= 1;
        askDecisions();
      });
  }
}

function reply(row) {
  composer.setReply({ id: row.message_id, user: row.user, text: row.text });
}

async function recall(row) {
  const [group, user] = [groups.current(), people.current()];
  try {
    if (row.user !== null) await recallMessage(row.message_id, group, user);
    else await postMessage({ group, user, text: `${prefix} recall`, reply_to: row.message_id, message_id: newId() });
  } catch (error) {
    report(error);
  }
}

/** Tells what this person thinks of an answer; true when the bot took note. */
async function judge(row, vote) {
  try {
    await postFeedback({ group: groups.current(), user: people.current(), message_id: row.message_id, vote });
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

async function why(id) {
  try {
    const decision = chat.decision(id) ?? (await getDecision(id));
    panel.open(decision, chat.row(id));
  } catch (error) {
    report(error);
  }
}

function report(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401) demandLogin();
  else showError(t("failed", { message: error.message || t("unreachable") }));
}

function demandLogin() {
  stream?.close();
  showState("locked");
  askLogin(groups.start);
}

/** Asks for a login where one is needed; true where the page may go on. */
async function checkLogin() {
  try {
    const entered = await loadLogin();
    if (!entered) demandLogin();
    return entered;
  } catch {
    return true; // the connection's state tells what is wrong, and it is tried again
  }
}

function showState(name, seconds) {
  connection = [name, seconds];
  byId("state").dataset.state = name;
  byId("state-text").textContent = t(name, { seconds });
  if (name !== "connected") return;
  showError(null);
  watchLoading(); // perhaps it was started anew
}

function closeMenu() {
  byId("app").classList.remove("menu-open");
  byId("menu").setAttribute("aria-expanded", "false");
}

function translate() {
  translatePage();
  byId("language").textContent = language() === "zh" ? "EN" : "中";
  people.render();
  composer.render();
  chat.redraw();
  panel.render();
  byId("state-text").textContent = t(connection[0], { seconds: connection[1] });
  renderLoading();
  renderLogin();
}

byId("language").addEventListener("click", () => {
  setLanguage(language() === "zh" ? "en" : "zh");
  translate();
});

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("dou.theme", root.dataset.theme);
  } catch {
    // it lasts as long as the page
  }
});

byId("menu").addEventListener("click", () => {
  const open = byId("app").classList.toggle("menu-open");
  byId("menu").setAttribute("aria-expanded", String(open));
});

byId("chat").addEventListener("click", closeMenu);

startLogin({ onError: report, onLeft: demandLogin });
fillIcons();
translate();
checkLogin().then((entered) => entered && groups.start());
