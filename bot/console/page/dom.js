// Small helpers around the DOM. Text always goes in as text nodes, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M9 7l-5 5 5 5M4 12h9a7 7 0 0 1 7 7",
  recall: "M4 4v6h6M5 10a8 8 0 1 1-1 5",
  helpful: "M7 11v9H4v-9zM7 11l4-7a2 2 0 0 1 2 2v4h5a2 2 0 0 1 2 2l-1.5 6.5A2 2 0 0 1 16.5 20H7",
  unhelpful: "M17 13V4h3v9zM17 13l-4 7a2 2 0 0 1-2-2v-4H6a2 2 0 0 1-2-2l1.5-6.5A2 2 0 0 1 7.5 4H17",
  why: "M9.5 9.5a2.6 2.6 0 1 1 3.6 2.4c-.8.4-1.1.9-1.1 1.8M12 17h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  send: "M5 12h13M12 5l7 7-7 7",
  down: "M12 5v14M5 12l7 7 7-7",
  theme: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
  link: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
};

export const byId = (id) => document.getElementById(id);

/** An element; `props` are DOM properties, except `data` (dataset) and `aria` (aria-*). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "data") Object.assign(element.dataset, value);
    else if (key === "aria") {
      for (const [name, text] of Object.entries(value)) element.setAttribute(`aria-${name}`, text);
    } else element[key] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onClick, className = "action") {
  const button = h("button", { type: "button", className, title: label, aria: { label } }, icon(name));
  button.addEventListener("click", onClick);
  return button;
}

export function fillIcons() {
  for (const place of document.querySelectorAll("[data-icon]")) {
    place.replaceChildren(icon(place.dataset.icon));
  }
}

/** The address when it is http or https, else null: nothing else may become a link. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

export function externalLink(url, className, ...children) {
  return h("a", { href: url, className, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

// Storage may be switched off; then choices last as long as the page.
const memory = new Map();

export function load(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? fallback;
  } catch {
    return memory.get(key) ?? fallback;
  }
}

export function save(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // kept in memory
  }
}
