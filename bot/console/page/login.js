// Who is logged in: the dialog for it, the choice of the first start, and logging out.

import { call, setCsrf } from "./api.js";
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

const SHORTEST = 10; // as the bot demands

let state = { user: null, role: null, csrf: "", access: "new" };

/** Asks who is logged in; true where nobody has to be, or somebody is. Throws ApiError. */
export async function loadLogin() {
  take(await call("GET", "api/session"));
  return state.access !== "login" || state.user !== null;
}

function take(found) {
  state = found;
  setCsrf(found.csrf);
  renderLogin();
}

/** Opens the dialog; `entered` is called once somebody is logged in. */
export function askLogin(entered) {
  const dialog = byId("login-dialog");
  if (dialog.open) return;
  byId("login-error").hidden = true;
  byId("login-form").onsubmit = async (event) => {
    event.preventDefault();
    const [name, secret] = [byId("login-name").value.trim(), byId("login-secret").value];
    try {
      take(await call("POST", "api/login", name ? { name, password: secret } : { token: secret }));
    } catch (error) {
      byId("login-error").hidden = false;
      byId("login-error").textContent = error.status === 401 ? t("loginWrong") : error.message || t("unreachable");
      return;
    }
    byId("login-secret").value = "";
    dialog.close();
    entered();
  };
  dialog.showModal();
}

/** The banner of a bot without logins, and the button to log out. */
export function renderLogin() {
  byId("log-out").hidden = state.access !== "login" || state.user === null;
  byId("log-out").textContent = t("logOut", { user: state.user });
  byId("change-password").hidden = byId("log-out").hidden;
  byId("no-login").hidden = state.access === "login";
  byId("no-login-text").textContent = t(state.access === "open" ? "noLoginOpen" : "noLoginNew");
  byId("go-on").hidden = state.access !== "new";
}

async function choose(choice, { onChosen, onError }) {
  try {
    const { password, ...found } = await call("POST", "api/setup", { choice });
    take(found);
    onChosen();
    if (password) showPassword(found.user, password);
  } catch (error) {
    onError(error);
  }
}

/** The password until now, and a new one, which ends one's other sessions. */
function askPassword() {
  const field = (name, complete) => h("input", { type: "password", required: true, maxLength: 500, autocomplete: complete, aria: { label: t(name) }, placeholder: t(name) });
  const [old, fresh] = [field("passwordOld", "current-password"), field("passwordNew", "new-password")];
  fresh.minLength = SHORTEST;
  const error = h("p", { className: "error", role: "alert", hidden: true });
  const cancel = h("button", { type: "button", className: "button" }, t("cancel"));
  const form = h("form", {}, h("h2", { id: "own-password-title" }, t("changePassword")), h("p", {}, t("passwordRules", { n: SHORTEST })), old, fresh, error,
    h("div", { className: "row" }, h("button", { type: "submit", className: "send" }, t("save")), cancel));
  const dialog = h("dialog", { id: "own-password", aria: { labelledby: "own-password-title" } }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      take(await call("POST", "api/password", { old: old.value, new: fresh.value }));
      dialog.close();
    } catch (failed) {
      error.hidden = false;
      error.textContent = failed.status === 403 ? t("passwordWrong") : failed.message || t("unreachable");
    }
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Shown this once: the bot itself keeps no more than its hash. */
function showPassword(user, password) {
  const close = h("button", { type: "submit", className: "send" }, t("noted"));
  const dialog = h("dialog", { id: "password-dialog", aria: { labelledby: "password-title" } },
    h("form", { method: "dialog" },
      h("h2", { id: "password-title" }, t("passwordTitle")),
      h("p", {}, t("passwordText", { user })),
      h("code", { id: "password-made", className: "secret" }, password),
      close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** `onError(error)` is told what went wrong; `onChosen` is called after the choice of the first
    start, `onLeft` after logging out. */
export function startLogin({ onChosen, onError, onLeft }) {
  byId("make-admin").addEventListener("click", () => choose("admin", { onChosen, onError }));
  byId("go-on").addEventListener("click", () => choose("open", { onChosen, onError }));
  byId("change-password").addEventListener("click", askPassword);
  byId("log-out").addEventListener("click", async () => {
    try {
      take(await call("POST", "api/logout"));
      onLeft();
    } catch (error) {
      onError(error);
    }
  });
}
