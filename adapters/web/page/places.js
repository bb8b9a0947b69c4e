// Which group is open and who is speaking; both are remembered in this browser.

import { byId, h, load, save } from "./dom.js";
import { t } from "./i18n.js";

const DEFAULT_GROUPS = ["lobby"];
const DEFAULT_PEOPLE = ["Alice", "Bob", "小李"];

function groupOfAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim().slice(0, 64);
  } catch {
    return "";
  }
}

/** The group list; `onChange(group)` is called when another one is opened. */
export function createGroups(onChange) {
  let names = load("dou.groups", DEFAULT_GROUPS);
  let current = groupOfAddress() || load("dou.group", names[0]);

  function open(name) {
    current = name;
    if (!names.includes(name)) names = [...names, name];
    save("dou.groups", names);
    save("dou.group", name);
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
    render();
    onChange(name);
  }

  function render() {
    byId("group-title").textContent = current;
    document.title = `${current} · HuixiangDou`;
    byId("groups").replaceChildren(...names.map((name) => {
      const button = h("button", { type: "button" }, h("span", { className: "hash", ariaHidden: "true" }, "#"), h("bdi", {}, name));
      if (name === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => open(name));
      return h("li", {}, button);
    }));
  }

  byId("add-group").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = byId("new-group");
    const name = input.value.trim();
    input.value = "";
    if (name) open(name);
  });
  window.addEventListener("hashchange", () => {
    const name = groupOfAddress();
    if (name && name !== current) open(name);
  });
  return { current: () => current, start: () => open(current) };
}

/** The row of people one can speak as; `onChange()` is called when another one is chosen. */
export function createPeople(onChange) {
  let names = load("dou.people", DEFAULT_PEOPLE);
  let current = load("dou.person", names[0]);

  function choose(name) {
    current = name;
    if (!names.includes(name)) names = [...names, name].slice(-12);
    save("dou.people", names);
    save("dou.person", name);
    render();
    onChange();
  }

  function render() {
    const legend = h("legend", {}, t("speakAs"));
    byId("people").replaceChildren(legend, ...names.map((name) => {
      const radio = h("input", { type: "radio", name: "person", value: name, checked: name === current });
      radio.addEventListener("change", () => {
        current = name;
        save("dou.person", name);
        onChange();
      });
      return h("label", { className: "person" }, radio, avatar(name), h("bdi", {}, name));
    }));
  }

  byId("new-person").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    const name = event.target.value.trim();
    event.target.value = "";
    if (name) choose(name);
  });
  render();
  return { current: () => current, render };
}

export function avatar(name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 1049;
  const initial = [...name][0].toUpperCase();
  return h("span", { className: `avatar hue-${hash % 6}`, ariaHidden: "true" }, initial);
}
