// The gate: what it promises, how good it is, what it learned from; refit, undo, and what another
// operating point would mean.

import { get, post } from "../api.js";
import { Chart } from "../chart.js";
import { place } from "../chat/sources.js";
import { addWords, language, t } from "../i18n.js";
import { address, groupAddress } from "../router.js";
import { may } from "../session.js";
import { html, useState } from "../vendor/preact.js";
import { Choice, dateTime, ListEnd, number, percent, Problem, useData, useList } from "../ui.js";
import { Targets } from "./targets.js";

addWords({
  "gate.promise": ["承诺", "The promise"],
  "gate.week": ["近 7 天有 {questions} 条主动消息，按现在的阈值会放行 {passing} 条。", "Of {questions} unprompted messages in the last 7 days {passing} pass today's threshold."],
  "gate.learn": ["学习", "Learning"],
  "gate.waiting": ["{n} 条新标注还没有学进去。", "New labels that have not been taken up yet: {n}."],
  "gate.toLabel": ["去标注最没把握的消息", "Label the most uncertain messages"],
  "gate.preview": ["看看会改变什么", "Show what they would change"],
  "gate.refit": ["重训", "Refit"],
  "gate.undo": ["撤销上次重训", "Undo the last refit"],
  "gate.working": ["正在计算，要几秒…", "Working, this takes seconds…"],
  "gate.taken": ["已采用：精确率从 {before} 到 {after}。", "Taken: precision from {before} to {after}."],
  "gate.left": ["没有采用：精确率会从 {before} 变成 {after}。", "Not taken: precision would go from {before} to {after}."],
  "gate.unchanged": ["没有新的标注可学。", "There are no new labels to learn from."],
  "gate.undone": ["已撤销，{aside} 条标注搁置。", "Undone; {aside} labels are set aside."],
  "gate.wouldTake": ["会采用：精确率从 {before} 到 {after}。", "It would be taken: precision from {before} to {after}."],
  "gate.wouldLeave": ["不会采用：精确率会从 {before} 变成 {after}。", "It would not be taken: precision would go from {before} to {after}."],
  "gate.changes": ["最近 {looked} 条里，{n} 条的判断会变：", "Of the newest {looked} messages {n} would be decided otherwise:"],
  "gate.passes": ["会放行", "would pass"],
  "gate.stopped": ["会拦下", "would be kept out"],
  "gate.refits": ["重训记录", "Refits"],
  "gate.refitTaken": ["采用", "taken"],
  "gate.refitLeft": ["没有采用", "not taken"],
  "gate.refitUndone": ["已撤销", "undone"],
  "gate.curve": ["精确率与召回率", "Precision and recall"],
  "gate.curveText": ["每个点是一个可能的阈值。实线是标注上的精确率，虚线是有九成把握的下界。", "Each point is a possible threshold. The line is the precision on the labels, the dashed one what nine in ten times it is at least."],
  "gate.recall": ["召回率", "recall"],
  "gate.precision": ["精确率", "precision"],
  "gate.least": ["至少", "at least"],
  "gate.slider": ["阈值", "Threshold"],
  "gate.point": ["阈值 {threshold}：精确率 {precision}（至少 {least}），召回 {recall}；每周不该有的回答至多 {unwanted} 条；近 7 天会放行 {week} 条。", "At {threshold}: precision {precision} (at least {least}), recall {recall}; at most {unwanted} unwanted replies a week; {week} messages of the last 7 days would pass."],
  "gate.now": ["现在用的阈值", "the threshold in use"],
  "gate.reliability": ["说的概率准不准", "Are its probabilities true?"],
  "gate.reliabilityText": ["点在对角线上就是准的；平均偏差 {error}。", "On the diagonal they are; on average they are off by {error}."],
  "gate.said": ["它说的概率", "what it says"],
  "gate.true": ["实际该答的比例", "share that should be answered"],
  "gate.learning": ["学习曲线", "Learning curve"],
  "gate.learningText": ["标注越多越好到什么程度（AUC）；虚线是不学习、只看距离的门控。", "What more labels are worth (AUC); the dashed line is the distance alone, which learns nothing."],
  "gate.labels": ["标注数", "labels"],
  "gate.learned": ["学习的门控", "learned"],
  "gate.distance": ["距离", "distance"],
  "gate.errors": ["判断错的例子", "Examples that it gets wrong"],
  "gate.shouldAnswer": ["该答", "should answer"],
  "gate.shouldNot": ["不该答", "should not answer"],
  "gate.scored": ["得分 {score}", "scored {score}"],
  "gate.examples": ["例子", "Examples"],
  "gate.origin": ["来源", "Origin"],
  "gate.allOrigins": ["全部", "all"],
  "gate.originCount": ["{origin}：{good} 该答，{bad} 不该", "{origin}: {good} good, {bad} bad"],
  "gate.aside": ["搁置", "set aside"],
  "gate.new": ["等待学习", "waits"],
  "gate.noFigures": ["例子太少，还画不出曲线。", "There are too few examples to draw curves."],
  "gate.none": ["还没有标注。", "No labels yet."],
});

