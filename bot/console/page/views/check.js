// Walks through what a platform needs, each finding shown as it comes.

import { lines } from "../api.js";
import { addWords, t } from "../i18n.js";
import { html, useState } from "../vendor/preact.js";

addWords({
  "check.begin": ["检查", "Check"],
  "check.busy": ["正在检查…", "Checking…"],
});

const LONGEST_MS = 120000;
const MARKS = { ok: "✓", bad: "✗", note: "·" };

/** {findings, busy, run} of an adapter; `findings` is null until it was checked. */
export function useCheck(name, onError) {
  const [findings, setFindings] = useState(null);
  const [busy, setBusy] = useState(false);
  const add = (finding) => setFindings((before) => [...(before ?? []), finding]);
  async function run() {
    setBusy(true);
    setFindings([]);
    try {
      await lines(["connections", name, "check"], add, { timeout: LONGEST_MS });
    } catch (failed) {
      onError(failed);
      add({ mark: "bad", text: failed.message || t("unreachable") });
    }
    setBusy(false);
  }
  return { findings, busy, run };
}

export function CheckButton({ check, place = "" }) {
  return html`<button type="button" class=${`chip ${place}`} disabled=${check.busy} onClick=${check.run}>${t(check.busy ? "check.busy" : "check.begin")}</button>`;
}

export function Findings({ check }) {
  return check.findings && html`<ul class="plain" role="status" aria-busy=${check.busy}>${check.findings.map((one) => html`<li class=${one.mark}>${MARKS[one.mark]} ${one.text}</li>`)}</ul>`;
}
