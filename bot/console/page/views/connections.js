// What the bot is connected to, whether it works, and the configuration.

import { get } from "../api.js";
import { addWords, t } from "../i18n.js";
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
  "connections.since": ["状态起于", "since"],
  "connections.event": ["最近事件", "last event"],
  "connections.reconnects": ["重连 {n} 次", "{n} reconnects"],
  "connections.recovered": ["补回 {n} 条消息", "{n} missed messages fetched"],
  "connections.calls": ["接口调用", "API calls"],
  "connections.refused": ["被拒绝：", "Refused: "],
  "connections.models": ["模型", "Models"],
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
    ${may("admin") && html`<${Config} onError=${onError} />`}
  </div>`;
}

function Adapter({ adapter, onError }) {
  const check = useCheck(adapter.name, onError);
  return html`<li class="card"><div class="card-head"><span class="card-title">${adapter.name}</span><span class="badge quiet">${adapter.kind}</span>
      <span class=${`badge ${adapter.up ? "" : "bad"}`}>${t(adapter.up ? "connections.up" : "connections.down")}</span>
      ${may("admin") && html`<${CheckButton} check=${check} place="end" />`}</div>
    ${adapter.problem && html`<p class="bad">${adapter.problem}</p>`}
    ${adapter.refused.map((one) => html`<p class="bad">${t("connections.refused")}<code>${one.call}</code> ${one.en}</p>`)}
    <dl class="facts"><div><dt>${t("connections.since")}</dt><dd><${Time} at=${adapter.since} /></dd></div>
      <div><dt>${t("connections.event")}</dt><dd><${Time} at=${adapter.event} /></dd></div>
      ${adapter.reconnects > 0 && html`<div><dd>${t("connections.reconnects", { n: number(adapter.reconnects) })}</dd></div>`}
      ${adapter.recovered > 0 && html`<div><dd>${t("connections.recovered", { n: number(adapter.recovered) })}</dd></div>`}</dl>
    ${adapter.calls.length > 0 && html`<details><summary>${t("connections.calls")}</summary><table class="table"><tbody>${adapter.calls.map((one) => html`<tr><td>${one.call}</td><td>${one.result}</td><td class="num">${number(one.count)}</td></tr>`)}</tbody></table></details>`}
    <${Findings} check=${check} /></li>`;
}
