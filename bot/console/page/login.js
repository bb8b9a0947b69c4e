// Who is logged in: the dialog for it, the choice of the first start, and logging out.

import { call, setCsrf } from "./api.js";
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

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
  byId("log-out").addEventListener("click", async () => {
    try {
      take(await call("POST", "api/logout"));
      onLeft();
    } catch (error) {
      onError(error);
    }
  });
}
