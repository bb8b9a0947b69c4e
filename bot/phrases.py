"""Why the bot spoke or kept silent, in one sentence a user understands."""

from bot.types import Reason

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