export default function Gate({ onError }) {
  const state = useData(() => get(["gate"]), [], onError);
  const figures = useData(() => get(["gate", "figures"]), [], onError);
  const reload = () => {
    state.reload();
    figures.reload();
  };
  if (!state.data) return html`<div class="view"><${Problem} error=${state.error} again=${state.reload} /></div>`;
  return html`<div class="view">
    <section class="card"><h2>${t("gate.promise")}</h2>
      ${state.data.lines[language()].map((line) => html`<p>${line}</p>`)}
      <p class="muted">${t("gate.week", state.data.week)}</p></section>
    <${Learn} state=${state.data} onDone=${reload} onError=${onError} />
    <${Targets} onDone=${reload} onError=${onError} />
    ${figures.data ? html`<${Curves} state=${state.data} figures=${figures.data} />` : html`<p class="muted" role="status">${figures.error ? "" : t("gate.working")}</p>`}
    <${Problem} error=${figures.error} again=${figures.reload} />
    <${Examples} state=${state.data} onError=${onError} />
  </div>`;
}

const shares = ({ before, after }) => ({ before: percent(before), after: percent(after) });

function Learn({ state, onDone, onError }) {
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState("");
  const [preview, setPreview] = useState(null);
  const [error, setError] = useState(null);
  async function work(name, say) {
    setBusy(true);
    setTold(t("gate.working"));
    try {
      const found = await post(["gate", name], {}, { timeout: 300000 });
      setError(null);
      setTold(say(found));
      if (name !== "preview") onDone();
    } catch (failed) {
      setTold("");
      setError(failed);
      onError(failed);
    }
    setBusy(false);
  }
  const refit = () => work("refit", (found) => (found.changed ? t(found.taken ? "gate.taken" : "gate.left", shares(found)) : t("gate.unchanged")));
  const undo = () => work("undo", (found) => t("gate.undone", found));
  const look = () => work("preview", (found) => {
    setPreview(found);
    return t(found.taken ? "gate.wouldTake" : "gate.wouldLeave", shares(found));
  });
  const undoable = state.refits.some((one) => one.taken && !one.undone_at);
  return html`<section class="card"><h2>${t("gate.learn")}</h2>
    <ul class="inline">${Object.entries(state.origins).map(([origin, one]) => html`<li>${t("gate.originCount", { origin: t(`origin.${origin}`), ...one })}</li>`)}</ul>
    <p>${state.waiting ? t("gate.waiting", { n: state.waiting }) : t("gate.unchanged")} <a href=${address(["messages"], { sort: "uncertain", mark: "unlabelled" })}>${t("gate.toLabel")}</a></p>
    <div class="row">
      ${may("labeller") && html`<button type="button" class="button" disabled=${busy} onClick=${look}>${t("gate.preview")}</button>`}
      ${may("admin") && html`<button type="button" class="button main" disabled=${busy} onClick=${refit}>${t("gate.refit")}</button>
        <button type="button" class="button" disabled=${busy || !undoable} onClick=${undo}>${t("gate.undo")}</button>`}
    </div>
    <p class="told" role="status">${told}</p>
    <${Problem} error=${error} words="changeFailed" />
    ${preview && html`<p>${t("gate.changes", { looked: preview.looked_at, n: preview.changed.length })}</p>
      <ul class="plain">${preview.changed.slice(0, 20).map((one) => html`<li><span class=${`badge ${one.passes ? "" : "quiet"}`}>${t(one.passes ? "gate.passes" : "gate.stopped")}</span>
        <a href=${groupAddress(one.adapter, one.group, one.message_id)}>${one.text.slice(0, 200)}</a></li>`)}</ul>`}
    ${state.refits.length > 0 && html`<details><summary>${t("gate.refits")}</summary><ul class="plain">${state.refits.map((one) => html`<li>
      ${dateTime(one.at)} · ${t(one.undone_at ? "gate.refitUndone" : one.taken ? "gate.refitTaken" : "gate.refitLeft")} · ${percent(one.figures.before)} → ${percent(one.figures.after)}</li>`)}</ul></details>`}
  </section>`;
}

