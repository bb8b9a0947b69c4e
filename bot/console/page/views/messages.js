// The questions of all groups: filtered, sorted by time or by how unsure the gate was, labelled by
// keys.

import { call, download, get, getDecision, post, route } from "../api.js";
import { reasonText, decisionLabel, verdict } from "../chat/decision.js";
import { renderMarkdown } from "../chat/markdown.js";
import { addWords, t } from "../i18n.js";
import { address, go, groupAddress } from "../router.js";
import { may, session } from "../session.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { Choice, dateTime, ListEnd, number, Problem, useData, useList } from "../ui.js";

addWords({
  "messages.text": ["消息里有…", "Text in a message"],
  "messages.sort": ["顺序", "Order"],
  "sort.newest": ["最新", "newest first"],
  "sort.uncertain": ["最没把握", "most uncertain first"],
  "messages.mark": ["标记", "Marks"],
  "mark.": ["全部", "all"],
  "mark.unlabelled": ["未标注", "not labelled"],
  "mark.labelled": ["已标注", "labelled"],
  "mark.good": ["该答", "should answer"],
  "mark.bad": ["不该答", "should not answer"],
  "mark.unsure": ["说不准", "unsure"],
  "mark.helpful": ["有人觉得有帮助", "found helpful"],
  "mark.unhelpful": ["有人觉得没帮助", "found unhelpful"],
  "mark.recalled": ["被撤回", "taken back"],
  "messages.outcome": ["结果", "Outcome"],
  "outcome.": ["全部", "all"],
  "outcome.answer": ["已回答", "answered"],
  "outcome.silence": ["没有回答", "not answered"],
  "messages.reason": ["原因", "Reason"],
  "messages.mention": ["@ 它", "Mention"],
  "mention.": ["全部", "all"],
  "mention.true": ["是", "yes"],
  "mention.false": ["否", "no"],
  "messages.since": ["从", "From"],
  "messages.until": ["到", "To"],
  "messages.least": ["得分 ≥", "Score from"],
  "messages.most": ["得分 ≤", "Score to"],
  "messages.more": ["更多筛选", "More filters"],
  "messages.clear": ["清除筛选", "Clear filters"],
  "messages.csv": ["导出 CSV", "Export CSV"],
  "messages.jsonl": ["导出 JSONL", "Export JSONL"],
  "messages.none": ["没有符合条件的消息。", "No message passes these filters."],
  "messages.empty": ["（没有文字，或已撤回、抹除）", "(no text, or taken back or erased)"],
  "messages.keys": ["按键：g 该答，b 不该答，u 说不准，n 下一条，p 上一条，回车看原因", "Keys: g should answer, b should not, u unsure, n next, p previous, Enter shows why"],
  "messages.label": ["这类消息该答吗？", "Should it answer such messages?"],
  "label.good": ["该答", "Yes"],
  "label.bad": ["不该答", "No"],
  "label.unsure": ["说不准", "Unsure"],
  "label.none": ["取消标注", "Take it back"],
  "told.good.true": ["现在的门控已经会放行它。", "The gate lets it through already."],
  "told.good.false": ["现在的门控会拦下它；下次重训会学到这条。", "Today's gate keeps it out; the next refit learns from this."],
  "told.bad.true": ["现在的门控会放行它；下次重训会学到这条。", "Today's gate lets it through; the next refit learns from this."],
  "told.bad.false": ["现在的门控已经会拦下它。", "The gate keeps it out already."],
  "told.waiting": ["等待重训的标注：{n} 条。", "Labels waiting for the next refit: {n}."],
  "told.refit": ["去重训", "To the refit"],
  "messages.score": ["得分 {score}，阈值 {threshold}", "scored {score}, needs {threshold}"],
  "messages.labelledBy": ["{origin} · {person}", "{origin} · {person}"],
  "messages.draft": ["旁听草稿", "Draft in shadow mode"],
  "messages.reply": ["它的回复", "Its reply"],
  "messages.why": ["为什么", "Why"],
  "messages.select": ["选中", "Select"],
  "messages.selected": ["选中 {n} 条：", "{n} selected:"],
  "messages.inGroup": ["在群里看", "See it in its group"],
  "messages.ofUser": ["只看他的消息", "Only this person's messages"],
  "messages.erase": ["抹去此人的全部数据", "Erase all that is kept of this person"],
  "messages.eraseSure": ["抹去 {user} 的所有消息、投票和标注？这不能撤销。", "Erase all messages, votes and labels of {user}? This can't be undone."],
  "messages.erased": ["已抹去：{messages} 条消息，{votes} 次投票，{labels} 条标注。", "Erased: {messages} messages, {votes} votes, {labels} labels."],
  "messages.erasedPages": ["这些页面由此人的提问写成，请自己看看：{pages}", "Made of questions of theirs, look at it yourself: {pages}"],
});

