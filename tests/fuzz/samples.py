"""What honest senders send, by parser: the inputs that are damaged."""

import json
from typing import Any

_LARK_HEADER = {"event_id": "ev", "create_time": "1608725989000", "app_id": "cli_dou", "token": "t"}


def _lark(kind: str, event: Any) -> dict[str, Any]:
    return {"schema": "2.0", "header": {**_LARK_HEADER, "event_type": kind}, "event": event}


def _lark_message(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    sender = {"sender_id": {"open_id": "ou_ann", "union_id": "on_1"}, "sender_type": "user"}
    message = {
        "message_id": "om_1",
        "create_time": "1609073151345",
        "chat_id": "oc_1",
        "chat_type": "group",
        "message_type": kind,
        "content": json.dumps(content),
        "mentions": [{"key": "@_user_1", "id": {"open_id": "ou_dou"}, "name": "豆哥"}],
        **more,
    }
    return _lark("im.message.receive_v1", {"sender": sender, "message": message})


_POST = {
    "title": "Ports",
    "content": [
        [
            {"tag": "text", "text": "which port?"},
            {"tag": "a", "text": "page", "href": "http://a.b"},
        ],
        [{"tag": "at", "user_id": "@_user_1"}, {"tag": "img", "image_key": "i"}, {"tag": "hr"}],
        [{"tag": "code_block", "language": "PY", "text": "x = 1\n"}],
    ],
}

LARK = [
    _lark_message("text", {"text": "@_user_1 how do I install it? @_all"}),
    _lark_message("post", _POST, parent_id="om_9", thread_id="omt_1"),
    _lark_message("post", {"zh_cn": _POST}),
    _lark_message("image", {"image_key": "i"}, chat_type="p2p"),
    _lark("im.message.recalled_v1", {"message_id": "om_1", "chat_id": "oc_1"}),
    _lark(
        "im.message.reaction.created_v1",
        {
            "message_id": "om_2",
            "operator_type": "user",
            "user_id": {"open_id": "ou_ann"},
            "reaction_type": {"emoji_type": "THUMBSUP"},
            "action_time": "1609073151345",
        },
    ),
    _lark("im.chat.member.bot.added_v1", {"chat_id": "oc_1", "name": "Kettle users"}),
    _lark(
        "card.action.trigger",
        {
            "operator": {"open_id": "ou_ann"},
            "action": {"value": {"do": "helpful", "in": "zh"}},
            "context": {"open_message_id": "om_2", "open_chat_id": "oc_1"},
        },
    ),
]

LARK_ITEMS = [
    {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "msg_type": "text",
        "create_time": "1609073151",
        "sender": {"id": "ou_ann", "sender_type": "user"},
        "body": {"content": json.dumps({"text": "@_user_1 hi"})},
        "mentions": [{"key": "@_user_1", "id": "ou_dou", "name": "豆哥"}],
        "upper_message_id": "om_0",
    },
    {"message_id": "om_3", "msg_type": "merge_forward", "upper_message_id": "om_0"},
]

_DING = {
    "conversationId": "cidA==",
    "conversationType": "2",
    "msgId": "m1",
    "createAt": 1690362101894,
    "senderId": "$:LWCP_v1:$ann",
    "senderStaffId": "ann",
    "chatbotUserId": "$:LWCP_v1:$bot",
    "isInAtList": True,
    "atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"}, {"dingtalkId": "$:x", "staffId": "042"}],
    "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=s",
    "sessionWebhookExpiredTime": 1690365701894,
}

DINGTALK = [
    {**_DING, "msgtype": "text", "text": {"content": " how?", "repliedMsg": {"msgId": "m0"}}},
    {
        **_DING,
        "msgtype": "richText",
        "content": {"richText": [{"text": "@豆哥"}, {"text": "see"}, {"downloadCode": "d"}]},
    },
    {**_DING, "conversationType": "1", "msgtype": "audio", "content": {"recognition": "how"}},
]

DINGTALK_ACTIONS = [
    {
        "outTrackId": "0123-4567",
        "userId": "ann",
        "content": {"cardPrivateData": {"actionIds": ["helpful"], "params": {"a": "recall"}}},
    },
    {"outTrackId": "0123-4567", "userId": "ann", "content": '{"cardPrivateData": {}}'},
]

