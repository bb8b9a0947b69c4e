// What the bot would have said in groups in shadow mode, beside what people said; and going live as
// a decision with its figures.

import { call, get, route } from "../api.js";
import { renderMarkdown } from "../chat/markdown.js";
import { sources } from "../chat/sources.js";
import { addWords, t } from "../i18n.js";
import { address, go, groupAddress } from "../router.js";
import { may } from "../session.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Choice, dateTime, ListEnd, number, Problem, useData, useList } from "../ui.js";

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
  "shadow.replay": ["想先看它在过去的聊天里会怎么说，用 run_bot.py replay 回放导出的聊天记录。", "To see what it would have said in an old chat, replay an export with run_bot.py replay."],
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
      <p class="muted">${t("shadow.replay")}</p></section>
    <div class="filters"><h2>${t("shadow.drafts")}</h2><${Choice} label=${t("messages.group")} value=${group} options=${options} onChange=${(value) => go(address(["shadow"], { group: value }), { replace: true })} /></div>
    <ol class="cards">${list.items.map((one) => html`<${Draft} key=${one.id} draft=${one} />`)}</ol>
    <${ListEnd} list=${list} nothing="shadow.none" />
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