const FILTERS = ["sort", "text", "group", "mark", "outcome", "reason", "mention", "user", "since", "until", "least", "most"];
const RARE = ["mention", "since", "until", "least", "most", "reason"];
const VALUES = ["good", "bad", "unsure"];
const KEYS = { g: "good", b: "bad", u: "unsure" };

export default function Messages({ route: here, onError }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, here.query.get(name) ?? (name === "sort" ? "newest" : "")]));
  const set = (change) => go(address(["messages"], { ...filters, ...change }), { replace: true });
  const list = useList(async (cursor) => {
    const page = await get(["messages"], { ...asked(filters), cursor });
    return { items: page.messages, next: page.next };
  }, [JSON.stringify(filters)], onError);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(null);
  const [chosen, setChosen] = useState(new Set());
  const [told, setTold] = useState(null);
  const [error, setError] = useState(null);
  const place = useRef(null);
  useLayoutEffect(() => {
    goTo(0);
    setChosen(new Set());
  }, [JSON.stringify(filters)]);

  // The keys are quicker than what draws the list: where they are at is known at once.
  const now = useRef(0);
  function goTo(next) {
    now.current = next;
    setAt(next);
  }

  /** Shows the labels at once and gives them; one that is refused is taken back. */
  async function label(chosen, value) {
    const questions = chosen.filter((one) => one.text); // of no words nothing is learned
    if (!may("labeller") || questions.length === 0) return;
    const before = new Map(questions.map((one) => [one.id, one]));
    list.update((items) => items.map((one) => (before.has(one.id) ? marked(one, value) : one)));
    try {
      const labels = questions.map((one) => ({ adapter: one.adapter, message_id: one.message_id, label: value }));
      const answer = await post(["labels"], { labels });
      setTold({ ...answer.labels.at(-1), waiting: answer.waiting, many: questions.length > 1 });
      setError(null);
    } catch (failed) {
      list.update((items) => items.map((one) => before.get(one.id) ?? one));
      setError(failed);
      onError(failed);
    }
  }

  function move(step) {
    const next = Math.max(0, Math.min(now.current + step, list.items.length - 1));
    goTo(next);
    if (next > list.items.length - 5) list.more();
    requestAnimationFrame(() => place.current?.querySelector(`[data-number="${now.current}"]`)?.focus());
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const current = list.items[now.current];
    if (!current) return;
    if (KEYS[event.key]) {
      label([current], KEYS[event.key]);
      move(1);
    } else if (event.key === "n" || event.key === "j") move(1);
    else if (event.key === "p" || event.key === "k") move(-1);
    else if (event.key === "x") toggle(current);
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON" && event.target.tagName !== "A") setOpen(open === current.id ? null : current.id);
    else return;
    event.preventDefault();
  }

  function toggle(question) {
    setChosen((before) => {
      const after = new Set(before);
      if (!after.delete(question.id)) after.add(question.id);
      return after;
    });
  }

  // With the list itself, not after its paint: a key in between would go to the list before it.
  useLayoutEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });

  const selected = list.items.filter((one) => chosen.has(one.id));
  return html`<div class="view">
    <${FilterBar} filters=${filters} set=${set} onError=${onError} />
    ${may("labeller") && html`<p class="lead keys">${t("messages.keys")}</p>`}
    ${selected.length > 0 && html`<div class="row bulk">${t("messages.selected", { n: selected.length })}
      ${[...VALUES, "none"].map((value) => html`<button type="button" class="button" onClick=${() => label(selected, value)}>${t(`label.${value}`)}</button>`)}</div>`}
    <${Problem} error=${error} words="changeFailed" />
    <p class="told" role="status">${told && html`<${Told} told=${told} />`}</p>
    <ol class="cards questions" ref=${place}>
      ${list.items.map((one, number_) => html`<${Question} key=${one.id} question=${one} number=${number_} current=${number_ === at} open=${open === one.id}
        chosen=${chosen.has(one.id)} onToggle=${() => toggle(one)} onFocus=${() => goTo(number_)}
        onOpen=${() => setOpen(open === one.id ? null : one.id)} onLabel=${(value) => label([one], value)} />`)}
    </ol>
    <${ListEnd} list=${list} nothing="messages.none" />
  </div>`;
}

