// Connecting a platform: what to click there, whether that is right, and the first event.

import { addWords, inWords, t } from "../i18n.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { html, useState } from "../vendor/preact.js";
import { Time } from "../ui.js";
import { CheckButton, Findings, useCheck } from "./check.js";

addWords({
  "setup.title": ["接入一个平台", "Connect a platform"],
  "setup.lead": ["选一个平台，照着步骤做。机器人重启后，这一页会接着往下走。", "Choose a platform and follow the steps. This page goes on by itself once the bot was restarted."],
  "setup.lark": ["飞书", "Lark"],
  "setup.dingtalk": ["钉钉", "DingTalk"],
  "setup.wecom": ["企业微信", "WeCom"],
  "setup.more": ["完整的说明：{file}", "All of it: {file}"],
  "setup.missing": ["配置里还没有这个平台：加上上面那一项，重启机器人。", "The configuration has no such platform yet: add the entry above and restart the bot."],
  "setup.check": ["检查 {name}，改正打叉的各项。", "Check {name}, and put right what has a cross."],
  "setup.event": ["在群里 @ 它说一句话，{name} 就会收到第一个事件。", "Mention it in the group: {name} gets its first event."],
  "setup.waiting": ["正在等事件…", "Waiting for an event…"],
  "setup.last": ["上一个：", "The last one: "],
  "setup.heard": ["✓ 收到了：", "✓ It arrived: "],

  "setup.lark.app": ["打开开放平台，创建企业自建应用。", "Open the developer console and create a custom app."],
  "setup.lark.bot": ["“添加应用能力”里添加“机器人”。", "Under “Add Features” add the feature “Bot”."],
  "setup.lark.scopes": ["“权限管理”里开通：", "Under “Permissions & Scopes” add:"],
  "setup.lark.entry": ["“凭证与基础信息”里复制 App ID 和 App Secret。密钥放进环境变量，把这一项加到 config.yaml，启动机器人：", "Under “Credentials & Basic Info” copy the App ID and the App Secret. Put the secret into an environment variable, add this to config.yaml and start the bot:"],
  "setup.lark.events": ["机器人运行之后，在“事件与回调”的两个页签里都选“长连接”，添加这些事件和回调：", "Now that it runs: under “Events & Callbacks” choose the long connection in both tabs, and add these events and the callback:"],
  "setup.lark.release": ["“版本管理与发布”里创建版本、发布，请管理员审批。权限和事件从这时起才生效。", "Under “Version Management & Release” create a version, publish it and have it approved. Permissions and events count only from then on."],
  "setup.lark.group": ["在群里打开“设置 > 群机器人”，添加它。", "In the group open “Settings > Bots” and add it."],

  "setup.dingtalk.app": ["打开开发者后台，“应用开发 > 企业内部应用 > 创建应用”。", "Open the developer console: “Application Development > Internal Apps > Create App”."],
  "setup.dingtalk.robot": ["“添加应用能力 > 机器人”，消息接收模式选 Stream 模式。", "“Add Capability > Robot”, and choose Stream mode for receiving messages."],
  "setup.dingtalk.scopes": ["“权限管理”里开通：", "Under “Permissions” grant:"],
  "setup.dingtalk.release": ["“版本管理与发布”里创建版本，选择可见范围并发布。发布之前什么都不会生效。", "Under “Version Management” create a version, choose who may see the app, and publish it. Nothing works before that."],
  "setup.dingtalk.entry": ["“凭证与基础信息”里的 Client ID 和 Client Secret 放进环境变量，把这一项加到 config.yaml，启动机器人：", "Put the Client ID and the Client Secret of “Credentials and Basic Information” into environment variables, add this to config.yaml and start the bot:"],
  "setup.dingtalk.group": ["在群里打开“群设置 > 机器人 > 添加机器人”，选择它。", "In the group open “Group Settings > Robots > Add Robot” and choose it."],

  "setup.wecom.bot": ["管理员打开管理后台，“安全与管理 > 管理工具 > 智能机器人 > 创建机器人”，选“API 模式创建”和“长连接”。", "An administrator opens WeCom's administration: 安全与管理 > 管理工具 > 智能机器人 > 创建机器人, with “API 模式创建” and “长连接”."],
  "setup.wecom.range": ["起名字，设置“可见范围”：范围之外的人找不到它。", "Name it and set its visible range (可见范围): who is outside of it can't find it."],
  "setup.wecom.entry": ["页面上的 BotID 和 Secret：Secret 放进环境变量，把这一项加到 config.yaml，启动机器人：", "The page shows BotID and Secret: put the Secret into an environment variable, add this to config.yaml and start the bot:"],
  "setup.wecom.group": ["请成员把它加进群。", "Let a member add it to the group."],
  "setup.docs": ["docs/zh/{kind}.md", "docs/en/{kind}.md"],
});

