// The configuration: its file, changed here with what that means, and what holds now.

import { get, post } from "../api.js";
import { addWords, inWords, t } from "../i18n.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Choice, Problem, useData } from "../ui.js";

addWords({
  "config.title": ["配置文件", "Configuration file"],
  "config.text": ["密钥显示为 •••1 这样的占位：原样留着就不变，换成新值就是新密钥。写入之前先检查，原文件会留一份带编号的备份，注释不会丢。", "Secrets show as •••1 and the like: leave one and it stays, write over it and it is new. A change is checked before it is written, the file is kept as a numbered backup, and comments stay."],
  "config.show": ["查看和修改", "Show and change it"],
  "config.area": ["{name} 的内容", "Text of {name}"],
  "config.check": ["检查", "Check"],
  "config.write": ["写入", "Write it"],
  "config.discard": ["放弃修改", "Discard"],
  "config.backup": ["备份", "Backup"],
  "config.noBackup": ["选择…", "choose…"],
  "config.same": ["和现在的文件一样。", "It is the file as it is."],
  "config.problems": ["有 {n} 处要改，还不能写入：", "{n} to put right before it can be written:"],
  "config.difference": ["改动", "What changes"],
  "config.keys": ["改了哪些项，何时生效", "Which keys change, and when they count"],
  "config.pending": ["文件里已改、还没生效：", "Changed in the file, not in effect yet:"],
  "config.fileWrong": ["文件现在有错，下次启动会失败：", "The file is wrong now, the next start would fail:"],
  "config.written": ["已写入；原文件是 {name}.{backup}。", "Written; the file as it was is {name}.{backup}."],
  "config.made": ["已写入 {name}。", "{name} is written."],
  "holds.now": ["立即生效", "at once"],
  "holds.reload": ["下次重新读取知识库时生效", "with the next reload of the knowledge"],
  "holds.restart": ["重启后生效", "after a restart"],
  "config.holding": ["现在生效的配置", "What holds now"],
  "config.holdingText": ["包括默认值，密钥已遮住。", "With all defaults, and secrets masked."],
});

export function Config({ onError }) {
  const [open, setOpen] = useState(false);
  return html`<section class="card"><h2>${t("config.title")}</h2><p class="lead">${t("config.text")}</p>
      ${open ? html`<${Editor} onError=${onError} />` : html`<button type="button" id="config-show" class="button" onClick=${() => setOpen(true)}>${t("config.show")}</button>`}</section>
    <${Holding} onError=${onError} />`;
}

function Editor({ onError }) {
  const file = useData(() => get(["config", "file"]), [], onError);
  const [text, setText] = useState("");
  const [backup, setBackup] = useState("");
  const [checked, setChecked] = useState(null);
  const [told, setTold] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => setText(file.data?.text ?? ""), [file.data]);
  if (!file.data) return html`<${Problem} error=${file.error} again=${file.reload} />`;
  const { name, version, backups, pending, problems } = file.data;
  const wrong = (found) => inWords(found.problems, found.zh);
  const change = backup ? { version, backup: Number(backup) } : { version, text };
  const edit = (next) => {
    setText(next);
    setBackup("");
    setChecked(null);
    setTold("");
  };
  async function work(path, done) {
    setBusy(true);
    setError(null);
    try {
      await done(await post(["config", path], change, { timeout: 300000 }));
    } catch (failed) {
      setError(failed);
      onError(failed);
    }
    setBusy(false);
  }
  const check = () => work("check", (found) => { setChecked(found); setTold(""); });
  const write = () => work("file", async (done) => {
    setChecked(null);
    setBackup("");
    setTold(`${t(done.backup ? "config.written" : "config.made", { name, backup: done.backup })} ${done.problem}`);
    await file.reload();
  });
  const same = checked && checked.problems.length === 0 && checked.difference.length === 0;
  return html`
    ${problems.length > 0 && html`<div class="error" role="alert">${t("config.fileWrong")}<ul>${wrong(file.data).map((line) => html`<li>${line}</li>`)}</ul></div>`}
    ${pending.length > 0 && html`<p>${t("config.pending")}</p><${Keys} keys=${pending} />`}
    <textarea class="code" rows="18" spellcheck=${false} aria-label=${t("config.area", { name })} value=${text} onInput=${(event) => edit(event.target.value)}></textarea>
    <div class="filters"><button type="button" class="button" disabled=${busy} onClick=${check}>${t("config.check")}</button>
      <button type="button" class="button main" disabled=${busy || !checked || same || checked.problems.length > 0} onClick=${write}>${t("config.write")}</button>
      <button type="button" class="button" disabled=${busy} onClick=${() => edit(file.data.text)}>${t("config.discard")}</button>
      ${backups.length > 0 && html`<span class="end"><${Choice} label=${t("config.backup")} value=${backup} options=${[["", t("config.noBackup")], ...backups.map((one) => [String(one), `${name.split("/").pop()}.${one}`])]} onChange=${(one) => { edit(file.data.text); setBackup(one); }} /></span>`}</div>
    <p class="told" role="status">${told}${same ? t("config.same") : ""}</p>
    <${Problem} error=${error} words="changeFailed" />
    ${checked?.problems.length > 0 && html`<div class="error" role="alert">${t("config.problems", { n: checked.problems.length })}<ul>${wrong(checked).map((line) => html`<li>${line}</li>`)}</ul></div>`}
    ${checked?.difference.length > 0 && html`<h3>${t("config.difference")}</h3><${Difference} lines=${checked.difference} />`}
    ${checked?.keys.length > 0 && html`<h3>${t("config.keys")}</h3><${Keys} keys=${checked.keys} />`}`;
}

const SIGNS = { "+": "added", "-": "removed", "@": "place" };

function Difference({ lines }) {
  return html`<pre class="config difference" tabindex="0">${lines.map((line) => html`<span data-kind=${SIGNS[line[0]]}>${line}\n</span>`)}</pre>`;
}

function Keys({ keys }) {
  return html`<ul class="inline">${keys.map((one) => html`<li><code>${one.key}</code> <span class="muted">${t(`holds.${one.holds}`)}</span></li>`)}</ul>`;
}

function Holding({ onError }) {
  const found = useData(() => get(["config"]), [], onError);
  return html`<section class="card"><h2>${t("config.holding")}</h2><p class="lead">${t("config.holdingText")}</p>
    <${Problem} error=${found.error} again=${found.reload} />
    ${Object.entries(found.data?.config ?? {}).map(([name, section]) => html`<details key=${name}><summary><code>${name}</code></summary><pre class="config" tabindex="0">${yaml(section, "")}</pre></details>`)}</section>`;
}

/** Plain values as they would stand in a YAML file; for reading. */
function yaml(value, indent) {
  if (value === null || typeof value !== "object") return value === "" ? '""' : String(value);
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return list ? "[]" : "{}";
  return entries.map(([name, item]) => {
    const head = `${indent}${list ? "-" : `${name}:`}`;
    const nested = item !== null && typeof item === "object" && Object.keys(item).length > 0;
    return nested ? `${head}\n${yaml(item, `${indent}  `)}` : `${head} ${yaml(item, "")}`;
  }).join("\n");
}
