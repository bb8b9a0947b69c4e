// Words in Chinese and English: those of the frame and the chat; each view brings its own.

const WORDS = {
  skip: ["跳到内容", "Skip to the content"],
  menu: ["群列表", "Groups menu"],
  notices: ["提示", "Notices"],
  pages: ["页面", "Pages"],
  groups: ["群", "Groups"],
  findGroup: ["找群…", "Find a group…"],
  unreadCount: ["{n} 条未读", "{n} unread"],
  "role.viewer": ["只读", "viewer"],
  "role.labeller": ["标注", "labeller"],
  "role.admin": ["管理员", "admin"],
  noWriting: ["这个群在 {adapter} 上，这里只能看。", "This group is on {adapter}; here you can only read."],
  settings: ["群设置", "Settings"],
  allMessages: ["查看所有判断", "All decisions"],
  newGroup: ["新的群…", "New group…"],
  add: ["添加", "Add"],
  messages: ["消息", "Messages"],
  language: ["EN: switch to English", "中：切换到中文"],
  theme: ["切换深色与浅色", "Switch between dark and light"],
  emptyTitle: ["还没有消息", "No messages yet"],
  emptyText: ["点下面的 @ 按钮再提问，它马上回答。没有 @ 它的话，它很有把握才开口，而且先等人回答。", "Press the @ button below and ask: it answers at once. What doesn't mention it is answered only when it is very sure, and after people had time to."],
  newBelow: ["有新消息", "New messages"],
  speakAs: ["以谁的身份发言", "Speak as"],
  newPerson: ["其他名字…", "Another name…"],
  placeholder: ["写消息…", "Write a message…"],
  mentionBot: ["@{bot}", "@{bot}"],
  commands: ["/ 命令", "/ Commands"],
  enterHint: ["回车发送，Shift+回车换行", "Enter sends, Shift+Enter breaks the line"],
  send: ["发送", "Send"],
  reply: ["回复", "Reply"],
  replyTo: ["回复 {user}：{text}", "Reply to {user}: {text}"],
  cancelReply: ["取消回复", "Cancel the reply"],
  recall: ["撤回", "Recall"],
  helpful: ["有帮助", "Helpful"],
  unhelpful: ["没帮助", "Not helpful"],
  why: ["为什么", "Why"],
  copy: ["复制", "Copy"],
  copied: ["已复制", "Copied"],
  writing: ["正在写…", "writing…"],
  recalledBy: ["{user} 撤回了一条消息", "{user} recalled a message"],
  answerRecalled: ["一条回答已被撤回", "An answer was taken back"],
  gone: ["（已撤回）", "(recalled)"],
  sources: ["出处", "Sources"],
  line: ["第 {line} 行", "line {line}"],
  cell: ["第 {line} 个单元格", "cell {line}"],
  pageNumber: ["第 {line} 页", "page {line}"],
  row: ["第 {line} 行", "row {line}"],
  attachment: ["[{kind}]", "[{kind}]"],
  decision: ["为什么", "Why"],
  close: ["关闭", "Close"],
  pending: ["考虑中…", "Deciding…"],
  answered: ["已回答", "Answered"],
  spoken: ["回了一句", "Said a line"],
  drafted: ["旁听：本会回答", "Shadow: would have answered"],
  draftTitle: ["本会这样回答", "What it would have said"],
  silent: ["保持安静", "Silent"],
  pendingText: ["还没有决定。", "Not decided yet."],
  gate: ["与文档的接近程度", "Closeness to the documents"],
  score: ["得分 {value}", "score {value}"],
  threshold: ["阈值 {value}", "threshold {value}"],
  stages: ["各阶段", "Stages"],
  total: ["共 {ms} 毫秒", "{ms} ms in all"],
  ms: ["{ms} 毫秒", "{ms} ms"],
  nearestPieces: ["最接近的段落", "Nearest pieces"],
  labelAsk: ["这类消息该答吗？", "Answer messages like this?"],
  labelGood: ["该答", "Yes"],
  labelBad: ["不该答", "No"],
  noTrace: ["没有记录。", "Nothing was recorded."],
  connecting: ["连接中…", "Connecting…"],
  connected: ["已连接", "Connected"],
  offline: ["已断开，{seconds} 秒后重连", "Disconnected, trying again in {seconds} s"],
  locked: ["需要登录", "Login needed"],
  failed: ["没有发出去：{message}", "Not sent: {message}"],
  unreachable: ["连不上服务器", "the server can't be reached"],
  loading: [
    "知识库正在加载，马上就好。现在提的问题会记下来，稍后回答。",
    "The knowledge base is being loaded. Questions are kept and answered in a moment.",
  ],
  building: [
    "第一次建立知识库索引：{stage} {done}/{total}。现在提的问题会记下来，建好后回答。",
    "Building the knowledge index for the first time: {stage} {done} of {total}. Questions are kept and answered then.",
  ],
  "build.read": ["读取文档", "documents read"],
  "build.embed": ["计算向量", "pieces embedded"],
  loginTitle: ["登录", "Log in"],
  loginText: [
    "用名字和密码登录；只有访问口令（http.token）时，名字留空。",
    "With your name and password; leave the name empty if all you have is a token (http.token).",
  ],
  loginName: ["名字", "Name"],
  loginSecret: ["密码或口令", "Password or token"],
  loginWrong: ["名字、密码或口令不对。", "Name and password, or the token, are wrong."],
  logOut: ["退出 {user}", "Log out {user}"],
  noLoginNew: [
    "还没有管理员：可以聊天，但名字不算数，谁都不能用管理命令。",
    "There is no admin yet: you can chat, but a name proves nothing, so nobody may use admin commands.",
  ],
  noLoginOpen: [
    "没有设置登录：能在这台机器上打开本页的人都是管理员。",
    "There are no logins: whoever can open this page on this machine is its admin.",
  ],
  makeAdmin: ["让我当管理员", "Make me the admin"],
  goOn: ["不设登录，继续", "Go on without logins"],
  passwordTitle: ["你现在是管理员", "You are the admin now"],
  passwordText: [
    "名字是 {user}，下面是密码，只显示这一次，请记下来。从现在起，打开本页要登录。",
    "Your name is {user}, and this is the password. It is shown this once: keep it. From now on the page asks for it.",
  ],
  changePassword: ["修改密码", "Change the password"],
  passwordOld: ["现在的密码", "Current password"],
  passwordNew: ["新密码", "New password"],
  passwordRules: ["至少 {n} 个字符。改完后，你在别处的登录都会退出。", "At least {n} characters. Everywhere else you will be logged out."],
  passwordWrong: ["现在的密码不对。", "That is not the current password."],
  noted: ["记下了", "I have it"],
  enter: ["进入", "Enter"],
  "cmd.help": ["列出所有命令", "list all commands"],
  "cmd.status": ["知识库与机器人状态", "state of the bot and its knowledge"],
  "cmd.why": ["为什么这样做（回复一条消息）", "why it did that (reply to a message)"],
  "cmd.recall": ["撤回它的回答", "take back its answer"],
  "cmd.good": ["这类消息该答（回复一条消息）", "answer such messages (reply to one)"],
  "cmd.bad": ["这类消息别答（回复一条消息）", "leave such messages alone (reply to one)"],
  "cmd.mute": ["静音一段时间", "silence it for a while"],
  "cmd.unmute": ["解除静音", "let it speak again"],
  "cmd.mode": ["本群模式：off、shadow、mention、live", "mode of this group: off, shadow, mention, live"],
  "cmd.shadow": ["旁听时它会怎么答", "what it would have said in shadow mode"],
  "cmd.bind": ["本群只用这些来源", "only these sources in this group"],
  "cmd.unbind": ["本群用所有来源", "all sources in this group"],
  "cmd.groups": ["它在哪些群", "which groups it is in"],
  "cmd.approve": ["把群友的回答存进文档", "keep a person's answer in the documents"],
  "cmd.gate": ["门控的承诺与标注", "the gate's promise and its labels"],
  "cmd.reload": ["重载知识库", "re-read the documents"],
};

