"""Faulty configurations and the sentences that refuse them."""

ALL_KINDS = "console, web, lark, dingtalk, wecom, webhook"

IN_A_FILE = {
    # text of the file: what follows "config.yaml:"
    # unknown keys
    "botx: 1": "1: botx: unknown key; did you mean `bot`?",
    "bot:\nname: x": "2: name: unknown key; it belongs below `bot`, further to the right",
    "bot:\n\tname: x": "2:1: not valid YAML: a tab; indent with spaces",
    "bot: {nam: x}": "1: bot.nam: unknown key; did you mean `name`?",
    "http: {zzz: 1}": "1: http.zzz: unknown key; known here: token, users, proxy, port, host",
    "knowledge:\n  sources:\n    - name: a\n      path: b\n      pth: c": (
        "5: knowledge.sources[0].pth: unknown key; did you mean `path`?"
    ),
    "llm:\n  remot: {}": "2: llm.remot: unknown key; did you mean `remote`?",
    "search: {kind: web}": "1: search.kind: unknown key; known here: web, repo",
    "search: {web: {engine: serper}}": (
        "1: search.web.api_key: must be set for the engine serper, such as ${SERPER_API_KEY}"
    ),
    "store: {url: sqlite:///elsewhere/bot.sqlite}": (
        "1: store.url: must be sqlite:///bot.sqlite, the file in `bot.data_dir`, or "
        "postgresql://user:password@host:5432/database"
    ),
    "store: {url: 'postgresql://bot:hush@db'}": (
        "1: store.url: must be sqlite:///bot.sqlite, the file in `bot.data_dir`, or "
        "postgresql://user:password@host:5432/database"
    ),
    # types
    "bot: {queue_size: 'yes'}": '1: bot.queue_size: must be a whole number, not "yes"',
    "bot: {queue_size: yes}": '1: bot.queue_size: must be a whole number, not "yes"',
    "bot: {queue_size: true}": "1: bot.queue_size: must be a whole number, not true",
    "bot: {queue_size: 2.0}": "1: bot.queue_size: must be a whole number, not 2.0",
    "bot: {quiet_s: '5'}": '1: bot.quiet_s: must be a number, not "5"',
    "bot: {quiet_s: 1e999}": "1: bot.quiet_s: must be a finite number, not Infinity",
    "bot: {name: 12}": "1: bot.name: must be text, not 12; put it in quotes",
    "bot: {name: {a: b}}": "1: bot.name: must be text, not a section",
    "bot: {data_dir: [a]}": "1: bot.data_dir: must be text, not a list",
    "\nbot:\n  name:\n": (
        '3: bot.name: has no value; delete the key for its default, or write "" for an empty text'
    ),
    "bot: 5": "1: bot: must be a section of keys, not 5",
    "gate: {examples: a.json}": '1: gate.examples: must be a list, such as [a, b], not "a.json"',
    "gate: {examples: []}": "1: gate.examples: must not be empty",
    "gate:\n  examples:\n    - a.json\n    - 7": (
        "4: gate.examples[1]: must be text, not 7; put it in quotes"
    ),
    "- a": "must consist of sections, such as `bot:` with its keys below",
    # ranges and forms
    "bot: {language: de}": '1: bot.language: must be auto, zh or en, not "de"',
    "bot: {name: ''}": "1: bot.name: must not be empty",
    f"bot: {{name: {'x' * 65}}}": "1: bot.name: must have at most 64 characters",
    "bot: {queue_size: 0}": "1: bot.queue_size: must be at least 1, not 0",
    "http: {port: 65536}": "1: http.port: must be at most 65535, not 65536",
    "gate: {target_precision: 1}": "1: gate.target_precision: must be less than 1, not 1",
    "gate: {target_precision: 0}": "1: gate.target_precision: must be more than 0, not 0",
    "admin: {prefix: /d u}": ("1: admin.prefix: must be a word without spaces, such as /dou"),
    "admin: {users: [joe]}": (
        "1: admin.users[0]: must be the adapter's name and the user's id, such as lark:ou_84aad3"
    ),
    "knowledge: {piece_chars: [600, 300]}": (
        "1: knowledge.piece_chars: must be [low, high] with low below high, not [600, 300]"
    ),
    "knowledge: {piece_chars: [600]}": (
        "1: knowledge.piece_chars[1]: is missing; write both values"
    ),
    "schedule:\n  prune: 17 4 * *": (
        "2: schedule.prune: must be a cron line (minute hour day month weekday), "
        'such as "17 4 * * *", or "" for never'
    ),
    "http: {token: 'a b'}": (
        "1: http.token: must be letters, digits and signs of ASCII, without spaces"
    ),
    # one key against another
    "bot:\n  quiet_s: 40\n  max_wait_s: 30": (
        "3: bot.max_wait_s: must be at least `bot.quiet_s`, which is 40"
    ),
    "bot: {quiet_s: 40}": "1: bot.max_wait_s: must be at least `bot.quiet_s`, which is 40",
    "knowledge: {passage_chars: 500}": (
        "1: knowledge.passage_chars: must be at least 600, the upper end of `piece_chars`"
    ),
    "http:\n  port: 80\n  host: 0.0.0.0": (
        "3: http.host: 0.0.0.0 can be reached from other machines, which demands `http.token` or "
        "`http.users`; write token: ${HTTP_TOKEN}, or host: 127.0.0.1"
    ),
    "llm: {local: {serve: {model: --trust-remote-code}}}": (
        "1: llm.local.serve.model: must be a folder or a hub id that begins with no dash"
    ),
    "http: {users: [{name: a b, role: admin}]}": (
        "1: http.users[0].name: must be 1 to 64 characters of A-Z a-z 0-9 . _ @ -, such as alice"
    ),
    "http: {users: [{name: a, role: root}]}": (
        '1: http.users[0].role: must be viewer, labeller or admin, not "root"'
    ),
    "http: {users: [{name: a, role: admin, password_hash: hunter2}]}": (
        "1: http.users[0].password_hash: must begin with $argon2id$; make it with: "
        "run_bot.py user add NAME --print"
    ),
    "http: {users: [{name: a, role: admin, token: short}]}": (
        "1: http.users[0].token: must have at least 16 characters; openssl rand -hex 24 is good"
    ),
    "http: {users: [{name: a, role: admin}, {name: a, role: viewer}]}": (
        "1: http.users: a is there twice; write another name"
    ),
    "http: {proxy: {user_header: X-User}}": (
        "1: http.proxy.user_header: anybody could send this header; write `http.proxy.address` "
        "too, such as 127.0.0.1"
    ),
    "http: {proxy: {address: proxy.example}}": (
        "1: http.proxy.address: must be the proxy's IP address, such as 127.0.0.1"
    ),
    "knowledge:\n  embedder: {kind: openai, model: m}": (
        "2: knowledge.embedder.base_url: must be set for the embedder kind openai, "
        "such as http://127.0.0.1:11434/v1"
    ),
    "knowledge:\n  embedder: {kind: openai, base_url: 'http://h/v1'}": (
        "2: knowledge.embedder.model: must be set for the embedder kind openai, such as bge-m3"
    ),
    # adapters
    "adapters: web": "1: adapters: must be a list, such as [{kind: web}]",
    "adapters: [web]": f"1: adapters[0]: must be a section with a `kind`: {ALL_KINDS}",
    "adapters:\n  - name: x": f"2: adapters[0]: must be a section with a `kind`: {ALL_KINDS}",
    "adapters:\n  - kind: wbe": "2: adapters[0].kind: unknown kind; did you mean `web`?",
    "adapters:\n  - kind: irc": f"2: adapters[0].kind: unknown kind; known here: {ALL_KINDS}",
    "adapters:\n  - kind: web\n  - kind: web": (
        "3: adapters[1].name: another adapter is named `web` too; write another name"
    ),
    "adapters:\n  - kind: web\n    nme: x": (
        "3: adapters[0].nme: unknown key; did you mean `name`?"
    ),
    "adapters:\n  - kind: web\n    name: a b": (
        "3: adapters[0].name: must be letters, digits, - or _"
    ),
    # the YAML itself
    "bot:\n  name: a\n  name: b": (
        "3: bot.name: duplicate key; it was first written at config.yaml:2"
    ),
    "bot:\n  name: @x": (
        "2:9: not valid YAML: a text can't begin with this sign; put it in quotes"
    ),
    "bot: &b {name: x}\nadmin: *b": (
        "2: admin: YAML aliases are not supported; write the value out"
    ),
    "bot: {name: !!python/name:os.system x}": (
        "1: bot.name: YAML tags are not supported; write a plain value"
    ),
    'bot: {name: "\\0"}': "1: bot.name: holds characters that no text can hold",
    "? [a]\n: b": "1: ?: a key must be a word",
    # the environment
    "bot:\n  name: ${NOPE}": (
        "2: bot.name: the environment variable NOPE is not set; set it, or write "
        "${NOPE:-text} with a text to use instead"
    ),
    "bot: {name: '${1}'}": ("1: bot.name: write ${NAME} or ${NAME:-text}, or $${ for a plain ${"),
    "bot: {queue_size: '${PORT}'}": '1: bot.queue_size: must be a whole number, not "99"',
}

