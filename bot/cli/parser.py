"""The command line: commands, options, and errors in one line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from adapters.http_guard import Role
from bot.cli.labelled import ABOUT
from bot.cluster.members import Role as ProcessRole
from bot.config.http import login_name
from bot.llm.scoring import Rubric
from bot.llm.settings import ThresholdSettings
from bot.store.engines.place import PostgresUrl, parse_place

USAGE_ERROR = 2
GUIDELINE = Path(__file__).parents[2] / "examples" / "guideline.md"
BURST = "stop when there is nothing left to do"


class _Parser(argparse.ArgumentParser):
    """argparse, but what is wrong with a call is said in one line."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        raise SystemExit(USAGE_ERROR)


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses the arguments. Exits with status 2 and one line on stderr when they are wrong."""
    parser = _Parser(prog="run_bot.py", description="HuixiangDou, the group-chat assistant")
    parser.add_argument("--config", type=Path, help="the configuration; default: config.yaml")
    one = "set one key of the configuration, such as bot.data_dir=/tmp/x; VALUE is YAML"
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help=one
    )
    parser.add_argument("--burst", action="store_true", help=BURST)
    commands = parser.add_subparsers(dest="command", parser_class=_Parser, metavar="COMMAND")
    run = commands.add_parser("run", help="run the daemon (the default)")
    # No default of its own, which would hide what stands before the command.
    run.add_argument("--burst", action="store_true", default=argparse.SUPPRESS, help=BURST)
    one = "its part of the work where several processes share a store; default: all of it, alone"
    run.add_argument(
        "--role",
        choices=[one.value for one in ProcessRole],
        default=ProcessRole.ALL.value,
        help=one,
    )
    _add_keeping(commands)
    commands.add_parser("index", help="bring the knowledge index up to date")
    _add_asking(commands)
    gate = commands.add_parser("gate", help="judge messages, one per line on standard input")
    gate.add_argument("--mention", action="store_true", help="judge them as if they mentioned me")
    gate.add_argument("--json", action="store_true", help="print one JSON object per line")
    _add_replay(commands)
    _add_label(commands)
    commands.add_parser("calibrate", help="fit the gate to the example questions")
    _add_eval(commands.add_parser("eval", help="measure quality on labelled data"))
    about = "move messages and decisions between SQLite and PostgreSQL"
    _add_store(commands.add_parser("store", help=about))
    _add_user(commands.add_parser("user", help="who has a login on the page and the API"))
    finding = "check configuration, index, gate, adapters; status 0 or 1"
    check = commands.add_parser("check", help=finding)
    which = check.add_mutually_exclusive_group()
    which.add_argument("--adapter", metavar="NAME", help="walk through the set-up of one platform")
    live = "besides, ask every platform, and the running bot a question, end to end"
    which.add_argument("--live", action="store_true", help=live)
    args = parser.parse_args(argv)
    if args.command is None:
        args.command, args.role = "run", ProcessRole.ALL.value
    elif args.burst and (args.command != "run" or args.role != ProcessRole.ALL):
        parser.error("--burst is for the daemon only, where it does everything")
    if args.command == "eval":
        args.data = args.data or args.file
    return args


def _add_keeping(commands: "argparse._SubParsersAction[_Parser]") -> None:
    about = "pack messages, index, gate and labels into one file, while the bot runs or not"
    backup = commands.add_parser("backup", help=about)
    backup.add_argument("file", type=Path, metavar="FILE")
    about = "erase what is kept of a person: messages, votes, labels"
    forget = commands.add_parser("forget", help=about)
    forget.add_argument("person", type=_person, metavar="ADAPTER:USER")
    forget.add_argument("--show", action="store_true", help="print it as JSON, erase nothing")
    about = "take up a backup, once all of it is checked"
    restore = commands.add_parser("restore", help=about)
    restore.add_argument("file", type=_file, metavar="FILE")
    aside = "put aside what is there; a running bot takes it up when it is restarted"
    restore.add_argument("--replace", action="store_true", help=aside)


def _add_store(parser: _Parser) -> None:
    whats = parser.add_subparsers(dest="what", parser_class=_Parser, metavar="WHAT", required=True)
    about = "carry everything over into an empty database, while no bot runs; all of it or nothing"
    move = whats.add_parser("move", help=about)
    for name, dest in (("--from", "source"), ("--to", "target")):
        url = "sqlite:///data/bot.sqlite or postgresql://user@host/database"
        move.add_argument(name, type=_place, required=True, metavar="URL", dest=dest, help=url)


def _add_asking(commands: "argparse._SubParsersAction[_Parser]") -> None:
    ask = commands.add_parser("ask", help="treat TEXT as a message that mentions the bot")
    ask.add_argument("text", type=_text, metavar="TEXT")
    ask.add_argument("--group", default="cli", help="the group it is asked in")
    ask.add_argument("--user", default="me", help="who asks")
    ask.add_argument("--trace", action="store_true", help="show each stage, its figures and time")
    ask.add_argument("--json", action="store_true", help="print one JSON object")
    search = commands.add_parser("search", help="show the passages that are found for TEXT")
    search.add_argument("text", type=_text, metavar="TEXT")
    search.add_argument("-k", type=_number(50), default=5, help="how many; default 5")
    search.add_argument("--json", action="store_true", help="print a JSON array")


def _add_user(parser: _Parser) -> None:
    whats = parser.add_subparsers(dest="what", parser_class=_Parser, metavar="WHAT", required=True)
    add = whats.add_parser("add", help="give somebody a login, or another password or role")
    add.add_argument("name", type=_login_name, metavar="NAME")
    add.add_argument(
        "--role",
        choices=[one.value for one in Role],
        default=Role.VIEWER.value,
        help="default: viewer",
    )
    add.add_argument("--token", action="store_true", help="a bearer token instead of a password")
    add.add_argument("--print", action="store_true", help="print the entry for http.users instead")
    whats.add_parser("list", help="show who has a login")
    remove = whats.add_parser("remove", help="take a login away")
    remove.add_argument("name", metavar="NAME")


def _add_label(commands: "argparse._SubParsersAction[_Parser]") -> None:
    about = "label stored messages for the gate, the most uncertain first"
    label = commands.add_parser("label", help=about)
    label.add_argument("--group", metavar="ADAPTER:GROUP", help="only messages of this group")
    label.add_argument("--limit", type=_number(), help="at most so many")
    what = label.add_mutually_exclusive_group()
    by_model = "let the language model label so many; what it costs is said before"
    what.add_argument("--teacher", type=_number(), metavar="N", help=by_model)
    forget = "throw away all labels of the model"
    what.add_argument("--forget-teacher", action="store_true", help=forget)
    agreement = "labels by origin, and where model and people differ"
    what.add_argument("--agreement", action="store_true", help=agreement)
    own = "what is good and what is bad, for the model; edit it"
    label.add_argument("--guideline", type=_file, default=GUIDELINE, metavar="FILE", help=own)
    label.add_argument("--yes", action="store_true", help="ask the model without confirmation")
    label.add_argument("--max-tokens", type=_number(), help="ask for no more than so many")
    label.add_argument("--max-cost", type=float, help="the same in money, by the prices of llm")


def _add_replay(commands: "argparse._SubParsersAction[_Parser]") -> None:
    about = "an exported chat, as it would have been with the bot in the group"
    replay = commands.add_parser("replay", help=about)
    replay.add_argument("file", type=_file, metavar="FILE", help="see docs/en/replay.md")
    replay.add_argument("--group", help="only the messages of this group")
    replay.add_argument("--llm", action="store_true", help="ask the language model, which may cost")
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    replay.add_argument("--out", type=Path, metavar="DIR", help="for replay.html and replay.json")


def _add_eval(parser: _Parser) -> None:
    kinds = parser.add_subparsers(dest="what", parser_class=_Parser, metavar="WHAT", required=True)
    for name, about in (
        ("gate", 'lines {"text", "label"}: precision and recall of the gate'),
        ("retrieval", "questions with known pages: recall of the search"),
        ("answers", "questions of every kind: are they answered, declined, left alone?"),
        ("scoring", "how the model's scores part labelled lines, or made ones of our own"),
    ):
        more = ABOUT if name == "scoring" else about
        as_written = argparse.RawDescriptionHelpFormatter
        kind = kinds.add_parser(name, help=about, description=more, formatter_class=as_written)
        data = kind.add_mutually_exclusive_group(required=name != "scoring")
        data.add_argument("file", nargs="?", type=_file, metavar="FILE.jsonl")
        data.add_argument("--data", type=_file, metavar="FILE.jsonl")
        kind.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "scoring":
            rubric = "default: question; without a file all of them"
            kind.add_argument("--rubric", choices=[*Rubric], help=rubric)
            kind.add_argument("--limit", type=_number(), help="at most so many of each label")
            write = "write the best threshold into the configuration"
            kind.add_argument("--write", action="store_true", help=write)
            of = "which of a rubric's keys below llm.thresholds; default: all of them"
            keys = sorted(ThresholdSettings.model_fields)
            kind.add_argument("--key", nargs="+", choices=keys, metavar="KEY", help=of)
            continue
        kind.add_argument("--out", type=Path, metavar="DIR", help="write pictures and every miss")
        if name == "gate":
            kind.add_argument("--llm", action="store_true", help="ask the model, count its cost")
            kind.add_argument("--limit", type=_number(), help="ask it about so many, spread out")
            kind.add_argument("--train", type=_file, metavar="FILE", help="fit on these examples")
        if name == "answers":
            kind.add_argument("--sample", type=_number(), help="only so many, spread over the file")
            judge = "have the model grade the answers against the pages in gold_paths"
            kind.add_argument("--judge", action="store_true", help=judge)
        if name == "retrieval":
            kind.add_argument(
                "-k", type=_number(50), default=5, help="hits per question; default 5"
            )


def _file(value: str) -> Path:
    path = Path(value)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {value}")
    return path


def _login_name(value: str) -> str:
    try:
        return login_name(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"NAME {error}") from None


def _person(value: str) -> str:
    adapter, _, user = value.partition(":")
    if not (adapter and user):
        raise argparse.ArgumentTypeError("name a person as adapter:user, such as lark:ou_5ad1")
    return value


def _place(value: str) -> Path | PostgresUrl:
    try:
        return parse_place(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _text(value: str) -> str:
    if not value.strip():
        raise argparse.ArgumentTypeError("TEXT is empty")
    return value


def _number(most: int | None = None) -> Callable[[str], int]:
    """What makes a number from 1 on of a word, or refuses it."""

    def number(value: str) -> int:
        if value.isdecimal() and 1 <= int(value) <= (most or int(value)):
            return int(value)
        raise argparse.ArgumentTypeError(
            f"{value} is not a number from 1 {f'to {most}' if most else 'on'}"
        )

    return number
