"""The bot's own short lines, in Chinese and English. Answers never come from here."""

from bot.types import Reason
from common.language import is_chinese

_LINES = {
    "unknown": (
        "这个问题我在文档里没有找到依据，就不乱说了。",
        "I can't find this in the documents, so I won't guess.",
    ),
    "unknown_names": (
        "文档里没有提到 {names}，这个问题我答不了。",
        "The documents don't mention {names}, so I can't answer this.",
    ),
    "no_question": (
        "我没看出这里要问什么，可以把问题写完整一点吗？",
        "I can't tell what is being asked; could you write the question out?",
    ),
    "unsafe": (
        "这个话题我不参与。",
        "I'd rather stay out of this.",
    ),
    "model_down": (
        "语言模型暂时连不上，光靠摘录文档答不了这个问题，请稍后再问。",
        "My language model can't be reached, and no passage answers this by itself; please ask "
        "again later.",
    ),
    "nearest": (
        "文档里没有完全对应的内容，最接近的是这一段：",
        "The documents don't answer this directly; the nearest passage is:",
    ),
    "from_code": (
        "文档里没有写，以下来自源代码：",
        "The documents don't say; this is from the source code:",
    ),
    "from_web": (
        "文档里没有写，以下来自网页：",
        "The documents don't say; this is from the web:",
    ),
    "from_both": (
        "文档里没有写，以下来自源代码和网页：",
        "The documents don't say; this is from the source code and the web:",
    ),
    "repeated": (
        "同样的问题前面已经回答过：“{excerpt}”",
        "This was answered above: “{excerpt}”",
    ),
    "closed": (
        "现在不在工作时间，{opens} 再来回答。",
        "I am off until {opens}.",
    ),
    "copied": ("**问：** {question}\n\n{answer}", "**Question:** {question}\n\n{answer}"),
    "react": ("🤔", "🤔"),
    "denied": (
        "只有管理员可以用这个命令。你是 {user}，要成为管理员请写进 admin.users。",
        "Only admins may use this command. You are {user}; admins are named in admin.users.",
    ),
    "recalled": ("已撤回。", "Withdrawn."),
    "nothing_to_recall": ("这个群里没有可以撤回的回答。", "There is no answer to withdraw here."),
    "recall_failed": ("平台没有让我撤回：{error}", "The platform would not withdraw it: {error}"),
    "not_supported": (
        "这个平台不允许机器人撤回消息。",
        "This platform does not let a bot withdraw a message: {error}",
    ),
    "bound": ("本群现在只用这些来源：{names}", "This group is answered from: {names}"),
    "unbound": ("本群现在使用全部来源。", "This group is answered from all sources."),
    "bind_unknown": (
        "没有这个来源：{names}。现有：{known}",
        "There is no source {names}; there are: {known}",
    ),
    "digest": (
        "过去 {hours} 小时：提问 {asked}，回答 {answered}；有帮助 {helpful}，没帮助 {unhelpful}，"
        "撤回 {recalled}",
        "The last {hours} hours: {asked} asked, {answered} answered; helpful {helpful}, "
        "not helpful {unhelpful}, withdrawn {recalled}",
    ),
    "digest_unhelpful": ("被认为没帮助的回答：", "Answers that were not helpful:"),
    "digest_recalled": ("被撤回的回答：", "Answers that were withdrawn:"),
    "digest_open": ("没有回答的问题，按话题：", "Questions without an answer, by topic:"),
    "muted": ("好的，我安静到 {until}。", "All right, I am quiet until {until}."),
    "unmuted": ("我回来了。", "I am back."),
    "bad_duration": (
        "请写时长，例如 30m、2h 或 1d（最长 30d）。",
        "Give a duration such as 30m, 2h or 1d (at most 30d).",
    ),
    "reloading": ("正在更新知识库……", "Updating the knowledge base…"),
    "reload_progress": (
        "正在更新知识库：{stage} {done}/{total}",
        "Updating: {stage} {done}/{total}",
    ),
    "reloaded": (
        "知识库已更新（{seconds:.1f} 秒）：新增 {added}，修改 {changed}，删除 {removed}，"
        "跳过 {skipped}；现有文档 {documents} 篇。{names}",
        "Knowledge base updated in {seconds:.1f} s: {added} added, {changed} changed, "
        "{removed} removed, {skipped} skipped; {documents} documents now. {names}",
    ),
    "reload_failed": (
        "更新失败，仍在使用原来的知识库：{error}",
        "The update failed, the old knowledge base goes on: {error}",
    ),
    "unknown_command": (
        "没有这个命令。发送 {prefix} help 查看用法。",
        "There is no such command. {prefix} help lists them.",
    ),
    "why_unknown": (
        "请回复要问的那条消息，或者群里还没有可以说明的决定。",
        "Reply to the message you mean; or nothing was decided here yet.",
    ),
}