/** The filters as the API takes them: days become seconds. */
function asked({ since, until, ...rest }) {
  const day = (text, plus) => (text ? new Date(`${text}T00:00`).getTime() / 1000 + plus : "");
  return { ...rest, since: day(since, 0), until: day(until, 86400) };
}

const me = () => `console:${session().name}`;

/** A question with this person's label; the others' stay. */
function marked(question, value) {
  const labels = question.labels.filter(([origin, person]) => origin !== "console" || person !== me());
  if (value === "good" || value === "bad") labels.push(["console", me(), value === "good"]);
  const unsure = question.unsure.filter((person) => person !== me());
  return { ...question, labels, unsure: value === "unsure" ? [...unsure, me()] : unsure };
}

function ownLabel({ labels, unsure }) {
  const own = labels.find(([origin, person]) => origin === "console" && person === me());
  if (own) return own[2] ? "good" : "bad";
  return unsure.includes(me()) ? "unsure" : "";
}

function Told({ told }) {
  if (told.label !== "good" && told.label !== "bad") return t("told.waiting", { n: told.waiting });
  const now = told.many || told.passes_now === undefined ? "" : t(`told.${told.label}.${told.passes_now}`);
  return html`${now} ${t("told.waiting", { n: told.waiting })} <a href=${address(["gate"])}>${t("told.refit")}</a>`;
}

function FilterBar({ filters, set, onError }) {
  const groups = useData(() => get(["groups"], { limit: 200 }), [], onError);
  const [more, setMore] = useState(RARE.some((name) => filters[name]));
  const used = FILTERS.some((name) => name !== "sort" && filters[name]);
  const shownGroups = (groups.data?.groups ?? []).map((one) => [`${one.adapter}:${one.group}`, one.title || one.group]);
  if (filters.group && !shownGroups.some(([value]) => value === filters.group)) shownGroups.unshift([filters.group, filters.group]);
  const choice = (name, values) => html`<${Choice} label=${t(`messages.${name}`)} value=${filters[name]}
    options=${values.map((value) => [value, t(`${name}.${value}`)])} onChange=${(value) => set({ [name]: value })} />`;
  const field = (name, type) => html`<label class="choice"><span>${t(`messages.${name}`)}</span>
    <input type=${type} step="any" value=${filters[name]} onChange=${(event) => set({ [name]: event.target.value })} /></label>`;
  const save = (kind) => download([`messages.${kind}`], { ...asked(filters), limit: "" }, `messages.${kind}`).catch(onError);
  const reasons = [["", t("outcome.")], ...Object.keys(session().reasons).filter((one) => one !== "command").map((one) => [one, reasonText(one)])];
  return html`<div class="filters">
    <input type="search" class="find" maxlength="200" placeholder=${t("messages.text")} aria-label=${t("messages.text")}
      value=${filters.text} onChange=${(event) => set({ text: event.target.value })} />
    ${choice("sort", ["newest", "uncertain"])}
    ${choice("mark", ["", "unlabelled", "labelled", "good", "bad", "unsure", "helpful", "unhelpful", "recalled"])}
    ${choice("outcome", ["", "answer", "silence"])}
    <${Choice} label=${t("messages.group")} value=${filters.group} options=${[["", t("messages.allGroups")], ...shownGroups]} onChange=${(group) => set({ group })} />
    ${more && html`
      <${Choice} label=${t("messages.reason")} value=${filters.reason} options=${reasons} onChange=${(reason) => set({ reason })} />
      ${choice("mention", ["", "true", "false"])}
      ${field("since", "date")}${field("until", "date")}${field("least", "number")}${field("most", "number")}`}
    <div class="row">
      ${!more && html`<button type="button" class="button" onClick=${() => setMore(true)}>${t("messages.more")}</button>`}
      ${used && html`<button type="button" class="button" onClick=${() => set(Object.fromEntries(FILTERS.map((name) => [name, name === "sort" ? filters.sort : ""])))}>${t("messages.clear")}</button>`}
      <button type="button" class="button" onClick=${() => save("csv")}>${t("messages.csv")}</button>
      <button type="button" class="button" onClick=${() => save("jsonl")}>${t("messages.jsonl")}</button>
    </div>
  </div>`;
}