function Curves({ state, figures }) {
  const { points, week } = figures;
  const nearest = points.reduce((best, one, at) => (Math.abs(one.threshold - state.unprompted.threshold) < Math.abs(points[best].threshold - state.unprompted.threshold) ? at : best), 0);
  const [at, setAt] = useState(null);
  if (points.length < 3) return html`<p class="nothing">${t("gate.noFigures")}</p>`;
  const chosen = at ?? nearest;
  const point = points[chosen];
  const curve = byRecall(points);
  return html`<section class="card"><h2>${t("gate.curve")}</h2><p class="lead">${t("gate.curveText")}</p>
    <${Chart} data=${curve} label=${t("gate.curve")} xLabel=${t("gate.recall")} yRange=${[0, 1]} marks=${[point.recall]}
      series=${[{ label: t("gate.precision") }, { label: t("gate.least"), dash: [6, 5], colour: "--muted" }]} />
    <label class="slider"><span>${t("gate.slider")}${chosen === nearest ? ` · ${t("gate.now")}` : ""}</span>
      <input type="range" min="0" max=${points.length - 1} value=${points.length - 1 - chosen} onInput=${(event) => setAt(points.length - 1 - Number(event.target.value))} /></label>
    <p role="status">${t("gate.point", { threshold: number(point.threshold, 3), precision: percent(point.precision), least: percent(point.least_precision), recall: percent(point.recall), unwanted: number(Math.ceil(point.unwanted)), week: number(week[chosen]) })}</p>
  </section>
  <div class="two">
    ${figures.reliability.length > 0 && html`<section class="card"><h2>${t("gate.reliability")}</h2><p class="lead">${t("gate.reliabilityText", { error: percent(figures.calibration_error) })}</p>
      <${Chart} data=${reliable(figures.reliability)} label=${t("gate.reliability")} xLabel=${t("gate.said")} yRange=${[0, 1]}
        series=${[{ label: t("gate.true"), kind: "points" }, { label: "1:1", dash: [6, 5], colour: "--muted" }]} /></section>`}
    ${figures.learning.length > 1 && html`<section class="card"><h2>${t("gate.learning")}</h2><p class="lead">${t("gate.learningText")}</p>
      <${Chart} data=${[figures.learning.map((one) => one.labels), figures.learning.map((one) => one.mean), figures.learning.map((one) => one.distance)]} label=${t("gate.learning")} xLabel=${t("gate.labels")} yRange=${[0.5, 1]}
        series=${[{ label: t("gate.learned") }, { label: t("gate.distance"), dash: [6, 5], colour: "--muted" }]} /></section>`}
  </div>
  ${figures.errors.length > 0 && html`<section class="card"><h2>${t("gate.errors")}</h2><ul class="plain">${figures.errors.map((one) => html`<li>
    <p class="said">${one.text}</p>
    <p class="muted">${t(one.good ? "gate.shouldAnswer" : "gate.shouldNot")} · ${t("gate.scored", { score: number(one.score, 3) })}${one.nearest[0] && ` · ${place(one.nearest[0])}`}</p></li>`)}</ul></section>`}`;
}

/** Precision and its bound over recall, each recall once. */
function byRecall(points) {
  const rows = new Map();
  for (const one of points) if (!rows.has(one.recall)) rows.set(one.recall, [one.precision, one.least_precision]);
  const sorted = [...rows].sort(([a], [b]) => a - b);
  return [sorted.map(([recall]) => recall), sorted.map(([, [precision]]) => precision), sorted.map(([, [, least]]) => least)];
}

function reliable(bins) {
  const sorted = [[0, null], ...bins, [1, null]];
  return [sorted.map(([said]) => said), sorted.map(([, actual]) => actual), sorted.map(([said]) => said)];
}

function Examples({ state, onError }) {
  const [origin, setOrigin] = useState("");
  const list = useList(async (cursor) => {
    const page = await get(["gate", "examples"], { origin, before: cursor });
    return { items: page.examples, next: page.next };
  }, [origin], onError);
  const options = [["", t("gate.allOrigins")], ...Object.keys(state.origins).map((name) => [name, t(`origin.${name}`)])];
  return html`<section class="card"><div class="card-head"><h2>${t("gate.examples")}</h2>
    <div class="end"><${Choice} label=${t("gate.origin")} value=${origin} options=${options} onChange=${setOrigin} /></div></div>
    <ul class="plain">${list.items.map((one) => html`<li key=${one.id}><p class="said">${one.text}</p>
      <p class="muted">${t(one.good ? "gate.shouldAnswer" : "gate.shouldNot")} · ${t(`origin.${one.origin}`)} · ${one.group} · ${dateTime(one.at)}
        ${one.aside && html` <span class="badge quiet">${t("gate.aside")}</span>`}${!one.aside && !one.taken && html` <span class="badge">${t("gate.new")}</span>`}</p></li>`)}</ul>
    <${ListEnd} list=${list} nothing="gate.none" /></section>`;
}