_WECOM = {
    "msgid": "M1",
    "aibotid": "AIB1",
    "chatid": "wrk1",
    "chattype": "group",
    "from": {"userid": "ann", "corpid": "ww1"},
    "create_time": 1700000000,
}

WECOM = [
    {
        "cmd": "aibot_msg_callback",
        "headers": {"req_id": "R1"},
        "body": {**_WECOM, "msgtype": "text", "text": {"content": "@豆哥 how?"}},
    },
    {
        "cmd": "aibot_msg_callback",
        "headers": {"req_id": "R2"},
        "body": {
            **_WECOM,
            "msgtype": "mixed",
            "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": "a"}}]},
            "quote": {"msgtype": "voice", "voice": {"content": "said"}},
        },
    },
    {
        "cmd": "aibot_event_callback",
        "headers": {"req_id": "R3"},
        "body": {
            **_WECOM,
            "msgtype": "event",
            "event": {"eventtype": "feedback_event", "feedback_event": {"id": "r", "type": 1}},
        },
    },
    {"headers": {"req_id": "R4"}, "errcode": 45009, "errmsg": "busy"},
]

WEBHOOK = [
    {"code": 0, "msg": "ok"},
    {"StatusCode": 0},
    {"errcode": 310000, "errmsg": "关键词"},
    {"errcode": 0},
    {"status": 1111, "punish": "wait"},
]

POSTED = [
    {"group": "g", "user": "ann", "text": "how?", "mention": True, "message_id": "m1"},
    {"group": "g", "user": "ann", "message_id": "m1", "vote": "helpful"},
    {"group": "g", "user": "ann", "message_id": "m1", "label": 1},
    {"group": "g", "user": "ann"},
    {"token": "sesame"},
]

