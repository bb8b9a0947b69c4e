// Writing a message: mention, reply, commands, sending with a retry that can't post twice.

import { newId, postMessage } from "../api.js";
import { byId, h } from "../dom.js";
import { language, t } from "../i18n.js";

// The bot answers in the language of the command: who reads Chinese is offered the Chinese names.
const COMMANDS = [
  ["help", "豆哥帮助", "cmd.help"],
  ["status", "豆哥状态", "cmd.status"],
  ["why", "豆哥为什么", "cmd.why"],
  ["recall", "豆哥撤回", "cmd.recall"],
  ["good", "豆哥该答", "cmd.good"],
  ["bad", "豆哥别答", "cmd.bad"],
  ["mute 2h", "豆哥闭嘴", "cmd.mute"],
  ["unmute", "豆哥说话", "cmd.unmute"],
  ["mode", "豆哥模式", "cmd.mode"],
  ["shadow", "豆哥旁听", "cmd.shadow"],
  ["bind", "豆哥绑定", "cmd.bind"],
  ["unbind", "豆哥解绑", "cmd.unbind"],
  ["groups", "豆哥群列表", "cmd.groups"],
  ["approve", "豆哥收录", "cmd.approve"],
  ["gate", "豆哥门控", "cmd.gate"],
  ["reload", "重载知识库", "cmd.reload"],
];

/** `where()` gives {group, user}; `onError(error)` is told what went wrong. */
export function createComposer({ bot, prefix, where, onError, onSent }) {
  const text = byId("text");
  const mention = byId("mention");
  let replyTo = null;
  let attempt = null; // the last failed try: the same message goes out with the same id
  let sending = false;

  function setMention(on) {
    mention.setAttribute("aria-pressed", String(on));
  }

  function setReply(target) {
    replyTo = target;
    byId("reply-bar").hidden = target === null;
    if (target === null) return;
    byId("reply-text").textContent = t("replyTo", { user: target.user ?? bot, text: target.text.slice(0, 120) });
    text.focus();
  }

  function compose() {
    const { group, user } = where();
    const message = { group, user, text: text.value.trim() };
    if (mention.getAttribute("aria-pressed") === "true") message.mention = true;
    if (replyTo) message.reply_to = replyTo.id;
    return message;
  }

  async function send() {
    const message = compose();
    if (sending || message.text === "") return;
    const same = attempt && JSON.stringify(attempt.message) === JSON.stringify(message);
    attempt = { message, id: same ? attempt.id : newId() };
    sending = true;
    try {
      await postMessage({ ...message, message_id: attempt.id });
      clear();
      onSent();
    } catch (error) {
      onError(error);
    } finally {
      sending = false;
    }
  }

  function clear() {
    attempt = null;
    text.value = "";
    setMention(false);
    setReply(null);
    showError(null);
  }

  function render() {
    mention.textContent = t("mentionBot", { bot });
    byId("command-list").replaceChildren(...COMMANDS.map(([name, chinese, key]) => {
      const command = language() === "zh" ? chinese : `${prefix} ${name}`;
      const button = h("button", { type: "button" }, h("code", {}, command), h("span", {}, t(key)));
      button.addEventListener("click", () => {
        text.value = command;
        byId("commands").open = false;
        text.focus();
      });
      return h("li", {}, button);
    }));
    if (replyTo) setReply(replyTo);
  }

  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    // While an input method is composing, Enter picks a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  });
  mention.addEventListener("click", () => {
    setMention(mention.getAttribute("aria-pressed") !== "true");
    text.focus();
  });
  byId("reply-cancel").addEventListener("click", () => setReply(null));
  document.addEventListener("click", (event) => {
    if (!byId("commands").contains(event.target)) byId("commands").open = false;
  });
  byId("commands").addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    byId("commands").open = false;
    text.focus();
  });
  return { render, setReply };
}

export function showError(message) {
  byId("error").hidden = message === null;
  byId("error").textContent = message ?? "";
}
