// What is wrong now and what to do, and how the last weeks went.

import { get } from "../api.js";
import { Chart } from "../chart.js";
import { reasonText } from "../chat/decision.js";
import { addWords, language, t } from "../i18n.js";
import { address } from "../router.js";
import { html, useState } from "../vendor/preact.js";
import { Choice, number, percent, Problem, Time, useLive } from "../ui.js";

addWords({
  "overview.now": ["现在", "Now"],
  "overview.fine": ["一切正常。", "Everything works."],
  "overview.disk": ["磁盘只剩 {free}，请腾出空间。", "Only {free} are left on the disk; make room."],
  "overview.connection": ["{name}：已连接", "{name}: connected"],
  "overview.event": ["最近一次消息", "last event"],
  "overview.days": ["时段", "Period"],
  "days.7": ["近 7 天", "last 7 days"],
  "days.30": ["近 30 天", "last 30 days"],
  "days.90": ["近 90 天", "last 90 days"],
  "overview.questions": ["问题", "Questions"],
  "overview.answers": ["回答", "Answers"],
  "overview.helpful": ["有帮助", "Helpful"],
  "overview.unhelpful": ["没帮助", "unhelpful"],
  "overview.recalled": ["撤回", "Taken back"],
  "overview.answerTime": ["多久回答", "Time to answer"],
  "overview.seconds": ["一半在 {half} 秒内，九成在 {most} 秒内", "half within {half} s, nine of ten within {most} s"],
  "overview.chart": ["每天的问题与回答", "Questions and answers by day"],
  "overview.silences": ["没有回答的原因", "Why it did not answer"],
  "overview.promise": ["门控的承诺", "What the gate promises"],
  "overview.kept": ["近 7 天主动回答 {answers} 次，其中 {unwanted} 次有人觉得不该答。", "Unprompted answers in the last 7 days: {answers}; called unwanted by somebody: {unwanted}."],
  "overview.toGate": ["看门控", "To the gate"],
  "overview.usage": ["大模型用量", "Language model"],
  "overview.noUsage": ["没有用到大模型。", "No language model was asked."],
  "overview.model": ["{name}：{calls} 次调用，读入 {prompt} 个 token（缓存 {cached}），写出 {completion} 个", "{name}: {calls} calls, {prompt} tokens read ({cached} of them cached), {completion} written"],
  "overview.cost": ["这段时间的费用约 {cost}", "cost of the period about {cost}"],
  "overview.byDay": ["逐日", "Day by day"],
  "overview.day": ["日期", "Day"],
  "overview.calls": ["调用", "Calls"],
  "overview.tokens": ["token", "Tokens"],
  "overview.price": ["费用", "Cost"],
  "overview.knowledge": ["知识库", "Knowledge"],
  "overview.documents": ["{documents} 篇文档，{pieces} 段，跳过 {skipped} 个文件", "{documents} documents, {pieces} pieces, {skipped} files skipped"],
  "overview.built": ["建立于", "built"],
  "overview.store": ["存储", "Store"],
  "overview.storeText": ["{messages} 条消息，{size}；磁盘剩余 {free}", "{messages} messages, {size}; {free} free on the disk"],
  "overview.loading": ["知识库正在加载。", "The knowledge base is being loaded."],
});

const DAYS = ["7", "30", "90"];

export default function Overview({ onError }) {
  const [days, setDays] = useState("30");
  const offset = -new Date().getTimezoneOffset() * 60;
  const found = useLive(() => get(["overview"], { days, offset }), [days], onError, 15000);
  if (!found.data) return html`<div class="view"><${Problem} error=${found.error} again=${found.reload} /></div>`;
  const { data } = found;
  return html`<div class="view">
    <${Problem} error=${found.error} again=${found.reload} />
    <${Now} data=${data} />
    <div class="filters"><${Choice} label=${t("overview.days")} value=${days} options=${DAYS.map((one) => [one, t(`days.${one}`)])} onChange=${setDays} /></div>
    <${Figures} data=${data} />
    <section class="card"><h2>${t("overview.chart")}</h2><${Days} days=${data.days} period=${Number(days)} /></section>
    <div class="two">
      <section class="card"><h2>${t("overview.silences")}</h2><${Silences} days=${data.days} /></section>
      <section class="card"><h2>${t("overview.promise")}</h2>
        ${data.promise.lines[language()].map((line) => html`<p>${line}</p>`)}
        <p>${t("overview.kept", data.promise.kept)}</p>
        <a href=${address(["gate"])}>${t("overview.toGate")}</a></section>
      <section class="card"><h2>${t("overview.usage")}</h2><${Usage} usage=${data.usage} /></section>
      <section class="card"><h2>${t("overview.knowledge")}</h2><${Stock} data=${data} /></section>
    </div>
  </div>`;
}

function Now({ data }) {
  const { health, disk } = data;
  const told = language() === "zh" && health.zh ? health.zh : health;
  const wrong = [...told.problems, ...told.degraded];
  if (disk.low) wrong.push(t("overview.disk", { free: bytes(disk.free) }));
  return html`<section class="card now" data-state=${wrong.length ? "wrong" : "fine"}><h2>${t("overview.now")}</h2>
    ${wrong.length ? html`<ul class="wrong">${wrong.map((line) => html`<li>${line}</li>`)}</ul>` : html`<p class="fine">${t("overview.fine")}</p>`}
    <ul class="connections">${Object.entries(health.adapters).filter(([, one]) => one.up).map(([name, one]) => html`<li>
      <span class="dot" aria-hidden="true"></span>${t("overview.connection", { name })}
      ${one.last_event_age !== null && html`<span class="muted">${t("overview.event")} <${Time} at=${Date.now() / 1000 - one.last_event_age} /></span>`}</li>`)}</ul>
  </section>`;
}

