// What the bot knows: sources, documents and pieces, which of them are used, and what it would make
// of a question.

import { call, get, post, route } from "../api.js";
import { decisionLabel, verdict } from "../chat/decision.js";
import { renderMarkdown } from "../chat/markdown.js";
import { place, sources as citedSources } from "../chat/sources.js";
import { externalLink, safeUrl } from "../dom.js";
import { addWords, t } from "../i18n.js";
import { may } from "../session.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Choice, ListEnd, number, Problem, Time, useData, useList, useLive } from "../ui.js";

addWords({
  "knowledge.try": ["试一个问题", "Try a question"],
  "knowledge.tryText": ["看每一步会怎么做、会答什么；不会记录，也不会发到群里。", "See what each stage would do and what it would answer; nothing is recorded or posted."],
  "knowledge.question": ["问题", "Question"],
  "knowledge.mention": ["当作 @ 了它", "as a mention"],
  "knowledge.ask": ["试试", "Try it"],
  "knowledge.passages": ["最接近的段落", "Nearest passages"],
  "knowledge.sources": ["来源", "Sources"],
  "knowledge.source": ["{documents} 篇，跳过 {skipped}", "{documents} documents, {skipped} skipped"],
  "knowledge.writable": ["可在这里改", "can be changed here"],
  "knowledge.served": ["共 {documents} 篇文档，{pieces} 段；建立于", "{documents} documents, {pieces} pieces; built"],
  "knowledge.reload": ["重新读取", "Reload"],
  "knowledge.reloading": ["正在重载：{stage} {done}/{total}", "Reloading: {stage} {done} of {total}"],
  "knowledge.report": ["新增 {added}，改动 {changed}，删除 {removed}，跳过 {skipped}，用时 {seconds} 秒。", "{added} added, {changed} changed, {removed} removed, {skipped} skipped, in {seconds} s."],
  "knowledge.failed": ["重载失败：{error}", "The reload failed: {error}"],
  "knowledge.documents": ["文档", "Documents"],
  "knowledge.find": ["路径里有…", "Text in the path"],
  "knowledge.use": ["使用情况（近 90 天）", "Use in 90 days"],
  "use.": ["全部", "all"],
  "use.cited": ["被引用过", "cited"],
  "use.helpful": ["有人觉得有帮助", "found helpful"],
  "use.unhelpful": ["有人觉得没帮助", "found unhelpful"],
  "use.never": ["从没用到", "never used"],
  "use.skipped": ["被跳过", "skipped"],
  "knowledge.allSources": ["全部来源", "all sources"],
  "knowledge.path": ["路径", "Path"],
  "knowledge.pieces": ["段", "Pieces"],
  "knowledge.cited": ["引用", "Cited"],
  "knowledge.votes": ["有帮助/没帮助", "Helpful/not"],
  "knowledge.none": ["没有符合条件的文档。", "No document passes these filters."],
  "knowledge.show": ["看它被切成的段", "Show its pieces"],
  "knowledge.edit": ["编辑", "Edit"],
  "knowledge.newPage": ["新页面", "New page"],
  "knowledge.pagePath": ["路径，以 .md 结尾", "Path, which ends in .md"],
  "knowledge.remove": ["删除", "Delete"],
  "knowledge.sure": ["确定删除这一页？", "Delete this page?"],
});

export default function Knowledge({ route: here, onError }) {
  const [busy, setBusy] = useState(false); // while it reloads it is looked at more often
  const summary = useLive(async () => {
    const found = await get(["knowledge"]);
    setBusy(found.reloading !== null);
    return found;
  }, [], onError, busy ? 1500 : 10000);
  const [edited, setEdited] = useState(null); // {source, path}
  const saved = () => {
    setEdited(null);
    summary.reload();
  };
  return html`<div class="view">
    <${Try} text=${here.query.get("text") ?? ""} onError=${onError} />
    <${Problem} error=${summary.error} again=${summary.reload} />
    ${summary.data && html`<${Sources} summary=${summary.data} onError=${onError} onNew=${(source) => setEdited({ source, path: "" })} onReload=${summary.reload} />`}
    ${edited && html`<${Editor} key=${`${edited.source}/${edited.path}`} page=${edited} onDone=${saved} />`}
    ${summary.data && html`<${Documents} key=${summary.data.built_at} summary=${summary.data} onError=${onError} onEdit=${setEdited} />`}
  </div>`;
}

