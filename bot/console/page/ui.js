// What the views share: reading data, lists that read on, times, small parts.

import { html, useCallback, useEffect, useRef, useState } from "./vendor/preact.js";
import { language, t, addWords } from "./i18n.js";

addWords({
  loadingList: ["正在读取…", "Loading…"],
  nothing: ["没有内容。", "Nothing here."],
  readFailed: ["读不到：{message}", "Could not be read: {message}"],
  changeFailed: ["没有改成：{message}", "Not changed: {message}"],
  stop: ["。", "."],
  again: ["再试一次", "Try again"],
  "messages.group": ["群", "Group"],
  "messages.allGroups": ["所有群", "all groups"],
  save: ["保存", "Save"],
  cancel: ["取消", "Cancel"],
  "origin.command": ["群内命令", "command"],
  "origin.vote": ["投票", "vote"],
  "origin.recall": ["撤回", "recall"],
  "origin.console": ["控制台", "console"],
  "origin.label": ["终端标注", "terminal"],
  "origin.teacher": ["大模型", "model"],
  justNow: ["刚刚", "just now"],
  never: ["从未", "never"],
});

/** Reads data when what it depends on changes: {data, error, reload, set}. */
export function useData(load, depends, onError) {
  const [state, setState] = useState({ data: null, error: null });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    turn.current += 1;
    const own = turn.current;
    try {
      const data = await load();
      if (own === turn.current) setState({ data, error: null });
    } catch (error) {
      if (own === turn.current) setState((before) => ({ ...before, error }));
      onError?.(error);
    }
  }, depends);
  useEffect(() => {
    reload();
    return () => { turn.current += 1; };
  }, depends);
  return { ...state, reload, set: (data) => setState({ data, error: null }) };
}

/** The same again and again while the view is open and seen. */
export function useLive(load, depends, onError, everyMs = 5000) {
  const found = useData(load, depends, onError);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || found.reload(), everyMs);
    return () => clearInterval(timer);
  }, [found.reload, everyMs]);
  return found;
}

/** A list that is read page by page: `load(cursor)` gives {items, next}; `next` null is the end. */
export function useList(load, depends, onError) {
  const [state, setState] = useState({ items: [], next: undefined, busy: false, error: null });
  const turn = useRef(0);
  const read = useCallback(async (cursor) => {
    const own = turn.current;
    setState((before) => ({ ...before, busy: true, error: null }));
    try {
      const page = await load(cursor);
      if (own !== turn.current) return;
      setState((before) => ({ items: cursor === null ? page.items : [...before.items, ...page.items], next: page.next, busy: false, error: null }));
    } catch (error) {
      if (own === turn.current) setState((before) => ({ ...before, busy: false, error }));
      onError?.(error);
    }
  }, depends);
  const reload = useCallback(() => {
    turn.current += 1;
    return read(null);
  }, depends);
  useEffect(() => {
    reload();
    return () => { turn.current += 1; };
  }, depends);
  const more = () => !state.busy && state.next !== null && state.next !== undefined && read(state.next);
  const update = (change) => setState((before) => ({ ...before, items: change(before.items) }));
  return { ...state, more, reload, update };
}

/** Below a list: reads on when it comes into sight, and says what is missing. */
export function ListEnd({ list, nothing = "nothing" }) {
  const place = useRef(null);
  useEffect(() => {
    const sight = new IntersectionObserver((seen) => seen[0].isIntersecting && list.more(), { rootMargin: "600px" });
    sight.observe(place.current);
    return () => sight.disconnect();
  });
  const empty = list.items.length === 0 && list.next === null;
  return html`<div class="list-end" ref=${place}>
    ${list.error && html`<${Problem} error=${list.error} again=${list.items.length ? () => list.more() : list.reload} />`}
    ${list.busy && html`<p class="muted" role="status">${t("loadingList")}</p>`}
    ${empty && !list.error && html`<p class="nothing">${t(nothing)}</p>`}
  </div>`;
}

/** What went wrong, and a button that tries again. */
export function Problem({ error, again, words = "readFailed" }) {
  if (!error) return null;
  return html`<div class="error" role="alert">
    ${t(words, { message: error.message || t("unreachable") })}
    ${again && html` <button type="button" class="chip" onClick=${again}>${t("again")}</button>`}
  </div>`;
}

export const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

const STEPS = [[86400, "day"], [3600, "hour"], [60, "minute"]];

/** A time as people say it, with the exact one to be looked up. */
export function Time({ at }) {
  if (!at) return html`<span class="muted">${t("never")}</span>`;
  const date = new Date(at * 1000);
  return html`<time datetime=${date.toISOString()} title=${date.toLocaleString(locale())}>${ago(at)}</time>`;
}

export function ago(at) {
  const seconds = at - Date.now() / 1000;
  const step = STEPS.find(([size]) => Math.abs(seconds) >= size);
  if (!step) return t("justNow");
  if (step[1] === "day" && Math.abs(seconds) > 30 * 86400) return new Date(at * 1000).toLocaleDateString(locale());
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" });
  return format.format(Math.round(seconds / step[0]), step[1]);
}

export const dateTime = (at) => new Date(at * 1000).toLocaleString(locale(), { dateStyle: "short", timeStyle: "short" });

export const percent = (share) => (share === null || share === undefined ? "–" : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share));

export const number = (value, digits = 0) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

/** A drop-down with its label beside it; `options` are [value, text]. */
export function Choice({ label, value, options, onChange, disabled = false }) {
  return html`<label class="choice"><span>${label}</span>
    <select value=${value} disabled=${disabled} onChange=${(event) => onChange(event.target.value)}>
      ${options.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}
    </select></label>`;
}
