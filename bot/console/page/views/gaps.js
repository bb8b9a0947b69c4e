// What the documents lack, and what people said instead: edited, approved or thrown away here.

import { get, post } from "../api.js";
import { reasonText } from "../chat/decision.js";
import { addWords, t } from "../i18n.js";
import { address, groupAddress } from "../router.js";
import { may } from "../session.js";
import { html, useState } from "../vendor/preact.js";
import { Choice, dateTime, number, Problem, Time, useData } from "../ui.js";

addWords({
  "gaps.lead": ["文档里没有答案的问题，问得多的在前。群里有人回答过的，可以改好后存成文档，以后就由它来答。", "Questions that no document answers, the most frequent first. What people answered can be edited and kept as a page, which answers from then on."],
  "gaps.days": ["时段", "Period"],
  "gaps.topic": ["{people} 人问过，共 {count} 次", "times asked: {count}, people: {people}"],
  "gaps.trend": ["近四周：{weeks}", "last four weeks: {weeks}"],
  "gaps.answers": ["群里的回答", "What people said"],
  "gaps.noAnswers": ["还没有人回答。", "Nobody has answered."],
  "gaps.write": ["写成文档", "Make it a page"],
  "gaps.throw": ["不要", "Throw away"],
  "gaps.question": ["问题", "Question"],
  "gaps.answer": ["答案（Markdown）", "Answer (Markdown)"],
  "gaps.source": ["存到", "Keep in"],
  "gaps.approve": ["批准并存入", "Approve and keep"],
  "gaps.approved": ["已存入，正在重载；之后就能答了。", "Kept; it answers once the reload is done."],
  "gaps.rejected": ["已丢弃。", "Thrown away."],
  "gaps.noSource": ["没有可写的来源。在 config.yaml 里给一个文件夹来源加上 writable: true。", "There is no writable source. Give a folder among knowledge.sources in config.yaml writable: true."],
  "gaps.none": ["没有缺口：问到的都答上了。", "No gaps: what was asked was answered."],
  "gaps.kept": ["批准过的回答", "Approved answers"],
  "gaps.keptBy": ["{person} 批准于 {date}", "approved by {person} on {date}"],
  "gaps.old": ["半年多了，请再看看", "over half a year old: look again"],
  "gaps.try": ["现在试试", "Try it now"],
  "gaps.more": ["还有 {n} 次", "{n} more"],
  "gaps.days.7": ["近 7 天", "last 7 days"],
  "gaps.days.30": ["近 30 天", "last 30 days"],
  "gaps.days.180": ["近半年", "last half year"],
});

export default function Gaps({ onError }) {
  const [days, setDays] = useState("30");
  const found = useData(() => get(["gaps"], { days }), [days], onError);
  const [told, setTold] = useState("");
  const done = (words) => {
    setTold(t(words));
    found.reload();
  };
  const { topics = [], approved = [], writable = [] } = found.data ?? {};
  return html`<div class="view"><p class="lead">${t("gaps.lead")}</p>
    <div class="filters"><${Choice} label=${t("gaps.days")} value=${days} options=${["7", "30", "180"].map((one) => [one, t(`gaps.days.${one}`)])} onChange=${setDays} /></div>
    <${Problem} error=${found.error} again=${found.reload} />
    <p class="told" role="status">${told}</p>
    ${found.data && topics.length === 0 && html`<p class="nothing">${t("gaps.none")}</p>`}
    <ul class="cards">${topics.map((topic) => html`<${Topic} key=${topic.questions[0].message_id} topic=${topic} writable=${writable} onDone=${done} />`)}</ul>
    ${approved.length > 0 && html`<section class="card"><h2>${t("gaps.kept")}</h2><ul class="plain">${approved.map((one) => html`<li><code>${one.path}</code>
      <span class="muted"> ${t("gaps.keptBy", { person: one.person, date: dateTime(one.at) })}</span> <a href=${groupAddress(one.adapter, one.group, one.question_id)}>${one.group}</a>
      ${one.old && html` <span class="badge warn">${t("gaps.old")}</span>`}</li>`)}</ul></section>`}
  </div>`;
}