IN_A_SOURCE = {
    "{name: a}": "git: a source has either `path` or `git`; write exactly one of them",
    "{name: a, path: b, git: /c}": "git: a source has either `path` or `git`; write exactly one "
    "of them",
    "{path: b}": "name: is missing; every entry needs one",
    "{name: ../a, path: b}": "name: must be letters, digits, _, - or ., at most 64, and not "
    "start with - or .",
    "{name: a, path: b, include: [/etc/*]}": "include[0]: must be a pattern below the source's "
    'folder, such as "**/*.md"',
    "{name: a, path: b, exclude: [x/../../y]}": "exclude[0]: must be a pattern below the "
    'source\'s folder, such as "**/*.md"',
    "{name: a, path: b, link_base: 'javascript:x'}": "link_base: must be an address that starts "
    "with http:// or https://",
}

IN_AN_OVERRIDE = {
    "=x": "--set : write key=value, such as --set bot.language=en",
    "bot..name=x": "--set bot..name: write key=value, such as --set bot.language=en",
    "[0]=x": "--set [0]: write key=value, such as --set bot.language=en",
    "http.port=x": '--set http.port: must be a whole number, not "x"',
    "bot.name=*x": "--set bot.name: not valid YAML: a text can't begin with this sign; "
    "put it in quotes",
    "bot.name=": '--set bot.name: has no value; delete the key for its default, or write "" for '
    "an empty text",
    "bot.name.x=1": "--set bot.name.x: `bot.name` has no keys below it",
    "bot[0]=1": "--set bot[0]: `bot` is not a list",
    "adapters.x=1": "--set adapters.x: `adapters` is a list; name an entry of it, such as "
    "`adapters[0]`",
    "adapters.2.kind=web": "--set adapters[2].kind: `adapters` has 1 entries; the next one is "
    "`adapters[1]`",
    "knowledge.sources=[{name: a, pat: b, path: c}]": "--set knowledge.sources: "
    "knowledge.sources[0].pat: unknown key; did you mean `path`?",
    "bot.name=${NOPE}": "--set bot.name: the environment variable NOPE is not set; set it, or "
    "write ${NOPE:-text} with a text to use instead",
}
