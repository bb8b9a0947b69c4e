// All groups: what the bot does in each, and where an admin changes it.

import { call, get, route } from "../api.js";
import { addWords, t } from "../i18n.js";
import { unreadText } from "../nav.js";
import { groupAddress } from "../router.js";
import { may } from "../session.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Choice, ListEnd, number, Problem, Time, useData, useList } from "../ui.js";

addWords({
  "groups.find": ["按名字或 ID 找群", "Find by name or id"],
  "groups.last": ["最近消息", "Last message"],
  "groups.week": ["近 7 天", "Last 7 days"],
  "groups.weekFigures": ["{answers} 答 / {questions} 问", "{answers} of {questions} answered"],
  "groups.messages": ["消息", "Messages"],
  "groups.mode": ["模式", "Mode"],
  "groups.edit": ["设置", "Settings"],
  "groups.left": ["已离开", "left"],
  "groups.muted": ["静音中", "muted"],
  "groups.none": ["机器人还没有听到过任何群。", "The bot has not heard of any group yet."],
  "mode.off": ["关闭", "off"],
  "mode.shadow": ["旁听", "shadow"],
  "mode.mention": ["被 @ 才答", "mention"],
  "mode.live": ["主动回答", "live"],
  "mode.default": ["按配置（{mode}）", "as configured ({mode})"],
  "mode.off.text": ["什么都不做。", "It does nothing."],
  "mode.shadow.text": ["照常判断并写下草稿，不发出去。", "It decides and drafts, and posts nothing."],
  "mode.mention.text": ["只回答 @ 它的消息。", "It answers who calls it."],
  "mode.live.text": ["也主动回答文档里有答案的问题。", "It answers unprompted what its documents cover, too."],
  "groups.sources": ["知识来源（都不选就是全部）", "Sources (none chosen means all)"],
  "groups.budget": ["主动回答的预算", "Budget of unprompted answers"],
  "groups.budget.own": ["本群单独设置", "its own"],
  "groups.budget.default": ["按配置：连续 {burst} 次，之后每 {minutes} 分钟一次", "as configured: {burst} in a row, then one every {minutes} minutes"],
  "groups.burst": ["连续几次", "in a row"],
  "groups.refill": ["之后几分钟一次", "then one every … minutes"],
  "groups.mute": ["静音", "Mute"],
  "groups.mute.no": ["不静音", "not muted"],
  "groups.mute.until": ["静音到 {time}", "muted until {time}"],
  "groups.mute.2h": ["2 小时", "for 2 hours"],
  "groups.mute.1d": ["1 天", "for a day"],
  "groups.mute.7d": ["7 天", "for a week"],
  "groups.saved": ["已保存，立即生效。", "Saved; it holds from now on."],
});

const MODES = ["off", "shadow", "mention", "live"];
const MUTES = [["7200", "groups.mute.2h"], ["86400", "groups.mute.1d"], ["604800", "groups.mute.7d"]];

export default function Groups({ route: here, onError }) {
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState(here.query.get("open") ?? "");
  const list = useList(async (cursor) => {
    const page = await get(["groups"], { search, offset: cursor ?? 0 });
    return { items: page.groups, next: page.next };
  }, [search], onError);
  const changed = (group) => list.update((items) => items.map((one) => (key(one) === key(group) ? group : one)));
  const elsewhere = open && !list.items.some((one) => key(one) === open) && list.next !== undefined;
  return html`<div class="view">
    <div class="filters"><input type="search" class="find" maxlength="100" placeholder=${t("groups.find")} aria-label=${t("groups.find")}
      value=${search} onInput=${(event) => setSearch(event.target.value)} /></div>
    ${elsewhere && html`<${OpenedElsewhere} name=${open} />`}
    <ul class="cards">${list.items.map((one) => html`<${Group} key=${key(one)} group=${one} open=${open === key(one)}
      onOpen=${() => setOpen(open === key(one) ? "" : key(one))} onChanged=${changed} />`)}</ul>
    <${ListEnd} list=${list} nothing="groups.none" />
  </div>`;
}

const key = (one) => `${one.adapter}:${one.group}`;

/** A group that an address names and that is not among those read so far. */
function OpenedElsewhere({ name }) {
  const [adapter, ...rest] = name.split(":");
  const found = useData(() => get(["groups", adapter, rest.join(":")]), [name]);
  if (!found.data) return null;
  return html`<ul class="cards"><${Group} group=${found.data} open=${true} onOpen=${() => {}} onChanged=${found.set} /></ul>`;
}

