// Who is speaking; remembered in this browser.

import { byId, h, load, save } from "../dom.js";
import { t } from "../i18n.js";

const DEFAULT_PEOPLE = ["Alice", "Bob", "小李"];

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