COMPLETIONS = [
    {
        "choices": [
            {
                "message": {"content": "<think>hm</think>7", "reasoning_content": "hm"},
                "finish_reason": "stop",
                "logprobs": {
                    "content": [
                        {
                            "token": "7",
                            "logprob": -0.1,
                            "top_logprobs": [
                                {"token": "7", "logprob": -0.1},
                                {"token": "▁8", "logprob": -2.5},
                            ],
                        }
                    ]
                },
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    },
    {"error": {"message": "context length exceeded", "code": "too_long"}},
    {"detail": [{"loc": ["body", "top_p"], "msg": "extra inputs are not permitted"}]},
]

SERPER = [
    {"organic": [{"link": "https://a.b/c", "title": "Ports"}], "searchParameters": {"q": "x"}},
    {"message": "Not enough credits", "statusCode": 400},
]

SOURCEGRAPH = [
    [
        {
            "type": "content",
            "repository": "github.com/a/b",
            "path": "src/x.py",
            "commit": "0" * 40,
            "chunkMatches": [
                {
                    "content": "def port():\n    return 7311",
                    "contentStart": {"line": 3},
                    "ranges": [{"start": {"line": 4}}],
                }
            ],
            "lineMatches": [{"line": "port = 7311", "lineNumber": 8}],
        }
    ],
    {
        "data": {
            "search": {
                "results": {
                    "alert": {"title": "no repository", "description": "found"},
                    "results": [
                        {
                            "repository": {"name": "a/b"},
                            "file": {"path": "x.py"},
                            "lineMatches": [{"preview": "port", "lineNumber": 1}],
                        }
                    ],
                }
            },
            "repository": {
                "commit": {"oid": "0" * 40, "f0": {"content": "x = 1", "binary": False}}
            },
        },
        "errors": [{"message": "timed out"}],
    },
]

RERANK = [
    {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    [{"index": 0, "score": 0.4}, {"index": 1, "score": 0.2}],
]

CHATS = [
    [{"group": "g", "user": "ann", "time": 1700000000, "text": "how?", "label": 1, "reply_to": 1}],
    {"data": {"items": LARK_ITEMS}},
    {"messages": [{"isChatRoom": True, "time": "2024-01-01T10:00:00+08:00", "content": "hi"}]},
    {
        "openConversationId": "c",
        "messages": [
            {"openMessageId": "m", "senderName": "Ann", "content": "how?", "createTime": 1}
        ],
    },
]

EXAMPLES = [
    {"good": ["how do I install it?"], "bad": ["lunch?"]},
    {"text": "how?", "label": 1, "weight": 0.5, "origin": "message", "group": "g", "time": 1.5},
]

CHAT_TEXTS = [
    "localId,Type,CreateTime,Sender,NickName,Remark,StrContent,StrTime\n"
    "1,1,1704103200,wxid_1,Ann,,how?,2024-01-01 10:00:00\n2,3,1704103260,wxid_2,Bob,,<img/>,\n",
    "2024-01-01 10:00:00 Ann\nhow do I install it?\n\n2024-01-01 10:01 Bob\nwith pip\n",
]

CONFIG = [
    """bot:
  name: 豆哥
  data_dir: data
  quiet_s: 6
adapters:
  - {kind: web}
  - kind: lark
    name: lark
    app_id: cli_1
    app_secret: ${SECRET:-x}
knowledge:
  sources: [{name: docs, path: docs}]
http: {port: 8765, token: "${TOKEN:-}"}
schedule:
  hours: ["mon-fri 09:00-18:00"]
""",
    "llm:\n  remote: {provider: kimi, api_key: k, model: auto}\nflood: {burst: 3}\n",
]

MARKDOWN = [
    """---
title: "Ports"
---
# Ports {#ports}

The server listens on port `7311`; see [the page](https://a.b/c "t") and ![x](y.png).

| option | value |
|--------|-------|
| `--port` | 7311 |

```python title="x.py" hl_lines="1"
print(1)
```

!!! note "Mind"
    indented

::: tip
inside
:::

=== "Tab"

    text

<Tabs><TabItem value="a">one</TabItem></Tabs>

--8<-- "other.md"

1. a
   - b

{% raw %} {{ x }} {% endraw %} <!-- c --> [^1]

[^1]: foot
""",
]

RST = [
    """Ports
=====

.. note:: Mind the gap.

.. include:: other.rst

:term:`port` is ``7311``; see :ref:`there <here>` and `page <https://a.b>`_.

.. code-block:: python
   :linenos:

   print(1)

.. list-table::
   :header-rows: 1

   * - a
     - b
   * - c
     - d

===== =====
a     b
===== =====
1     2
===== =====

.. autofunction:: x.y
.. _here:

Term
    Definition.
""",
]

NOTEBOOK = [
    {
        "nbformat": 4,
        "metadata": {"kernelspec": {"language": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# Ports\n", "The port is 7311 by default."]},
            {
                "cell_type": "code",
                "source": "print(1)",
                "outputs": [
                    {"output_type": "stream", "text": ["1\n"]},
                    {"output_type": "execute_result", "data": {"text/plain": "1"}},
                ],
            },
        ],
    }
]

HTML = [
    """<!doctype html><html><head><meta charset="gbk"><title>Ports</title></head><body>
<nav>menu</nav><main><h1>Ports</h1><p>The server listens on port <code>7311</code> by default, and
ends with exit status 98 when it is taken. Change it with <a href="x">--port</a>.</p>
<table><tr><th>a</th><td>b</td></tr></table><p style="display:none">hidden</p>
<pre>kettle serve --port 7400</pre></main><!-- x --><script>var a = "</p>";</script>
</body></html>""",
]

ROBOTS = ["User-agent: *\nDisallow: /private\nAllow: /*.html$\nCrawl-delay: 1\nSitemap: /s\n"]

STREAM = [
    'event: matches\ndata: [{"type":"content","repository":"a/b","path":"x.py"}]\n\n'
    "event: done\ndata: {}\n\n",
]

ANSWERS = [
    "The server listens on port 7311 by default [1]. Change it with `--port` [1].\n\n"
    "```bash\nkettle serve --port 7400\n```\n\n- one [2]\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "默认监听 7311 端口 [1]。用 `--port` 修改 [2]：\n\n1. 第一步 http://a.b/c\n2. 第二步",
]

MESSAGES = [
    "@豆哥 how do I change the port? 1. which file 2. which key?",
    "/dou mute 2h",
    "豆哥 撤回。",
    "请问各位大佬，怎么安装？还有，默认端口是多少？",
    "alice @bot: which port?",
]
