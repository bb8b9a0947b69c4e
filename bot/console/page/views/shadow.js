// What the bot would have said in groups in shadow mode, beside what people said; and going live as
// a decision with its figures.

import { call, get, route } from "../api.js";
import { renderMarkdown } from "../chat/markdown.js";
import { sources } from "../chat/sources.js";
import { addWords, t } from "../i18n.js";
import { address, go, groupAddress } from "../router.js";
import { may } from "../session.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Choice, dateTime, ListEnd, number, percent, Problem, useData, useList, useLive } from "../ui.js";

addWords({
  "shadow.lead": ["旁听的群里它照常判断并写下草稿，但不发出去。先看看它会说什么，再决定要不要让它开口。", "In a group in shadow mode it decides and drafts, and posts nothing. See what it would have said before you let it speak."],
  "shadow.groups": ["旁听中的群", "Groups in shadow mode"],
  "shadow.noGroups": ["没有群在旁听。", "No group is in shadow mode."],
  "shadow.toGroups": ["到群设置里打开", "Switch it on among the groups"],
  "shadow.figures": ["本会回答 {drafts} 次（主动 {unprompted} 次）；其中 {people} 次后来有人回答", "It would have answered {drafts} times ({unprompted} unprompted); a person answered {people} of these later"],
  "shadow.median": ["，一半在 {minutes} 分钟内", ", half within {minutes} minutes"],
  "shadow.labels": ["标注：{good} 条该答，{bad} 条不该。", "Labels: {good} should be answered, {bad} should not."],
  "shadow.live": ["让它开口（live）", "Go live"],
  "shadow.mention": ["先只答 @ 它的", "Answer mentions only"],
  "shadow.sure": ["从现在起它会在“{group}”里回答。继续？", "From now on it answers in “{group}”. Go on?"],
  "shadow.drafts": ["草稿与群里的回答", "Drafts beside what people said"],
  "shadow.draft": ["它会说", "It would have said"],
  "shadow.person": ["{by} 说，{minutes} 分钟后", "{by} said, {minutes} minutes later"],
  "shadow.nobody": ["没有人回答。", "Nobody answered."],
  "shadow.none": ["还没有草稿。", "No drafts yet."],
  "shadow.label": ["标注这些", "Label these"],
  "replay.title": ["回放一段聊天记录", "Replay an exported chat"],
  "replay.lead": ["上传导出的聊天记录，看它当时会说什么：像真的在群里一样，只是什么都不发。不用大模型。", "Upload an exported chat to see what it would have said then: as if it had been in the group, only that nothing is posted. No language model is asked."],
  "replay.file": ["导出的文件（.jsonl、.json、.csv、.txt）", "Exported file (.jsonl, .json, .csv, .txt)"],
  "replay.upload": ["上传并回放", "Upload and replay"],
  "replay.sending": ["正在上传…", "Uploading…"],
  "replay.running": ["正在回放，已用 {seconds} 秒…", "Replaying, for {seconds} s so far…"],
  "replay.failed": ["回放失败：{text}", "The replay failed: {text}"],
  "replay.open": ["看报告", "Read the report"],
  "replay.remove": ["删除", "Delete"],
  "replay.span": ["{messages} 条消息，{groups} 个群，{people} 人，{from} 到 {to}", "{messages} messages of {people} people in {groups} groups, {from} to {to}"],
  "replay.replies": ["它会说 {total} 次，其中主动 {unprompted} 次，每周 {unprompted_per_week} 次；另有 {budget} 次超出预算没说。", "It would have spoken {total} times, {unprompted} of them unprompted, {unprompted_per_week} a week; {budget} more were over its budget."],
  "replay.people": ["放行的问题里，群友在一小时内回答了 {answered} / {questions} 个，{before_the_bot} 个比它快。", "Of the questions it let through people answered {answered} of {questions} within an hour, {before_the_bot} before the bot."],
  "replay.labelled": ["标注上：精确率 {precision}，召回率 {recall}（{n} 条）。", "On the labels: precision {precision}, recall {recall} ({n} labelled)."],
  "replay.said": ["消息", "Message"],
  "replay.reply": ["它会说", "It would have said"],
  "replay.person": ["群友", "A person"],
  "replay.after": ["{minutes} 分钟后答了", "answered {minutes} minutes later"],
  "replay.list": ["它会说的话", "What it would have said"],
});

