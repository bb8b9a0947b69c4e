// What the bot is connected to, whether it works, and the configuration.

import { get } from "../api.js";
import { addWords, inWords, t } from "../i18n.js";
import { may } from "../session.js";
import { html } from "../vendor/preact.js";
import { number, Problem, Time, useLive } from "../ui.js";
import { CheckButton, Findings, useCheck } from "./check.js";
import { Config } from "./config.js";
import { Setup } from "./setup.js";

addWords({
  "connections.adapters": ["平台", "Platforms"],
  "connections.up": ["已连接", "connected"],
  "connections.down": ["断开", "not connected"],
  "connections.since": ["开始于", "since"],
  "connections.event": ["最近事件", "last event"],
  "connections.reconnects": ["重连 {n} 次", "{n} reconnects"],
  "connections.recovered": ["补回 {n} 条消息", "{n} missed messages fetched"],
  "connections.calls": ["接口调用", "API calls"],
  "connections.refused": ["被拒绝：", "Refused: "],
  "connections.models": ["模型", "Models"],
  "connections.processes": ["进程", "Processes"],
  "process.role": ["角色", "Role"],
  "process.name": ["主机:进程号", "Host:process"],
  "process.version": ["版本", "Version"],
  "process.since": ["启动", "Started"],
  "process.seen": ["上次心跳", "Last heard of"],
  "process.groups": ["群", "Groups"],
  "process.holds": ["持有", "Holds"],
  "process.lease": ["最近租约剩余", "Lease left"],
  "process.seconds": ["{n} 秒", "{n} s"],
  "process.secondsAgo": ["{n} 秒前", "{n} s ago"],
  "role.receiver": ["接收", "receiver"],
  "role.worker": ["工作", "worker"],
  "role.scheduler": ["调度", "scheduler"],
  "role.all": ["全部", "all"],
  "part.embedder": ["向量", "embedder"],
  "part.remote": ["远程大模型", "remote model"],
  "part.local": ["本地大模型", "local model"],
  "connections.builtIn": ["内置", "built in"],
});

const SETUP_MS = 2000; // while a platform is set up it is looked at more often

export default function Connections({ route: here, onError }) {
  const chosen = here.query.get("setup") ?? "";
  const found = useLive(() => get(["connections"]), [], onError, chosen ? SETUP_MS : undefined);
  return html`<div class="view"><${Problem} error=${found.error} again=${found.reload} />
    <h2>${t("connections.adapters")}</h2>
    <ul class="cards">${(found.data?.adapters ?? []).map((one) => html`<${Adapter} key=${one.name} adapter=${one} onError=${onError} />`)}</ul>
    ${found.data && html`<${Setup} chosen=${chosen} adapters=${found.data.adapters} onError=${onError} />`}
    <section class="card"><h2>${t("connections.models")}</h2><ul class="plain">${(found.data?.models ?? []).map((one) => html`<li>${t(`part.${one.part}`)}: <code>${one.model || one.kind}</code> <span class="muted">${one.model ? one.kind : t("connections.builtIn")}</span></li>`)}</ul></section>
    ${found.data?.processes.length > 0 && html`<${Processes} processes=${found.data.processes} />`}
    ${may("admin") && html`<${Config} onError=${onError} />`}
  </div>`;
}

/** Who shares the store, and what each of them has. */
function Processes({ processes }) {
  const heads = ["role", "name", "version", "since", "seen", "groups", "holds", "lease"];
  return html`<section class="card"><h2>${t("connections.processes")}</h2><div class="scroll">
    <table class="table wide"><thead><tr>${heads.map((one) => html`<th scope="col">${t(`process.${one}`)}</th>`)}</tr></thead>
    <tbody>${processes.map((one) => html`<tr key=${one.process}><td>${t(`role.${one.role}`)}</td><td><code>${one.process}</code></td><td>${one.version}</td>
      <td><${Time} at=${one.since} /></td><td>${t("process.secondsAgo", { n: number(one.seen, 1) })}</td>
      <td class="num">${one.role === "worker" ? number(one.lanes) : ""}</td><td>${one.holds.join(", ")}</td>
      <td class="num">${one.lease === null ? "" : html`<span class=${one.lease < 0 ? "bad" : ""}>${t("process.seconds", { n: number(one.lease, 1) })}</span>`}</td></tr>`)}</tbody></table></div></section>`;
}

function Adapter({ adapter, onError }) {
  const check = useCheck(adapter.name, onError);
  return html`<li class="card"><div class="card-head"><span class="card-title">${adapter.name}</span><span class="badge quiet">${adapter.kind}</span>
      <span class=${`badge ${adapter.up ? "" : "bad"}`}>${t(adapter.up ? "connections.up" : "connections.down")}</span>
      ${may("admin") && html`<${CheckButton} check=${check} place="end" />`}</div>
    ${adapter.problem && html`<p class="bad">${inWords(adapter.problem, adapter.problem_zh)}</p>`}
    ${adapter.refused.map((one) => html`<p class="bad">${t("connections.refused")}<code>${one.call}</code> ${inWords(one.en, one.zh)}</p>`)}
    <dl class="facts"><div><dt>${t("connections.since")}</dt><dd><${Time} at=${adapter.since} /></dd></div>
      <div><dt>${t("connections.event")}</dt><dd><${Time} at=${adapter.event} /></dd></div>
      ${adapter.reconnects > 0 && html`<div><dd>${t("connections.reconnects", { n: number(adapter.reconnects) })}</dd></div>`}
      ${adapter.recovered > 0 && html`<div><dd>${t("connections.recovered", { n: number(adapter.recovered) })}</dd></div>`}</dl>
    ${adapter.calls.length > 0 && html`<details><summary>${t("connections.calls")}</summary><table class="table"><tbody>${adapter.calls.map((one) => html`<tr><td>${one.call}</td><td>${one.result}</td><td class="num">${number(one.count)}</td></tr>`)}</tbody></table></details>`}
    <${Findings} check=${check} /></li>`;
}