const GUIDES = {
  lark: {
    steps: ["app", "bot", "scopes", "entry", "events", "release", "group"],
    link: "https://open.feishu.cn/app",
    entry: "adapters:\n  - kind: lark\n    app_id: cli_…\n    app_secret: ${LARK_APP_SECRET}",
    scopes: "im:message im:message.group_at_msg:readonly im:message.p2p_msg:readonly im:message.group_msg im:chat:readonly",
    events: "im.message.receive_v1 im.message.recalled_v1 im.message.reaction.created_v1 im.message.reaction.deleted_v1 im.chat.member.bot.added_v1 im.chat.member.bot.deleted_v1 im.chat.disbanded_v1 card.action.trigger",
  },
  dingtalk: {
    steps: ["app", "robot", "scopes", "release", "entry", "group"],
    link: "https://open-dev.dingtalk.com",
    entry: "adapters:\n  - kind: dingtalk\n    client_id: ${DINGTALK_CLIENT_ID}\n    client_secret: ${DINGTALK_CLIENT_SECRET}",
    scopes: "qyapi_robot_sendmsg",
  },
  wecom: {
    steps: ["bot", "range", "entry", "group"],
    link: "https://work.weixin.qq.com",
    entry: "adapters:\n  - kind: wecom\n    bot_id: …\n    secret: ${WECOM_SECRET}\n    bot_name: …",
  },
};

/** `chosen` is the platform whose steps are shown; `adapters` are looked at again and again. */
export function Setup({ chosen, adapters, onError }) {
  const guide = Object.hasOwn(GUIDES, chosen) ? GUIDES[chosen] : null;
  const own = adapters.filter((one) => one.kind === chosen);
  return html`<section class="card setup"><h2>${t("setup.title")}</h2><p class="lead">${t("setup.lead")}</p>
    <nav class="row" aria-label=${t("setup.title")}>${Object.keys(GUIDES).map((kind) => html`<a key=${kind} class="chip" aria-current=${kind === chosen ? "true" : null}
      href=${address(["connections"], { setup: kind })}>${t(`setup.${kind}`)}</a>`)}</nav>
    ${guide && html`<ol class="steps" key=${chosen}>${guide.steps.map((step, place) => html`<li>${t(`setup.${chosen}.${step}`)}
        ${place === 0 && html` <a href=${guide.link} target="_blank" rel="noreferrer">${guide.link.replace("https://", "")}</a>`}
        ${step === "entry" ? html`<pre class="config" tabindex="0">${guide.entry}</pre>` : guide[step] && html`<ul class="codes">${guide[step].split(" ").map((one) => html`<li><code>${one}</code></li>`)}</ul>`}</li>`)}
      ${own.length === 0 && html`<li><span role="status">${t("setup.missing")}</span></li>`}
      ${own.map((adapter) => html`<${Checked} key=${`check ${adapter.name}`} adapter=${adapter} onError=${onError} />`)}
      ${own.map((adapter) => html`<${FirstEvent} key=${`event ${adapter.name}`} adapter=${adapter} />`)}</ol>
    <p class="muted">${t("setup.more", { file: t("setup.docs", { kind: chosen }) })}</p>`}</section>`;
}

function Checked({ adapter, onError }) {
  const check = useCheck(adapter.name, onError);
  return html`<li>${t("setup.check", { name: adapter.name })} ${may("admin") && html`<${CheckButton} check=${check} />`}
    ${adapter.problem && html`<p class="bad">${inWords(adapter.problem, adapter.problem_zh)}</p>`}<${Findings} check=${check} /></li>`;
}

/** Waits for an event that is newer than what had come when the steps were opened. */
function FirstEvent({ adapter }) {
  const [before] = useState(adapter.event);
  const heard = adapter.event !== before && adapter.event !== null;
  return html`<li>${t("setup.event", { name: adapter.name })}
    <p role="status" class=${heard ? "ok" : "muted"}>${t(heard ? "setup.heard" : "setup.waiting")} ${!heard && before && t("setup.last")}${(heard || before) && html`<${Time} at=${adapter.event} />`}</p></li>`;
}
