// Why the bot answered or kept silent: a label for each message, and a panel with the trace.

import { byId, h } from "./dom.js";
import { phrase, pick, t } from "./i18n.js";

const SPOKEN = ["repeated", "command"]; // the bot said something, though it was no answer

/** {kind, text} for the label below a message; kind is pending, answered, spoken or silent. */
export function decisionLabel(decision) {
  if (decision.state === "pending") return { kind: "pending", text: t("pending") };
  const answered = decision.outcome === "answer";
  const reason = pick(decision.reason_text, decision.reason);
  if (answered) return { kind: "answered", text: t("answered") };
  if (SPOKEN.includes(decision.reason)) return { kind: "spoken", text: reason };
  return { kind: "silent", text: `${t("silent")} · ${reason}` };
}

export function createPanel() {
  const panel = byId("panel");
  let shown = null; // {decision, row}
  let opener = null;

  function open(decision, row) {
    opener = document.activeElement;
    shown = { decision, row };
    panel.hidden = false;
    byId("app").classList.add("with-panel");
    render();
    byId("panel-title").focus();
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    shown = null;
    byId("app").classList.remove("with-panel");
    if (opener?.isConnected) opener.focus();
  }

  function render() {
    if (shown) byId("panel-body").replaceChildren(...content(shown.decision, shown.row));
  }

  /** Draws a decision that has changed, if it is the one that is shown. */
  function update(decision) {
    if (shown?.decision.message_id !== decision.message_id) return;
    shown = { ...shown, decision };
    render();
  }

  byId("panel-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  return { open, close, render, update };
}

function content(decision, row) {
  const { kind } = decisionLabel(decision);
  const pending = kind === "pending";
  const word = pending ? t("pending") : t(kind);
  const reason = pending ? t("pendingText") : pick(decision.reason_text, decision.reason);
  const question = row && !row.recalled ? h("blockquote", {}, h("bdi", {}, row.user), h("p", {}, row.text)) : null;
  const outcome = h("p", { className: "outcome", data: { kind } }, h("span", { className: "dot", ariaHidden: "true" }), h("strong", {}, word));
  const why = h("p", { className: "reason" }, reason, " ", pending ? null : h("code", {}, decision.reason));
  const trace = decision.trace ?? [];
  return [question, outcome, why, gateMeter(trace), ...stages(trace, pending)].filter(Boolean);
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

function stages(trace, pending) {
  const title = h("h3", {}, t("stages"));
  if (trace.length === 0) return pending ? [] : [title, h("p", { className: "muted" }, t("noTrace"))];
  const total = trace.reduce((sum, one) => sum + (Number(one.ms) || 0), 0);
  const entries = trace.map((one) => stage(one, total));
  return [title, h("ol", { className: "stages" }, entries), h("p", { className: "muted total" }, t("total", { ms: number(total) }))];
}

function stage({ stage: name, ms, ...figures }, total) {
  const bar = h("div", { className: "bar-ms", ariaHidden: "true" }, h("div"));
  bar.firstChild.style.width = `${total > 0 ? (100 * (Number(ms) || 0)) / total : 0}%`;
  const title = phrase(`stage.${name}`) ?? String(name);
  const head = h("div", { className: "stage-head" }, h("strong", {}, title), h("span", { className: "ms" }, `${number(Number(ms) || 0)} ms`));
  const list = h("dl", {}, Object.entries(figures).map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, figure(value)))));
  return h("li", {}, head, bar, list);
}

function figure(value) {
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (value === null) return "–";
  if (typeof value === "string") return value.slice(0, 500);
  return h("code", {}, JSON.stringify(value).slice(0, 500));
}

function number(value) {
  return String(Math.round(value * 1000) / 1000);
}
