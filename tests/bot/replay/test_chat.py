"""Exports of chats, each by the sample that ships, and what is no export."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.replay.chat import ExportError, load_chat, of_group

SAMPLES = Path(__file__).parents[3] / "examples/chats"
SHANGHAI = ZoneInfo("Asia/Shanghai")
ASKED, ANSWERED, MENTIONED = 1772414045.0, 1772414051.0, 1772436600.0


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_every_sample_holds_the_same_talk(name: str) -> None:
    chat = [one.message for one in load_chat(SAMPLES / name, "豆哥", SHANGHAI)]
    by_time = {message.sent_at: message for message in chat}
    assert by_time.keys() >= {ASKED, ANSWERED, MENTIONED}
    assert by_time[ASKED].text == "which port does the kettle server listen on?"
    assert not by_time[ASKED].mention
    assert by_time[MENTIONED].mention
    assert by_time[MENTIONED].text.split() == ["怎么安装", "kettle"]
    assert len({message.group for message in chat}) == 1
    assert len({message.user for message in chat}) == len(chat)


def test_system_messages_are_nobodys_and_pictures_are_attachments() -> None:
    kinds = {
        "lark.json": "image",
        "dingtalk.json": "file",
        "wechat-chatlog.json": "image",
        "wechat-memotrace.csv": "sticker",
    }
    for name, kind in kinds.items():
        chat = [one.message for one in load_chat(SAMPLES / name, "豆哥", SHANGHAI)]
        assert len(chat) == 4, name
        assert [m.attachments for m in chat if not m.text] == [(kind,)], name


def test_replies_and_people_who_are_spoken_to_are_kept() -> None:
    lark = [one.message for one in load_chat(SAMPLES / "lark.json", "豆哥")]
    assert (lark[1].reply_to, lark[1].mentions) == (lark[0].message_id, ("ou_ann",))
    wechat = [one.message for one in load_chat(SAMPLES / "wechat-chatlog.json", "豆哥")]
    assert wechat[1].reply_to == wechat[0].message_id


def test_labels_and_numbers_of_messages_in_our_own_lines(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text(
        '{"group": "b", "user": "y", "time": 20, "text": "late", "reply_to": 2, "label": 0}\n\n'
        '{"group": "a", "user": "x", "time": 10, "text": "early", "label": 1}\n'
    )
    early, late = load_chat(file, "bot")
    assert (early.message.text, early.label, late.label) == ("early", True, False)
    assert late.message.reply_to == early.message.message_id
    assert of_group([early, late], "b") == [late]
    with pytest.raises(ExportError, match="there are: a, b"):
        of_group([early, late], "c")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected lines"),
        ("hello there", "expected lines"),
        ("[]", "no message"),
        ('{"group": "g", "user": "u", "text": "x"}', "message 1 .*time"),
        ('{"group": "g", "user": "u", "time": "monday", "text": "x"}', "message 1 .*monday"),
        ('{"group": "g", "user": "u", "time": 1, "text": "x", "label": 7}', "label is 1 or 0"),
        ('{"group": "g"}\n{broken', "line 2"),
        ("localId,Type,CreateTime,StrContent,Sender\n1,one,2,hi,me\n", "line 2"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "chat.txt"
    file.write_text(text)
    with pytest.raises(ExportError, match=words):
        load_chat(file, "bot")