function Try({ text, onError }) {
  const [asked, setAsked] = useState(text);
  const [mention, setMention] = useState(true);
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const place_ = useRef(null);
  async function ask(event) {
    event?.preventDefault();
    if (asked.trim() === "") return;
    setBusy(true);
    try {
      setFound(await post(["knowledge", "try"], { text: asked, mention }, { timeout: 120000 }));
      setError(null);
    } catch (failed) {
      setError(failed);
      onError(failed);
    }
    setBusy(false);
  }
  useEffect(() => {
    if (text) ask();
  }, []);
  useEffect(() => {
    if (!found) return;
    const answer = document.createElement("div");
    answer.className = "text whole-reply";
    answer.append(renderMarkdown(found.text, found.citations));
    const cited = citedSources(found.citations);
    place_.current.replaceChildren(...(found.text ? [answer] : []), ...(cited ? [cited] : []), ...verdict(found));
  }, [found]);
  const label = found && decisionLabel({ outcome: found.outcome, reason: found.reason });
  return html`<section class="card"><h2>${t("knowledge.try")}</h2><p class="lead">${t("knowledge.tryText")}</p>
    <form class="filters" onSubmit=${ask}>
      <input type="search" class="find" maxlength="4000" value=${asked} placeholder=${t("knowledge.question")} aria-label=${t("knowledge.question")} onInput=${(event) => setAsked(event.target.value)} />
      <label class="check"><input type="checkbox" checked=${mention} onChange=${() => setMention(!mention)} /> ${t("knowledge.mention")}</label>
      <button type="submit" class="button main" disabled=${busy}>${t("knowledge.ask")}</button></form>
    <${Problem} error=${error} />
    ${label && html`<p role="status"><span class="decision-chip" data-kind=${label.kind}><span class="dot" aria-hidden="true"></span><span>${label.text}</span></span></p>`}
    <div class="why-tried" ref=${place_}></div>
    ${found && html`<h3>${t("knowledge.passages")}</h3><ol class="plain">${found.passages.map((one) => html`<li>
      <p><strong>${one.heading || one.path}</strong> <span class="muted">${place(one)} · ${number(one.score, 2)}</span></p><p class="excerpt">${one.text.slice(0, 500)}</p></li>`)}</ol>`}
  </section>`;
}

function Sources({ summary, onError, onNew, onReload }) {
  const { reloading, report } = summary;
  const reload = () => post(["knowledge", "reload"]).then(onReload, onError);
  return html`<section class="card"><div class="card-head"><h2>${t("knowledge.sources")}</h2>
      ${may("admin") && html`<button type="button" class="button end" disabled=${reloading !== null} onClick=${reload}>${t("knowledge.reload")}</button>`}</div>
    <p>${t("knowledge.served", { documents: number(summary.documents), pieces: number(summary.pieces) })} <${Time} at=${summary.built_at} /></p>
    <p class="told" role="status">${reloading ? t("knowledge.reloading", { ...reloading, stage: t(`build.${reloading.stage}`) }) : reported(report)}</p>
    <ul class="plain">${summary.sources.map((one) => html`<li class="row"><strong>${one.name}</strong> <span class="muted">${one.place}</span>
      <span>${t("knowledge.source", { documents: number(one.documents), skipped: number(one.skipped) })}</span>
      ${one.writable && html`<span class="badge">${t("knowledge.writable")}</span>`}
      ${one.writable && may("admin") && html`<button type="button" class="chip end" onClick=${() => onNew(one.name)}>${t("knowledge.newPage")}</button>`}</li>`)}</ul></section>`;
}

function reported(report) {
  if (report === null) return "";
  if (report.error) return t("knowledge.failed", report);
  const counts = Object.fromEntries(["added", "changed", "removed"].map((name) => [name, report[name].length]));
  const skipped = report.skipped.filter((one) => one.document).length; // the others are no documents
  return t("knowledge.report", { ...counts, skipped, seconds: number(report.seconds, 1) });
}

