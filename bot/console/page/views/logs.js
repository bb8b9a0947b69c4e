// Who did what and when; and the newest lines of the daemon's own log.

import { get } from "../api.js";
import { addWords, t } from "../i18n.js";
import { may } from "../session.js";
import { html, useState } from "../vendor/preact.js";
import { dateTime, ListEnd, Problem, useList, useLive } from "../ui.js";

addWords({
  "logs.audit": ["审计：谁做了什么", "Audit: who did what"],
  "logs.log": ["运行日志", "Log"],
  "logs.when": ["时间", "When"],
  "logs.who": ["谁", "Who"],
  "logs.what": ["做了什么", "What"],
  "logs.before": ["之前", "Before"],
  "logs.after": ["之后", "After"],
  "logs.none": ["还没有记录。", "Nothing has been recorded yet."],
  "logs.admins": ["只有管理员能看审计和日志。", "Only an admin may see the audit log and the log."],
  "logs.level": ["只看警告和错误", "Warnings and errors only"],
});

export default function Logs({ onError }) {
  return may("admin") ? html`<${Admins} onError=${onError} />` : html`<p class="nothing">${t("logs.admins")}</p>`;
}

function Admins({ onError }) {
  const list = useList(async (cursor) => {
    const page = await get(["audit"], { before: cursor });
    return { items: page.entries, next: page.next };
  }, [], onError);
  return html`<div class="view">
    <section class="card"><h2>${t("logs.audit")}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("logs.audit")}><table class="table wide">
        <thead><tr>${["when", "who", "what", "before", "after"].map((name) => html`<th scope="col">${t(`logs.${name}`)}</th>`)}</tr></thead>
        <tbody>${list.items.map((one) => html`<tr key=${one.id}><td class="nowrap">${dateTime(one.at)}</td><td>${one.who}</td>
          <td><code>${one.action}</code> ${one.target}</td><td>${one.before ?? ""}</td><td>${one.after ?? ""}</td></tr>`)}</tbody></table></div>
      <${ListEnd} list=${list} nothing="logs.none" /></section>
    <${Log} onError=${onError} />
  </div>`;
}

function Log({ onError }) {
  const [bad, setBad] = useState(false);
  const found = useLive(() => get(["log"]), [], onError);
  const lines = (found.data?.lines ?? []).filter((line) => !bad || !["INFO", "DEBUG"].includes(line.level));
  return html`<section class="card"><div class="card-head"><h2>${t("logs.log")}</h2>
      <label class="end check"><input type="checkbox" checked=${bad} onChange=${() => setBad(!bad)} /> ${t("logs.level")}</label></div>
    <${Problem} error=${found.error} again=${found.reload} />
    <ol class="log-lines">${lines.map((line) => html`<li data-level=${line.level}><span class="muted">${dateTime(line.at)}</span> <strong>${line.level}</strong> <span class="muted">${line.name}</span> ${line.text}</li>`)}</ol>
    ${lines.length === 0 && html`<p class="muted">${t("logs.none")}</p>`}</section>`;
}