/** Adds the words of a view: {key: [Chinese, English]}. */
export function addWords(words) {
  Object.assign(WORDS, words);
}

const isChinese = () => document.documentElement.lang.startsWith("zh");

export const language = () => (isChinese() ? "zh" : "en");

/** What the bot says in both languages, in the page's. */
export const inWords = (en, zh) => (isChinese() && zh) || en;

export function setLanguage(code) {
  document.documentElement.lang = code === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem("dou.language", code);
  } catch {
    // it lasts as long as the page
  }
}

/** The phrase for a key, with {name} filled in; null for an unknown key. */
export function phrase(key, values = {}) {
  const pair = Object.hasOwn(WORDS, key) ? WORDS[key] : null;
  if (pair === null) return null;
  return pair[isChinese() ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export const t = (key, values) => phrase(key, values) ?? key;

/** A text that comes as {"zh", "en"}, or as a plain one. */
export function pick(text, fallback = "") {
  if (text !== null && typeof text === "object") return text[language()] ?? fallback;
  return text || fallback;
}

export function translatePage() {
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = t(element.dataset.i18n);
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  }
  for (const element of document.querySelectorAll("[data-i18n-placeholder]")) {
    element.setAttribute("placeholder", t(element.dataset.i18nPlaceholder));
  }
}