export default function Shadow({ route: here, onError }) {
  const group = here.query.get("group") ?? "";
  const figures = useData(() => get(["shadow", "groups"]), [], onError);
  const list = useList(async (cursor) => {
    const page = await get(["shadow"], { group, before: cursor });
    return { items: page.drafts, next: page.next };
  }, [group], onError);
  const groups = figures.data?.groups ?? [];
  const options = [["", t("messages.allGroups")], ...groups.map((one) => [`${one.adapter}:${one.group}`, one.title || one.group])];
  if (group && !options.some(([value]) => value === group)) options.push([group, group]);
  return html`<div class="view"><p class="lead">${t("shadow.lead")}</p>
    <section class="card"><h2>${t("shadow.groups")}</h2><${Problem} error=${figures.error} again=${figures.reload} />
      ${figures.data && groups.length === 0 && html`<p class="muted">${t("shadow.noGroups")} <a href=${address(["groups"])}>${t("shadow.toGroups")}</a></p>`}
      <ul class="plain">${groups.map((one) => html`<${Group} key=${`${one.adapter}:${one.group}`} group=${one} onDone=${figures.reload} />`)}</ul>
    </section>
    <div class="card-head"><h2>${t("shadow.drafts")}</h2><div class="end"><${Choice} label=${t("messages.group")} value=${group} options=${options} onChange=${(value) => go(address(["shadow"], { group: value }), { replace: true })} /></div></div>
    <ol class="cards">${list.items.map((one) => html`<${Draft} key=${one.id} draft=${one} />`)}</ol>
    <${ListEnd} list=${list} nothing="shadow.none" />
    <${Replays} onError=${onError} />
  </div>`;
}

const minutes = (seconds) => number(Math.max(1, Math.round(seconds / 60)));

function Group({ group, onDone }) {
  const [error, setError] = useState(null);
  const name = group.title || group.group;
  const set = (mode) => {
    if (!confirm(t("shadow.sure", { group: name }))) return;
    call("PATCH", route(["groups", group.adapter, group.group]), { mode }).then(onDone, setError);
  };
  return html`<li><p><a href=${groupAddress(group.adapter, group.group)}><strong>${name}</strong></a></p>
    <p>${t("shadow.figures", group)}${group.median_s !== null && t("shadow.median", { minutes: minutes(group.median_s) })}${t("stop")}</p>
    <p class="muted">${t("shadow.labels", group)} <a href=${address(["messages"], { group: `${group.adapter}:${group.group}`, reason: "shadow", mark: "unlabelled" })}>${t("shadow.label")}</a></p>
    <${Problem} error=${error} words="changeFailed" />
    ${may("admin") && html`<div class="row"><button type="button" class="button main" onClick=${() => set("live")}>${t("shadow.live")}</button>
      <button type="button" class="button" onClick=${() => set("mention")}>${t("shadow.mention")}</button></div>`}</li>`;
}

function Draft({ draft }) {
  const place = useRef(null);
  useEffect(() => {
    const text = document.createElement("div");
    text.className = "text";
    text.append(renderMarkdown(draft.text, draft.citations));
    const cited = sources(draft.citations);
    place.current.replaceChildren(text, ...(cited ? [cited] : []));
  }, [draft.id]);
  return html`<li class="card"><p class="said">${draft.question}</p>
    <p class="muted"><bdi>${draft.user}</bdi> · <a href=${groupAddress(draft.adapter, draft.group, draft.message_id)}>${draft.title || draft.group}</a> · ${dateTime(draft.asked_at)}</p>
    <div class="two beside"><div><h3>${t("shadow.draft")}</h3><div class="whole-reply" ref=${place}></div></div>
      <div>${draft.said === null ? html`<p class="muted">${t("shadow.nobody")}</p>` : html`<h3>${t("shadow.person", { by: draft.by, minutes: minutes(draft.said_at - draft.asked_at) })}</h3><blockquote class="answer">${draft.said}</blockquote>`}</div></div></li>`;
}

