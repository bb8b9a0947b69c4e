// A small, safe part of Markdown as DOM nodes: paragraphs, headings, fenced code, tables, lists,
// quotes, inline code, emphasis, links into the web and the numbers of citations. Whatever else
// stands in a text stays text.

import { externalLink, h, iconButton, safeUrl } from "../dom.js";
import { t } from "../i18n.js";

const MAX_DEPTH = 4;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( +)(?=\S)/;
const HEADING = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const ESCAPE = /\\([!-/:-@[-`{-~])/y;
const LINK = /\[((?:[^[\]\\]|\\.){1,500})\]\(<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?\)/y;
const ADDRESS = /<?(https?:\/\/[^\s<>`"'*\u3000-\u303f\uff00-\uffef]+)>?/y;
const AFTER_ADDRESS = /[.,:;!?)\]]+$/;
const WORD = /[\p{L}\p{N}_]/u;
const CITATION = /\[(\d{1,3})\]/y;

// `citations` is null for what a person wrote: there nothing becomes a link.
export function renderMarkdown(text, citations = []) {
  return renderBlocks(text.replace(/\r\n?/g, "\n").split("\n"), citations, 0);
}

function renderBlocks(lines, citations, depth) {
  const out = document.createDocumentFragment();
  let at = 0;
  while (at < lines.length) {
    const block =
      blank(lines, at) ??
      fence(lines, at) ??
      heading(lines, at, citations) ??
      table(lines, at, citations) ??
      (depth < MAX_DEPTH ? quote(lines, at, citations, depth) : null) ??
      (depth < MAX_DEPTH ? list(lines, at, citations, depth) : null) ??
      paragraph(lines, at, citations);
    if (block.node) out.append(block.node);
    at = block.end;
  }
  return out;
}

function blank(lines, at) {
  return lines[at].trim() === "" ? { node: null, end: at + 1 } : null;
}

// All levels look alike: a quoted heading says what the lines below are about, no more.
function heading(lines, at, citations) {
  const found = HEADING.exec(lines[at]);
  if (!found) return null;
  const node = h("p", { className: "heading" });
  renderInline(found[1], citations, node);
  return { node, end: at + 1 };
}

function table(lines, at, citations) {
  if (!startsTable(lines, at)) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const rows = [lines[at], ...lines.slice(at + 2, end)].map((line, index) =>
    h("tr", {}, ...cells(line).map((text) => cell(text, index ? "td" : "th", citations))));
  return { node: h("div", { className: "table", tabIndex: 0 }, h("table", {}, ...rows)), end };
}

function startsTable(lines, at) {
  return lines[at].includes("|") && RULE.test(lines[at + 1] ?? "") && lines[at + 1].includes("-");
}

function cells(line) {
  return line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/);
}

function cell(text, tag, citations) {
  const node = h(tag);
  renderInline(text.trim().replaceAll("\\|", "|"), citations, node);
  return node;
}

function fence(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  const mark = open[1];
  let end = at + 1;
  while (end < lines.length && !closes(lines[end], mark)) end += 1;
  return { node: codeBlock(lines.slice(at + 1, end).join("\n"), open[2]), end: end + 1 };
}

function closes(line, mark) {
  const text = line.trim();
  return text.length >= mark.length && text === mark[0].repeat(text.length);
}

function codeBlock(code, language) {
  const copy = iconButton("copy", t("copy"), async () => {
    await navigator.clipboard?.writeText(code);
    copy.title = t("copied");
    copy.classList.add("done");
  }, "copy");
  const label = language ? h("span", { className: "code-language" }, language) : null;
  const pre = h("pre", { tabIndex: 0 }, h("code", {}, code));
  return h("div", { className: "code" }, label, copy, pre);
}

function quote(lines, at, citations, depth) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { node: h("blockquote", {}, renderBlocks(inner, citations, depth + 1)), end };
}

function list(lines, at, citations, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const node = h(ordered ? "ol" : "ul");
  if (ordered) node.start = Number.parseInt(first[2], 10);
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || /\d/.test(item[2]) !== ordered) break;
    const indent = Math.min(item[0].length, item[1].length + 4);
    const inner = [lines[end].slice(item[0].length)];
    end += 1;
    while (end < lines.length && continues(lines, end)) {
      inner.push(lines[end].replace(new RegExp(`^ {0,${indent}}`), ""));
      end += 1;
    }
    node.append(h("li", {}, renderBlocks(inner, citations, depth + 1)));
  }
  return { node, end };
}