function Group({ group, open, onOpen, onChanged }) {
  const muted = group.muted_until !== null;
  return html`<li class="card group-card" data-group=${key(group)}>
    <div class="card-head">
      <a class="card-title" href=${groupAddress(group.adapter, group.group)}><bdi>${group.title || group.group}</bdi></a>
      <span class="badge quiet">${group.adapter}</span>
      <span class="badge mode" data-mode=${group.mode}>${t(`mode.${group.mode}`)}</span>
      ${muted && html`<span class="badge warn">${t("groups.muted")}</span>`}
      ${!group.present && html`<span class="badge quiet">${t("groups.left")}</span>`}
      ${group.unread > 0 && html`<span class="count" title=${t("unreadCount", { n: unreadText(group.unread) })}>${unreadText(group.unread)}</span>`}
      <button type="button" class="chip end" aria-expanded=${open} onClick=${onOpen}>${t("groups.edit")}</button>
    </div>
    <dl class="facts">
      <div><dt>${t("groups.last")}</dt><dd><${Time} at=${group.last_at} /></dd></div>
      <div><dt>${t("groups.week")}</dt><dd>${t("groups.weekFigures", { answers: number(group.answers), questions: number(group.questions) })}</dd></div>
      <div><dt>${t("groups.messages")}</dt><dd>${number(group.messages)}</dd></div>
      ${group.sources.length > 0 && html`<div><dt>${t("groups.sources").split(/[（(]/)[0]}</dt><dd>${group.sources.join(", ")}</dd></div>`}
    </dl>
    ${open && html`<${Settings} group=${group} onChanged=${onChanged} />`}
  </li>`;
}

function Settings({ group, onChanged }) {
  const [error, setError] = useState(null);
  const [saved, setSaved] = useState(false);
  const known = useData(() => get(["sources"]), []);
  const readOnly = !may("admin");
  const change = async (body) => {
    setSaved(false);
    try {
      onChanged(await call("PATCH", route(["groups", group.adapter, group.group]), body));
      setError(null);
      setSaved(true);
    } catch (failed) {
      setError(failed);
    }
  };
  const sources = known.data?.sources ?? group.sources;
  const toggle = (name) => change({ sources: group.sources.includes(name) ? group.sources.filter((one) => one !== name) : [...group.sources, name] });
  return html`<div class="settings">
    <fieldset class="modes"><legend>${t("groups.mode")}</legend>
      ${MODES.map((mode) => html`<label class="mode-choice">
        <input type="radio" name=${`mode-${key(group)}`} checked=${group.mode === mode} disabled=${readOnly} onChange=${() => change({ mode })} />
        <strong>${t(`mode.${mode}`)}</strong><span>${t(`mode.${mode}.text`)}</span></label>`)}
    </fieldset>
    <fieldset class="checks"><legend>${t("groups.sources")}</legend>
      ${sources.map((name) => html`<label><input type="checkbox" checked=${group.sources.includes(name)} disabled=${readOnly} onChange=${() => toggle(name)} /> ${name}</label>`)}
    </fieldset>
    <${BudgetSetting} group=${group} readOnly=${readOnly} change=${change} />
    <${Choice} label=${t("groups.mute")} value=${group.muted_until ? "now" : "0"} disabled=${readOnly}
      options=${[["0", t("groups.mute.no")], ...(group.muted_until ? [["now", t("groups.mute.until", { time: new Date(group.muted_until * 1000).toLocaleString() })]] : []), ...MUTES.map(([value, name]) => [value, t(name)])]}
      onChange=${(value) => value !== "now" && change({ muted_s: Number(value) })} />
    <${Problem} error=${error} words="changeFailed" />
    <p class="saved" role="status">${saved ? t("groups.saved") : ""}</p>
  </div>`;
}

function BudgetSetting({ group, readOnly, change }) {
  const budget = group.budget ?? group.default_budget;
  const [burst, setBurst] = useState(budget.burst);
  const [minutes, setMinutes] = useState(budget.refill_s / 60);
  useEffect(() => {
    setBurst(budget.burst);
    setMinutes(budget.refill_s / 60);
  }, [group.budget]);
  const own = group.budget !== null;
  const shown = { burst: group.default_budget.burst, minutes: number(group.default_budget.refill_s / 60, 1) };
  const send = () => change({ budget: { burst: Number(burst), refill_s: Number(minutes) * 60 } });
  return html`<fieldset class="checks"><legend>${t("groups.budget")}</legend>
    <label><input type="radio" name=${`budget-${key(group)}`} checked=${!own} disabled=${readOnly} onChange=${() => change({ budget: null })} /> ${t("groups.budget.default", shown)}</label>
    <label><input type="radio" name=${`budget-${key(group)}`} checked=${own} disabled=${readOnly} onChange=${send} /> ${t("groups.budget.own")}</label>
    ${own && html`<div class="budget">
      <label>${t("groups.burst")} <input type="number" min="1" max="1000" value=${burst} disabled=${readOnly} onInput=${(event) => setBurst(event.target.value)} onChange=${send} /></label>
      <label>${t("groups.refill")} <input type="number" min="0.1" step="any" value=${minutes} disabled=${readOnly} onInput=${(event) => setMinutes(event.target.value)} onChange=${send} /></label>
    </div>`}
  </fieldset>`;
}