function Replays({ onError }) {
  const found = useLive(() => get(["replays"]), [], onError, 3000);
  const [open, setOpen] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const file = useRef(null);
  async function upload(event) {
    event.preventDefault();
    const chosen = file.current.files[0];
    if (!chosen) return;
    setBusy(true);
    setError(null);
    try {
      await call("POST", route(["replays", chosen.name]), chosen, { timeout: 600000 });
      file.current.value = "";
    } catch (failed) {
      setError(failed);
      onError(failed);
    }
    setBusy(false);
    found.reload();
  }
  const remove = (id) => call("DELETE", route(["replays", id])).then(found.reload, setError);
  const { done = [], running = null, failed = "" } = found.data ?? {};
  return html`<section class="card"><h2>${t("replay.title")}</h2><p class="lead">${t("replay.lead")}</p>
    ${may("admin") && html`<form class="row" onSubmit=${upload}><label class="choice"><span>${t("replay.file")}</span><input type="file" ref=${file} accept=".jsonl,.json,.csv,.txt" /></label>
      <button type="submit" class="button main" disabled=${busy || running !== null}>${t("replay.upload")}</button></form>`}
    <p class="told" role="status">${busy ? t("replay.sending") : running ? t("replay.running", { seconds: number(Math.round(Date.now() / 1000 - running.since)) }) : ""}</p>
    ${failed && html`<p class="error" role="alert">${t("replay.failed", { text: failed })}</p>`}<${Problem} error=${error} words="changeFailed" />
    <ul class="plain">${done.map((one) => html`<li key=${one.id}><div class="row"><span>${dateTime(one.at)}</span>
      <button type="button" class="chip" aria-expanded=${open === one.id} onClick=${() => setOpen(open === one.id ? "" : one.id)}>${t("replay.open")}</button>
      ${may("admin") && html`<button type="button" class="chip end" onClick=${() => remove(one.id)}>${t("replay.remove")}</button>`}</div>
      ${open === one.id && html`<${Report} id=${one.id} />`}</li>`)}</ul></section>`;
}

function Report({ id }) {
  const found = useData(() => get(["replays", id]), [id]);
  if (!found.data) return html`<${Problem} error=${found.error} again=${found.reload} />`;
  const { replies, held_back: held, people_answered: people, labelled } = found.data;
  const span = { ...found.data, from: found.data.from.slice(0, 10), to: found.data.to.slice(0, 10) };
  return html`<div class="report"><p>${t("replay.span", span)}</p><p>${t("replay.replies", { ...replies, budget: held.budget + held.cooldown })}</p>
    <p>${t("replay.people", people)}</p>
    ${labelled && html`<p>${t("replay.labelled", { n: labelled.n, precision: percent(labelled.replies.precision), recall: percent(labelled.replies.recall) })}</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label=${t("replay.list")}><table class="table"><thead><tr>${["said", "reply", "person"].map((name) => html`<th scope="col">${t(`replay.${name}`)}</th>`)}</tr></thead>
      <tbody>${replies.list.map((one) => html`<tr><td><span class="muted">${one.time.slice(0, 16)} ${one.group} <bdi>${one.user}</bdi></span><br />${one.text}</td>
        <td>${one.reply}</td><td>${one.seconds_to_person === null ? "–" : t("replay.after", { minutes: minutes(one.seconds_to_person) })}</td></tr>`)}</tbody></table></div></div>`;
}
