// What the gate is to reach, by a slider that says what each choice would have meant last week.

import { call, get, route } from "../api.js";
import { addWords, t } from "../i18n.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { html, useState } from "../vendor/preact.js";
import { number, percent, Problem, useData } from "../ui.js";

addWords({
  "target.title": ["目标", "What it is to reach"],
  "target.text": ["选一个精确率，或每周最多几条不该有的回答。选好会写进 config.yaml（先留备份）、重算阈值并立即生效。", "Choose a precision, or how many unwanted replies a week there may be. The choice is written into config.yaml, after a backup, the gate is fitted to it, and it holds at once."],
  "target.precision": ["精确率", "Precision"],
  "target.budget": ["每周预算", "Weekly budget"],
  "target.precisionValue": ["主动回答里至少 {value} 该答", "at least {value} of what it answers unprompted should be answered"],
  "target.budgetValue": ["每周最多 {value} 条不该有的回答", "at most {value} unwanted replies a week"],
  "target.week": ["近 7 天的 {week} 条主动消息里会放行 {passing} 条（现在 {now} 条）。", "Of {week} unprompted messages in the last 7 days {passing} would have passed (now {now})."],
  "target.point": ["阈值 {threshold}；预计精确率 {precision}（九成把握至少 {least}），召回 {recall}；每周不该有的回答有九成把握不超过 {unwanted} 条。", "Threshold {threshold}; a precision of about {precision} (nine in ten sure: at least {least}), recall {recall}; nine in ten sure: at most {unwanted} unwanted replies a week."],
  "target.unproven": ["现有标注还证明不了这个目标，阈值是估计的。", "The labels don't prove it yet; the threshold is an estimate."],
  "target.moved": ["看看判断会变的消息", "Show the messages that would be decided otherwise"],
  "target.inUse": ["正在使用", "in use"],
  "target.use": ["用这个目标", "Use it"],
  "target.undo": ["撤销", "Undo"],
  "target.done": ["已写入配置并生效。", "Written into the configuration; it holds now."],
});

let undoable = null; // the target before the last change here, also once another view was open

export function Targets({ onDone, onError }) {
  const found = useData(() => get(["gate", "targets"]), [], onError);
  const [kind, setKind] = useState(null);
  const [at, setAt] = useState(null);
  const [before, setBefore] = useState(undoable);
  const [told, setTold] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  if (!found.data) return html`<section class="card"><h2>${t("target.title")}</h2>${found.error ? html`<${Problem} error=${found.error} again=${found.reload} />` : html`<p class="muted" role="status">${t("gate.working")}</p>`}</section>`;
  const { data } = found;
  const used = data.max_unwanted_per_week === null ? "precision" : "budget";
  const inUse = used === "precision" ? data.target_precision : data.max_unwanted_per_week;
  const chosen = kind ?? used;
  const offers = data[chosen];
  const own = offers.findIndex((one) => chosen === used && one.value === inUse);
  const place = Math.min(offers.length - 1, at ?? (own >= 0 ? own : Math.floor(offers.length / 2)));
  const offer = offers[place];
  const current = data[used].find((one) => one.value === inUse);
  const words = (one) => t(`target.${chosen}Value`, { value: chosen === "precision" ? percent(one.value) : number(one.value) });
  const choose = (name) => { setKind(name); setAt(null); };
  async function put(wish, next) {
    setBusy(true);
    setTold(t("gate.working"));
    try {
      const done = await call("PUT", route(["gate", "target"]), wish, { timeout: 300000 });
      undoable = next(done);
      setBefore(undoable);
      setError(null);
      setKind(null);
      setAt(null);
      await found.reload();
      setTold(t("target.done"));
      onDone();
    } catch (failed) {
      setTold("");
      setError(failed);
      onError(failed);
    }
    setBusy(false);
  }
  const use = () => put(chosen === "precision" ? { target_precision: offer.value } : { max_unwanted_per_week: offer.value }, (done) => done.before);
  const undo = () => put(before, () => null);
  const [low, high] = [offer.threshold, current.threshold].sort((a, b) => a - b);
  return html`<section class="card"><h2>${t("target.title")}</h2><p class="lead">${t("target.text")}</p>
    <fieldset class="checks" aria-label=${t("target.title")}>${["precision", "budget"].map((name) => html`<label><input type="radio" name="target" checked=${chosen === name} onChange=${() => choose(name)} /> ${t(`target.${name}`)}</label>`)}</fieldset>
    <label class="slider"><span>${words(offer)}${place === own ? ` · ${t("target.inUse")}` : ""}</span>
      <input type="range" min="0" max=${offers.length - 1} value=${place} aria-valuetext=${words(offer)} onInput=${(event) => setAt(Number(event.target.value))} /></label>
    <p role="status"><strong>${t("target.week", { week: number(data.week), passing: number(offer.passing), now: number(current.passing) })}</strong></p>
    <p class="muted">${t("target.point", { threshold: number(offer.threshold, 3), precision: percent(offer.precision), least: percent(offer.least_precision), recall: percent(offer.recall), unwanted: number(Math.ceil(offer.unwanted)) })} ${!offer.proven && t("target.unproven")}</p>
    ${offer.passing !== current.passing && html`<p><a href=${address(["messages"], { mention: "false", least: low.toFixed(4), most: high.toFixed(4) })}>${t("target.moved")}</a></p>`}
    ${may("admin") && html`<div class="row"><button type="button" class="button main" disabled=${busy || place === own} onClick=${use}>${t("target.use")}</button>
      ${before && html`<button type="button" class="button" disabled=${busy} onClick=${undo}>${t("target.undo")}</button>`}</div>`}
    <p class="told" role="status">${told}</p>
    <${Problem} error=${error} words="changeFailed" /></section>`;
}