function Figures({ data }) {
  const sum = (name) => data.days.reduce((total, day) => total + day[name], 0);
  const questions = sum("questions");
  const tiles = [
    [t("overview.questions"), number(questions), ""],
    [t("overview.answers"), number(sum("answers")), questions ? percent(sum("answers") / questions) : ""],
    [t("overview.helpful"), number(sum("helpful")), `${number(sum("unhelpful"))} ${t("overview.unhelpful")}`],
    [t("overview.recalled"), number(sum("recalled")), ""],
  ];
  const { half, most } = data.answer_s;
  return html`<ul class="tiles">${tiles.map(([name, value, more]) => html`<li class="card"><span class="muted">${name}</span><strong>${value}</strong><span class="muted">${more}</span></li>`)}
    <li class="card wide"><span class="muted">${t("overview.answerTime")}</span><span>${half === null ? "–" : t("overview.seconds", { half: number(half, 1), most: number(most, 1) })}</span></li></ul>`;
}

const DAY_S = 86400;

/** Every day of the period up to the last one, also those on which nothing was asked. */
function Days({ days, period }) {
  if (days.length === 0) return html`<p class="muted">${t("nothing")}</p>`;
  const last = days[days.length - 1].start;
  const starts = Array.from({ length: period }, (_, day) => last - (period - 1 - day) * DAY_S);
  const known = new Map(days.map((day) => [day.start, day]));
  const each = (name) => starts.map((start) => known.get(start)?.[name] ?? 0);
  const data = [starts.map((start) => start + DAY_S / 2), each("questions"), each("answers")];
  return html`<${Chart} data=${data} label=${t("overview.chart")} time=${true}
    series=${[{ label: t("overview.questions"), kind: "bars", colour: "--line" }, { label: t("overview.answers"), kind: "bars", colour: "--accent" }]} />`;
}

function Silences({ days }) {
  const counts = {};
  for (const day of days) for (const [reason, n] of Object.entries(day.silences)) counts[reason] = (counts[reason] ?? 0) + n;
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const most = sorted[0]?.[1] ?? 1;
  return html`<ul class="bars">${sorted.map(([reason, n]) => html`<li><a href=${address(["messages"], { reason })}>${reasonText(reason)}</a>
    <span class="ms">${number(n)}</span><meter min="0" max=${most} value=${n} aria-hidden="true"></meter></li>`)}</ul>
    ${sorted.length === 0 && html`<p class="muted">${t("nothing")}</p>`}`;
}

/** Sums of some fields, by what `key` says of a row. */
function summed(rows, key) {
  const sums = new Map();
  for (const row of rows) {
    const sum = sums.get(key(row)) ?? { calls: 0, prompt: 0, cached: 0, completion: 0, cost: 0 };
    for (const name of Object.keys(sum)) sum[name] += row[name];
    sums.set(key(row), sum);
  }
  return [...sums];
}

function Usage({ usage }) {
  if (usage.days.length === 0) return html`<p class="muted">${t("overview.noUsage")}</p>`;
  const models = summed(usage.days, (one) => one.model || one.backend);
  const days = summed(usage.days, (one) => one.day).reverse();
  const total = days.reduce((sum, [, one]) => sum + one.cost, 0);
  const priced = usage.priced || total > 0; // what was paid stays known where the price is not any more
  const counts = (one) => Object.fromEntries(["calls", "prompt", "cached", "completion"].map((name) => [name, number(one[name])]));
  return html`${models.map(([name, one]) => html`<p>${t("overview.model", { name, ...counts(one) })}</p>`)}
    ${priced && html`<p>${t("overview.cost", { cost: number(total, 4) })}</p>`}
    <details><summary>${t("overview.byDay")}</summary><table class="table"><thead><tr><th scope="col">${t("overview.day")}</th>
      ${["calls", "tokens", ...(priced ? ["price"] : [])].map((name) => html`<th scope="col" class="num">${t(`overview.${name}`)}</th>`)}</tr></thead>
      <tbody>${days.map(([day, one]) => html`<tr key=${day}><td class="nowrap">${day}</td><td class="num">${number(one.calls)}</td><td class="num">${number(one.prompt + one.completion)}</td>
        ${priced && html`<td class="num">${number(one.cost, 4)}</td>`}</tr>`)}</tbody></table></details>`;
}

function Stock({ data }) {
  const { knowledge, disk, counts } = data;
  return html`${knowledge ? html`<p>${t("overview.documents", { documents: number(knowledge.documents), pieces: number(knowledge.pieces), skipped: number(knowledge.skipped) })}</p>
      <p class="muted">${t("overview.built")} <${Time} at=${knowledge.built_at} /></p>` : html`<p class="muted">${t("overview.loading")}</p>`}
    <p>${t("overview.storeText", { messages: number(counts.messages), size: bytes(disk.store), free: bytes(disk.free) })}</p>`;
}

function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${number(size / 1000 ** step, 1)} ${units[step]}`;
}