function continues(lines, at) {
  if (lines[at].trim() !== "") return /^ {2,}/.test(lines[at]);
  return at + 1 < lines.length && /^ {2,}\S/.test(lines[at + 1]);
}

function paragraph(lines, at, citations) {
  let end = at + 1;
  while (end < lines.length && !startsBlock(lines[end]) && !startsTable(lines, end)) end += 1;
  const node = h("p");
  renderInline(lines.slice(at, end).join("\n"), citations, node);
  return { node, end };
}

function startsBlock(line) {
  return line.trim() === "" || [FENCE, QUOTE, ITEM, HEADING].some((mark) => mark.test(line));
}

function renderInline(text, citations, into) {
  let plain = 0;
  let at = 0;
  while (at < text.length) {
    const found =
      code(text, at) ??
      escaped(text, at) ??
      emphasis(text, at, citations) ??
      (citations && (link(text, at) ?? citation(text, at, citations) ?? address(text, at)));
    if (found?.node) {
      into.append(text.slice(plain, at), found.node);
      plain = found.end;
    }
    at = found?.end ?? at + 1;
  }
  into.append(text.slice(plain));
}

function code(text, at) {
  if (text[at] !== "`") return null;
  let start = at;
  while (text[start] === "`") start += 1;
  const end = text.indexOf(text.slice(at, start), start);
  if (end < 0) return { node: null, end: start };
  return { node: h("code", {}, text.slice(start, end).trim()), end: end + start - at };
}

function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function escaped(text, at) {
  const match = matchAt(ESCAPE, text, at);
  return match ? { node: document.createTextNode(match[1]), end: at + 2 } : null;
}

// Marks count where words begin and end; an underscore within a word is part of its name.
function emphasis(text, at, citations) {
  const mark = /^(?:\*\*|__|\*|_)/.exec(text.slice(at, at + 2))?.[0];
  if (!mark || /\s/.test(text[at + mark.length] ?? " ")) return null;
  if (mark[0] === "_" && WORD.test(text[at - 1] ?? " ")) return { node: null, end: at + mark.length };
  for (let end = text.indexOf(mark, at + mark.length + 1); end >= 0; end = text.indexOf(mark, end + 1)) {
    const behind = text[end + mark.length] ?? " ";
    if (/\s/.test(text[end - 1])) continue;
    if (mark.length === 1 && (behind === mark || text[end - 1] === mark)) continue;
    if (mark[0] === "_" && WORD.test(behind)) continue;
    const node = h(mark.length === 2 ? "strong" : "em");
    renderInline(text.slice(at + mark.length, end), citations, node);
    return { node, end: end + mark.length };
  }
  return { node: null, end: at + mark.length };
}

function link(text, at) {
  const match = text[at - 1] === "!" ? null : matchAt(LINK, text, at); // an image stays text
  const url = match ? safeUrl(match[2]) : "";
  if (!url) return null;
  const node = externalLink(url, "", "");
  renderInline(match[1].replaceAll("[", "").replaceAll("]", ""), [], node);
  node.title = url;
  return { node, end: at + match[0].length };
}

// Not within a word, an attribute of HTML or an image: these stay text as a whole.
function address(text, at) {
  if (WORD.test(text[at - 1] ?? " ") || /(?:["'=]|\]\()$/.test(text.slice(Math.max(0, at - 2), at))) return null;
  const match = matchAt(ADDRESS, text, at);
  const shown = match?.[1].replace(AFTER_ADDRESS, "");
  const url = shown ? safeUrl(shown) : "";
  if (!url) return null;
  const whole = match[0].startsWith("<") && match[0].endsWith(">");
  return { node: externalLink(url, "", shown), end: at + (whole ? match[0].length : shown.length) };
}

function citation(text, at, citations) {
  const match = matchAt(CITATION, text, at);
  const source = match ? citations[Number(match[1]) - 1] : undefined;
  if (!source) return null;
  const url = safeUrl(source.url);
  const node = url ? externalLink(url, "cite", match[1]) : h("span", { className: "cite" }, match[1]);
  node.title = `${source.path}:${source.line}`;
  return { node, end: at + match[0].length };
}
