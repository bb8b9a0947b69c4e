// Puts the page together: the address says which view is open, the frame around it stays.

import { ApiError } from "./api.js";
import { renderLoading, watchLoading } from "./chat/loading.js";
import { createGroupView } from "./chat/group.js";
import { byId, fillIcons } from "./dom.js";
import { language, setLanguage, t, translatePage } from "./i18n.js";
import { askLogin, loadLogin, renderLogin, startLogin } from "./login.js";
import { createNav } from "./nav.js";
import { currentRoute, groupAddress, go } from "./router.js";
import { chatAdapter, loadSession, session } from "./session.js";
import { closeView, openView, redrawView } from "./views.js";

const RETRY_S = 3;

let connection = ["connecting"];

const group = createGroupView({ onState: showState, onRefused: checkLogin, onDenied: demandLogin });
const nav = createNav(onGroupsRead);

/** Shows what the address names. */
function show() {
  const route = currentRoute();
  closeMenu();
  nav.mark(route);
  const isChat = (route.view === "" && chatAdapter() !== "") || (route.view === "groups" && route.parts.length > 1);
  byId("chat").hidden = !isChat;
  byId("page").hidden = isChat;
  if (isChat) {
    closeView();
    const [adapter, name, message] = route.view === "" ? [chatAdapter(), group.last()] : route.parts;
    if (route.view === "") go(groupAddress(adapter, name), { replace: true });
    else group.open(adapter, name, message);
  } else {
    group.close();
    openView(route, { onError: report, onState: showState });
  }
}

function report(error) {
  if (error instanceof ApiError && error.status === 401) demandLogin();
  else if (!(error instanceof ApiError)) throw error;
}

function onGroupsRead(error) {
  if (error) report(error);
}

function demandLogin() {
  group.close();
  closeView();
  showState("locked");
  askLogin(start);
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
  if (name === "connected") watchLoading(); // perhaps it was started anew
}

function closeMenu() {
  byId("app").classList.remove("menu-open");
  byId("menu").setAttribute("aria-expanded", "false");
}

function translate() {
  translatePage();
  byId("language").textContent = language() === "zh" ? "EN" : "中";
  byId("state-text").textContent = t(connection[0], { seconds: connection[1] });
  showUser();
  nav.render();
  group.render();
  redrawView();
  renderLoading();
  renderLogin();
}

/** What may be done here, where that is not everything. */
function showUser() {
  const { name, role } = session();
  byId("who").hidden = name === "" || role === "admin";
  byId("who").textContent = t(`role.${role}`);
}

async function start() {
  try {
    if (!(await loadLogin())) {
      demandLogin();
      return;
    }
    await loadSession();
  } catch (error) {
    if (error.status === 401) demandLogin();
    else retry();
    return;
  }
  showUser();
  nav.start();
  show();
}

function retry() {
  showState("offline", RETRY_S);
  setTimeout(start, RETRY_S * 1000);
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
  redrawView();
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

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // its address is no view
  (byId("page").hidden ? byId("text") : byId("page")).focus();
});

byId("places").addEventListener("click", (event) => event.target.closest("a") && closeMenu());
byId("chat").addEventListener("click", closeMenu);
byId("page").addEventListener("click", closeMenu);

startLogin({ onChosen: start, onError: report, onLeft: demandLogin });
addEventListener("hashchange", show);

fillIcons();
translate();
start();