function Topic({ topic, writable, onDone }) {
  const [all, setAll] = useState(false);
  const withAnswers = [...topic.questions].sort((a, b) => b.answers.length - a.answers.length);
  const shown = all ? withAnswers : withAnswers.slice(0, 2);
  return html`<li class="card topic"><div class="card-head"><span class="badge">${t("gaps.topic", topic)}</span>
      <span class="muted">${t("gaps.trend", { weeks: topic.weeks.map((n) => number(n)).join(" · ") })}</span><span class="muted"><${Time} at=${topic.last} /></span></div>
    <ul class="plain">${shown.map((question) => html`<${Question} key=${question.message_id} question=${question} writable=${writable} onDone=${onDone} />`)}</ul>
    ${withAnswers.length > shown.length && html`<button type="button" class="chip" onClick=${() => setAll(true)}>${t("gaps.more", { n: withAnswers.length - shown.length })}</button>`}</li>`;
}

function Question({ question: listed, writable, onDone }) {
  const [draft, setDraft] = useState(null);
  const more = useData(() => get(["gaps", "answers"], { adapter: listed.adapter, message_id: listed.message_id }), [listed.message_id]);
  const question = { ...listed, answers: more.data?.answers ?? listed.answers };
  const place = groupAddress(question.adapter, question.group, question.message_id);
  const start = () => setDraft({ question: question.text, answer: question.answers.map((one) => one.text).join("\n\n"), source: writable[0] ?? "" });
  return html`<li><p class="said">${question.text}</p>
    <p class="muted"><bdi>${question.user}</bdi> · <a href=${place}>${question.group}</a> · <${Time} at=${question.at} /> · ${reasonText(question.reason)} · <a href=${address(["knowledge"], { text: question.text })}>${t("gaps.try")}</a></p>
    ${question.answers.length > 0 ? html`<p class="small-title">${t("gaps.answers")}</p>${question.answers.map((one) => html`<blockquote class="answer"><bdi>${one.user}</bdi> ${one.text}</blockquote>`)}` : html`<p class="muted">${t("gaps.noAnswers")}</p>`}
    ${may("admin") && !draft && html`<div class="row"><button type="button" class="button" onClick=${start}>${t("gaps.write")}</button>
      <button type="button" class="button" onClick=${() => decide(question, { decision: "reject" }).then(() => onDone("gaps.rejected"), () => {})}>${t("gaps.throw")}</button></div>`}
    ${draft && html`<${Draft} question=${question} draft=${draft} setDraft=${setDraft} writable=${writable} onDone=${onDone} />`}</li>`;
}

const decide = (question, body) => post(["gaps"], { adapter: question.adapter, group: question.group, question_id: question.message_id, ...body });

function Draft({ question, draft, setDraft, writable, onDone }) {
  const [error, setError] = useState(null);
  if (writable.length === 0) return html`<p class="error">${t("gaps.noSource")}</p>`;
  const set = (change) => setDraft({ ...draft, ...change });
  const approve = () => decide(question, { decision: "approve", ...draft }).then(() => onDone("gaps.approved"), setError);
  return html`<div class="settings">
    <label class="choice"><span>${t("gaps.question")}</span><input type="text" value=${draft.question} onInput=${(event) => set({ question: event.target.value })} /></label>
    <label class="choice"><span>${t("gaps.answer")}</span><textarea rows="6" value=${draft.answer} onInput=${(event) => set({ answer: event.target.value })}></textarea></label>
    <${Choice} label=${t("gaps.source")} value=${draft.source} options=${writable.map((one) => [one, one])} onChange=${(source) => set({ source })} />
    <${Problem} error=${error} words="changeFailed" />
    <div class="row"><button type="button" class="button main" disabled=${!draft.answer.trim() || !draft.question.trim()} onClick=${approve}>${t("gaps.approve")}</button>
      <button type="button" class="button" onClick=${() => setDraft(null)}>${t("cancel")}</button></div></div>`;
}