def notice(name: str, chinese: bool, **values: object) -> str:
    """A line by name, in Chinese or English, with its values filled in."""
    return _LINES[name][0 if chinese else 1].format(**values)


def speaks_chinese(language: str, text: str) -> bool:
    """The language of the bot's lines: `bot.language`, or for "auto" that of the text."""
    return is_chinese(text) if language == "auto" else language == "zh"


REASONS: dict[Reason, dict[str, str]] = {
    Reason.ANSWERED: {
        "zh": "文档里有答案，已回答。",
        "en": "The documents answer this, so it was answered.",
    },
    Reason.REPEATED: {
        "zh": "不久前已经回答过几乎相同的问题。",
        "en": "A nearly identical question was answered not long ago.",
    },
    Reason.NOT_A_QUESTION: {
        "zh": "这里没有可以回答的问题。",
        "en": "There is no question here to answer.",
    },
    Reason.OFF_TOPIC: {
        "zh": "内容和文档的主题相差太远。",
        "en": "This is too far from what the documents are about.",
    },
    Reason.NO_EVIDENCE: {
        "zh": "文档里没有找到足够相关的段落。",
        "en": "No passage in the documents is close enough to answer from.",
    },
    Reason.UNSURE: {
        "zh": "语言模型的草稿没有真正回答问题，所以没有发出。",
        "en": "The language model's draft did not really answer, so it was not posted.",
    },
    Reason.UNSAFE: {
        "zh": "问题或草稿的内容不适合由机器人参与。",
        "en": "The question or the draft is nothing that the bot should take part in.",
    },
    Reason.LLM_DOWN: {
        "zh": "语言模型暂时不可用，又没有人点名问机器人。",
        "en": "The language model can't be reached, and nobody asked the bot by name.",
    },
    Reason.UNGROUNDED: {
        "zh": "拟好的回答在文档里找不到依据，所以没有发出。",
        "en": "The draft said what its sources do not, so it was not posted.",
    },
    Reason.HUMAN_FIRST: {
        "zh": "群里已经有人回答了。",
        "en": "Somebody in the group answered first.",
    },
    Reason.HUMAN_ANSWER: {
        "zh": "这是在回答别人的问题，不是提问。",
        "en": "This answers somebody else's question.",
    },
    Reason.BUDGET: {
        "zh": "机器人最近在本群主动发言的次数已经用完。",
        "en": "The bot has spoken unprompted in this group often enough for now.",
    },
    Reason.COOLDOWN: {
        "zh": "机器人刚刚主动回答过这位成员。",
        "en": "The bot answered this person unprompted only a moment ago.",
    },
    Reason.MUTED: {
        "zh": "管理员让机器人在本群保持安静。",
        "en": "An admin muted the bot in this group.",
    },
    Reason.QUEUE_FULL: {
        "zh": "同时到达的消息太多，这条没有处理。",
        "en": "Too many messages came at once, and this one was left out.",
    },
    Reason.STALE: {
        "zh": "机器人重新启动时，这条消息已经太旧了。",
        "en": "When the bot was started again, this message was too old to answer.",
    },
    Reason.RECALLED: {
        "zh": "发送者撤回了这条消息。",
        "en": "Its author took this message back.",
    },
    Reason.COMMAND: {
        "zh": "这是一条管理命令。",
        "en": "This is an admin command.",
    },
    Reason.ADDRESSED: {
        "zh": "这条消息是对别人说的。",
        "en": "This message speaks to somebody else.",
    },
    Reason.CLOSED: {
        "zh": "不在机器人的工作时间。",
        "en": "This came outside the bot's working hours.",
    },
    Reason.UNCONFIRMED: {
        "zh": "回答已经发出，但不知道平台有没有收到；为了不重复，没有再发。",
        "en": "The answer was sent, but nobody knows whether the platform took it; it was not "
        "sent again, so that it does not stand there twice.",
    },
    Reason.FAILED: {
        "zh": "处理时出错或回答没有发送成功，日志里有详情。",
        "en": "Something failed, or the answer could not be sent; the log tells more.",
    },
}