function Question({ question: one, number: at, current, open, chosen, onToggle, onFocus, onOpen, onLabel }) {
  const { kind, text } = decisionLabel({ outcome: one.outcome, reason: one.reason, replied: one.draft ? null : one.reply?.[0] });
  const own = ownLabel(one);
  const others = one.labels.filter(([origin, person]) => origin !== "console" || person !== me());
  return html`<li class=${`card question${current ? " current" : ""}`} data-number=${at} tabindex="-1" onFocus=${onFocus}>
    <div class="card-head">
      <label class="pick"><input type="checkbox" checked=${chosen} onChange=${onToggle} aria-label=${t("messages.select")} /></label>
      <a class="asker" href=${address(["messages"], { user: one.user })} title=${t("messages.ofUser")}><bdi>${one.user}</bdi></a>
      <a class="muted" href=${groupAddress(one.adapter, one.group, one.message_id)} title=${t("messages.inGroup")}>${one.title || one.group}</a>
      <span class="muted">${dateTime(one.at)}</span>
      ${one.mention && html`<span class="badge quiet">@</span>`}
      <span class="decision-chip" data-kind=${kind}><span class="dot" aria-hidden="true"></span><span>${text}</span></span>
      ${one.score !== null && html`<span class="muted figures-line">${t("messages.score", { score: number(one.score, 2), threshold: number(one.threshold, 2) })}</span>`}
    </div>
    <p class="said">${one.text || t("messages.empty")}</p>
    ${one.reply && html`<p class=${`replied${one.recalled ? " gone" : ""}`}><span class="muted">${t(one.draft ? "messages.draft" : "messages.reply")}: </span>${excerpt(one.reply[1])}</p>`}
    <div class="row">
      ${may("labeller") && one.text && html`<div class="labels" role="group" aria-label=${t("messages.label")}>
        ${VALUES.map((value) => html`<button type="button" class="chip" aria-pressed=${own === value} onClick=${() => onLabel(own === value ? "none" : value)}>${t(`label.${value}`)}</button>`)}</div>`}
      ${others.map(([origin, person, good]) => html`<span class="badge quiet">${t(good ? "label.good" : "label.bad")}: ${t("messages.labelledBy", { origin: t(`origin.${origin}`), person: person.split(":").slice(1).join(":") || "–" })}</span>`)}
      <button type="button" class="chip end" aria-expanded=${open} onClick=${onOpen}>${t("messages.why")}</button>
    </div>
    ${open && html`<${Why} question=${one} />`}
  </li>`;
}

/** The first words of a reply, without the marks of headings. */
const excerpt = (text) => text.slice(0, 400).replace(/^#+ /gm, "").replace(/\n{2,}/g, "\n");

function Why({ question }) {
  const found = useData(() => getDecision(question.adapter, question.message_id), [question.id]);
  const place = useRef(null);
  useEffect(() => {
    if (!found.data) return;
    const reply = found.data.text ?? found.data.draft?.text;
    const cited = found.data.text ? found.data.citations : found.data.draft?.citations;
    place.current.replaceChildren(...verdict(found.data));
    if (reply) {
      const shown = document.createElement("div");
      shown.className = "text whole-reply";
      shown.append(renderMarkdown(reply, cited ?? []));
      place.current.prepend(shown);
    }
  }, [found.data]);
  return html`<div class="why"><div ref=${place}></div><${Problem} error=${found.error} again=${found.reload} />
    ${may("admin") && html`<${Erase} question=${question} />`}</div>`;
}

function Erase({ question: { adapter, user } }) {
  const [told, setTold] = useState(null);
  const [error, setError] = useState(null);
  const erase = () => confirm(t("messages.eraseSure", { user })) && call("DELETE", route(["people", adapter, user]), undefined, { timeout: 120000 }).then(setTold, setError);
  return html`<div class="row erase"><${Problem} error=${error} words="changeFailed" />
    ${told ? html`<p class="told" role="status">${t("messages.erased", told)}
      ${told.pages.length > 0 && ` ${t("messages.erasedPages", { pages: told.pages.join(", ") })}`}</p>` : html`<button type="button" class="button danger" onClick=${erase}>${t("messages.erase")}</button>`}</div>`;
}