function Documents({ summary, onError, onEdit }) {
  const [filters, setFilters] = useState({ search: "", source: "", use: "" });
  const [open, setOpen] = useState("");
  const list = useList(async (cursor) => {
    const page = await get(["knowledge", "documents"], { ...filters, offset: cursor ?? 0 });
    return { items: page.documents, next: page.next };
  }, [JSON.stringify(filters)], onError);
  const set = (change) => setFilters({ ...filters, ...change });
  const writable = new Set(summary.sources.filter((one) => one.writable).map((one) => one.name));
  return html`<section class="card"><h2>${t("knowledge.documents")}</h2>
    <div class="filters"><input type="search" class="find" maxlength="200" placeholder=${t("knowledge.find")} aria-label=${t("knowledge.find")} onChange=${(event) => set({ search: event.target.value })} />
      <${Choice} label=${t("knowledge.sources")} value=${filters.source} options=${[["", t("knowledge.allSources")], ...summary.sources.map((one) => [one.name, one.name])]} onChange=${(source) => set({ source })} />
      <${Choice} label=${t("knowledge.use")} value=${filters.use} options=${["", "cited", "helpful", "unhelpful", "never", "skipped"].map((one) => [one, t(`use.${one}`)])} onChange=${(use) => set({ use })} /></div>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("knowledge.documents")}><table class="table"><thead><tr>
      ${["path", "pieces", "cited", "votes"].map((name) => html`<th scope="col" class=${name === "path" ? "" : "num"}>${t(`knowledge.${name}`)}</th>`)}</tr></thead>
      <tbody>${list.items.map((one) => {
        const key = `${one.source}/${one.path}`;
        return html`<tr key=${key}><td>
          <button type="button" class="link" title=${t("knowledge.show")} aria-expanded=${open === key} onClick=${() => setOpen(open === key ? "" : key)}>${one.path}</button>
          <span class="muted"> ${one.source}</span>
          ${writable.has(one.source) && may("admin") && one.path.endsWith(".md") && html` <button type="button" class="chip" onClick=${() => onEdit({ source: one.source, path: one.path })}>${t("knowledge.edit")}</button>`}
          ${one.error && html`<p class="bad">${one.error}</p>`}
          ${open === key && html`<${Pieces} document=${one} />`}</td>
        <td class="num">${number(one.pieces)}</td><td class="num">${number(one.cited)}</td><td class="num">${number(one.helpful)} / ${number(one.unhelpful)}</td></tr>`;
      })}</tbody></table></div>
    <${ListEnd} list=${list} nothing="knowledge.none" /></section>`;
}

function Pieces({ document: one }) {
  const found = useData(() => get(["knowledge", "pieces"], { source: one.source, path: one.path }), [one.source, one.path]);
  const link = useRef(null);
  useEffect(() => {
    const url = safeUrl(one.url);
    if (url) link.current?.replaceChildren(externalLink(url, "source", url));
  }, [one.url]);
  return html`<div class="pieces"><p ref=${link}></p><${Problem} error=${found.error} again=${found.reload} />
    ${(found.data?.pieces ?? []).map((piece) => html`<div class="piece"><p class="muted">${piece.heading} · ${t("line", { line: piece.line })}</p><pre tabindex="0">${piece.text}</pre></div>`)}</div>`;
}

function Editor({ page, onDone }) {
  const [path, setPath] = useState(page.path);
  const [text, setText] = useState("");
  const [error, setError] = useState(null);
  const place_ = useRef(null);
  useEffect(() => {
    place_.current.scrollIntoView({ block: "center" });
    if (page.path) get(["page"], page).then((found) => setText(found.text), setError);
  }, []);
  const work = (method, address, body) => call(method, address, body).then(onDone, setError);
  const save = () => work("PUT", route(["page"]), { source: page.source, path, text });
  const remove = () => confirm(t("knowledge.sure")) && work("DELETE", route(["page"], { source: page.source, path }));
  return html`<section class="card" ref=${place_}><h2>${page.path || t("knowledge.newPage")}</h2>
    ${!page.path && html`<label class="choice"><span>${t("knowledge.pagePath")}</span><input type="text" value=${path} placeholder="answers/….md" onInput=${(event) => setPath(event.target.value)} /></label>`}
    <textarea rows="14" aria-label=${path || t("knowledge.newPage")} value=${text} onInput=${(event) => setText(event.target.value)}></textarea>
    <${Problem} error=${error} words="changeFailed" />
    <div class="row"><button type="button" class="button main" onClick=${save}>${t("save")}</button>
      <button type="button" class="button" onClick=${onDone}>${t("cancel")}</button>
      ${page.path && html`<button type="button" class="button danger end" onClick=${remove}>${t("knowledge.remove")}</button>`}</div></section>`;
}
