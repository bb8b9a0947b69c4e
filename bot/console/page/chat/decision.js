// Why the bot answered or kept silent: a label for each message, and a panel that says it in words.

import { byId, h } from "../dom.js";
import { language, pick, t } from "../i18n.js";
import { may, session } from "../session.js";
import { place } from "./sources.js";

/** {kind, text} for the label below a message; kind is pending, answered, drafted, spoken or silent. */
export function decisionLabel(decision) {
  if (!decision?.reason) return { kind: "pending", text: t("pending") };
  const reason = reasonText(decision.reason);
  if (decision.outcome === "answer") return { kind: "answered", text: t("answered") };
  if (decision.reason === "shadow") return { kind: "drafted", text: t("drafted") };
  if (decision.replied) return { kind: "spoken", text: reason };
  return { kind: "silent", text: `${t("silent")} · ${reason}` };
}

export const reasonText = (reason) => pick(session().reasons[reason], reason);

/** `onLabel(decision, value)` records a label and tells whether that went well. */
export function createPanel({ onLabel }) {
  const panel = byId("panel");
  let shown = null; // {decision, row}
  let opener = null;

  function open(decision, row) {
    if (panel.hidden) opener = document.activeElement;
    const again = shown?.decision.message_id === decision.message_id;
    shown = { decision, row };
    panel.hidden = false;
    byId("app").classList.add("with-panel");
    render();
    if (!again) byId("panel-title").focus();
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    shown = null;
    byId("app").classList.remove("with-panel");
    if (opener?.isConnected) opener.focus();
    else document.querySelector(`.message[data-id="${CSS.escape(opener?.closest(".message")?.dataset.id ?? "")}"] .decision-chip`)?.focus();
  }

  function render() {
    if (shown) byId("panel-body").replaceChildren(...content(shown.decision, shown.row, onLabel));
  }

  byId("panel-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  return { open, close, render, shows: (id) => shown?.decision.message_id === id };
}

function content(decision, row, onLabel) {
  const { kind } = decisionLabel(decision);
  const pending = kind === "pending";
  const question = row && !row.recalled ? h("blockquote", {}, h("bdi", {}, row.user), h("p", {}, row.text)) : null;
  const outcome = h("p", { className: "outcome", data: { kind } }, h("span", { className: "dot", ariaHidden: "true" }), h("strong", {}, t(kind)));
  const why = h("p", { className: "reason", data: { reason: decision.reason ?? "" } }, pending ? t("pendingText") : reasonText(decision.reason));
  return [question, outcome, why, labels(decision, onLabel, pending), ...verdict(decision)].filter(Boolean);
}

/** The part of a decision that the list of messages shows, too: the gate's meter and the stages. */
export function verdict(decision) {
  return [gateMeter(decision.trace ?? []), ...stages(decision), hits(decision.trace ?? [])].filter(Boolean);
}

function labels(decision, onLabel, pending) {
  if (pending || !may("labeller")) return null;
  const buttons = [["good", "labelGood"], ["bad", "labelBad"]].map(([value, name]) => {
    const button = h("button", { type: "button", className: "chip", ariaPressed: "false" }, t(name));
    button.addEventListener("click", async () => {
      if (!(await onLabel(decision, value))) return;
      for (const other of buttons) other.ariaPressed = String(other === button);
    });
    return button;
  });
  return h("div", { className: "label-buttons" }, h("span", {}, t("labelAsk")), ...buttons);
}

function gateMeter(trace) {
  const gate = trace.find((one) => Number.isFinite(one.score) && Number.isFinite(one.threshold));
  if (!gate) return null;
  const low = Math.min(0, gate.score, gate.threshold);
  const high = Math.max(1, gate.score, gate.threshold);
  const share = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const score = t("score", { value: number(gate.score) });
  const threshold = t("threshold", { value: number(gate.threshold) });
  const fill = h("div", { className: "fill" });
  fill.style.width = share(gate.score);
  const mark = h("div", { className: "mark" });
  mark.style.insetInlineStart = share(gate.threshold);
  const track = h("div", { className: "track", role: "img", aria: { label: `${score}, ${threshold}` } }, fill, mark);
  track.dataset.passed = String(gate.score >= gate.threshold);
  return h("section", { className: "gate" }, h("h3", {}, t("gate")), track, h("p", { className: "figures" }, h("span", {}, score), h("span", {}, threshold)));
}

function stages(decision) {
  const told = decision.words?.[language()] ?? [];
  if (told.length === 0) return decision.reason ? [h("p", { className: "muted" }, t("noTrace"))] : [];
  const total = told.reduce((sum, one) => sum + one.ms, 0);
  const entries = told.map((one) => {
    const bar = h("div", { className: "bar-ms", ariaHidden: "true" }, h("div"));
    bar.firstChild.style.width = `${total > 0 ? (100 * one.ms) / total : 0}%`;
    const head = h("div", { className: "stage-head" }, h("strong", {}, one.title), h("span", { className: "ms" }, t("ms", { ms: number(one.ms) })));
    return h("li", {}, head, bar, ...one.lines.map((line) => h("p", {}, line)));
  });
  return [h("h3", {}, t("stages")), h("ol", { className: "stages" }, entries), h("p", { className: "muted total" }, t("total", { ms: number(total) }))];
}

function hits(trace) {
  const found = trace.find((one) => one.hits?.length)?.hits;
  if (!found) return null;
  const entries = found.slice(0, 5).map((hit) => h("li", {}, h("span", {}, place(hit)), h("span", { className: "ms" }, number(hit.score))));
  return h("section", { className: "hits" }, h("h3", {}, t("nearestPieces")), h("ol", {}, entries));
}

function number(value) {
  return String(Math.round(value * 100) / 100);
}
