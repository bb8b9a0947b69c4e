// The banner above the chat while the bot can't answer yet: what it does, and how far it is.

import { call } from "../api.js";
import { byId } from "../dom.js";
import { t } from "../i18n.js";

const PAUSE_MS = 1000;

let loading = null; // {stage, done, total}; the stage is empty while nothing is being built
let timer = 0;

/** Asks until the bot has loaded its knowledge. */
export async function watchLoading() {
  clearTimeout(timer);
  try {
    loading = (await call("GET", "healthz")).loading ?? null;
  } catch {
    loading = null; // the state above the chat tells that there is no connection
  }
  renderLoading();
  if (loading !== null) timer = setTimeout(watchLoading, PAUSE_MS);
}

export function renderLoading() {
  byId("loading").hidden = loading === null;
  if (loading === null) return;
  const { stage, done, total } = loading;
  byId("loading-text").textContent = stage ? t("building", { stage: t(`build.${stage}`), done, total }) : t("loading");
  const bar = byId("loading-bar");
  bar.hidden = !stage;
  bar.max = Math.max(total, 1);
  bar.value = done;
}
