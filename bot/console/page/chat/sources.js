// The numbered sources below an answer.

import { externalLink, h, icon, safeUrl } from "../dom.js";
import { t } from "../i18n.js";

const UNITS = { ipynb: "cell", pdf: "pageNumber", xlsx: "row" };

export function sources(citations) {
  if (!citations?.length) return null;
  const entries = citations.map((source) => {
    const url = safeUrl(source.url);
    const title = source.heading || source.path;
    const link = url ? externalLink(url, "source", title, icon("link")) : h("span", { className: "source" }, title);
    return h("li", {}, h("div", {}, link, h("span", { className: "place" }, place(source))));
  });
  return h("div", { className: "sources" }, h("p", { className: "small-title" }, t("sources")), h("ol", {}, entries));
}

/** Where it stands in its file; the first line of a file says nothing. */
export function place({ path, line }) {
  if (line <= 1) return path;
  const unit = UNITS[path.split(".").at(-1).toLowerCase()] ?? "line";
  return `${path} · ${t(unit, { line })}`;
}
