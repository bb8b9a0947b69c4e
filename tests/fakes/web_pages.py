"""Web pages on loopback about the imaginary job server Tidemill: documentation, a blog, a forum, a
page in GBK without a label, a PDF. What they say stands nowhere else."""

import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape

from aiohttp import web
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

from tests.fakes.serper_api import Listed

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Page:
    """What is served at a path; a callable answers by itself."""

    body: bytes
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Visit:
    """A request that came in."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Site:
    """A running server, which answers to any host name. `robots` is its robots.txt."""

    port: int = 0
    pages: dict[str, Page | Handler] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    robots: Page | Handler | None = None

    @property
    def place(self) -> str:
        """What search.web.allow must list."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a page."""
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, robots.txt aside."""
        return [visit.path for visit in self.visits if visit.path != "/robots.txt"]

    def listed(self) -> list[Listed]:
        """The pages about Tidemill, for a search engine."""
        return [
            Listed(self.url(path), title, f"{title} {words}")
            for path, (title, words) in INDEX.items()
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Whatever is asked for."""
        self.visits.append(Visit(request.host, request.path, dict(request.headers)))
        found = self.robots if request.path == "/robots.txt" else self.pages.get(request.path)
        if found is None:
            raise web.HTTPNotFound
        if not isinstance(found, Page):
            return await found(request)
        headers = {"Content-Type": found.content_type, **found.headers}
        return web.Response(body=found.body, status=found.status, headers=headers)


@asynccontextmanager
async def web_pages() -> AsyncIterator[Site]:
    """Serves the pages about Tidemill until the context ends."""
    site = Site(pages=dict(PAGES))
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()


def docs_page(title: str, body: str) -> str:
    """As a documentation tool makes them: a side bar, a search field, a footer."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<title>{title} &mdash; Tidemill 3.4 documentation</title>
<script>window.theme = "light"; document.write("tracked");</script>
<style>.sidebar {{ width: 20em }}</style></head>
<body><div class="sidebar" role="navigation"><h3>Table of Contents</h3><ul>
<li><a href="/docs/serve">Serving</a></li><li><a href="/docs/config">Configuration</a></li>
<li><a href="/docs/errors">错误码</a></li></ul>
<form action="/search"><input name="q" value="Search docs"></form></div>
<main role="main"><div class="body"><section>
{body}
</section></div></main>
<footer>&copy; Copyright 2026, the millers. <a href="/privacy">Privacy</a></footer>
</body></html>"""


SERVE = """<h1>Serving jobs<a class="headerlink" href="#serving">¶</a></h1>
<p>The mill takes jobs over HTTP. It listens on port <code>8917</code> unless
<code>--gate-port</code> says otherwise, and on every interface of the machine.</p>
<h2>Starting</h2>
<p>Start it in the foreground and watch the wheels turn:</p>
<div class="highlight-console"><div class="highlight"><pre><span></span><span class="gp">$ </span>\
tidemill<span class="w"> </span>turn<span class="w"> </span>--gate-port<span class="w"> </span>\
<span class="m">8920</span><span class="w"> </span>--wheels<span class="w"> </span>\
<span class="m">4</span>
<span class="go">gate open</span>
</pre></div></div>
<h2>Stopping</h2>
<p>On SIGTERM the mill takes no more jobs and lets the running ones finish. It waits
<code>ebb_s</code> seconds for them, 45 by default; what is not done by then goes back into the
queue. See <a href="https://elsewhere.test/signals">signals</a> for the others.</p>
<img src="/mill.png" alt="a mill at high tide">"""

CONFIG = """<h1>Configuration</h1>
<p>The mill reads <code>/etc/tidemill/mill.toml</code>, or the file named by the environment
variable <code>TIDEMILL_FILE</code>. A key that it does not know stops it at once.</p>
<h2>Keys</h2>
<table><thead><tr><th>key</th><th>default</th><th>meaning</th></tr></thead><tbody>
<tr><td><code>spill_share</code></td><td>0.35</td><td>share of the disk that waiting jobs may take
before new ones are refused</td></tr>
<tr><td><code>max_wheels</code></td><td>12</td>
<td>most jobs that one machine works on at a time</td></tr>
<tr><td><code>ebb_s</code></td><td>45</td><td>seconds that a stop waits for running jobs</td></tr>
</tbody></table>
<p>An example with two queues:</p>
<pre><code class="language-toml">spill_share = 0.2
[queue.night]
wheels = 2
[queue.day]
wheels = 6
</code></pre>"""

ERRORS = """<h1>错误码</h1>
<p>Tidemill 的每个错误都有一个编号，日志和 HTTP 响应里都会带上它。
下面列出最常遇到的几个以及处理办法。</p>
<h2>TM-417</h2>
<p>节点之间的时钟相差超过 250 毫秒，任务的先后顺序无法确定，所以调度暂停。先执行
<code>tidemill sync --now</code> 校准时钟，再用 <code>tidemill resume</code> 恢复调度。</p>
<h2>TM-502</h2>
<p>等待中的任务占用的磁盘超过了配额，新任务会被拒绝。可以清理队列，或者执行
<code>tidemill quota --raise 20G</code> 提高配额，不需要重启服务。</p>"""

BLOG = """<!DOCTYPE html><html><head>
<title>How we made spilling three times faster | The Millers' Blog
</title><meta property="og:title" content="How we made spilling three times faster">
</head><body>
<header><a href="/">The Millers' Blog</a>
<nav><a href="/about">About</a><a href="/feed">RSS</a></nav>
</header><article><h1>How we made spilling three times faster</h1>
<p class="meta">Posted by Mara on 3 March 2026 in performance</p>
<p>When the queue of a mill no longer fits into memory, jobs are spilled to disk. On our own
machines a spilled job needed 90 ms until it was back, and most of it went into compression.</p>
<p>Since version 3.3 the codec can be chosen. With <code>spill_codec = "reed9"</code> a job is back
after 31 ms; the files grow by a tenth, which we gladly pay.</p>
<p>One thing to know before you switch it on: the codec uses a system call that came with Linux 6.2.
On an older kernel the mill falls back to the old codec and says so once in its log.</p>
</article><aside><h4>Popular posts</h4><a href="/1">Why mills?</a><a href="/2">Hiring</a></aside>
<section id="comments"><h3>2 comments</h3><div class="comment"><p>Great post, thank you!</p></div>
<div class="comment"><p>First!</p></div></section><footer>Subscribe to our newsletter</footer>
</body></html>"""

FORUM = """<!DOCTYPE html><html><head><meta charset="utf-8">
<title>Mill hangs at "waiting for sluice" - Tidemill Forum</title></head><body><div class="menu">
<a href="/">Board index</a> <a href="/login">Login</a></div>
<div id="thread"><h2>Mill hangs at "waiting for sluice"</h2>
<div class="post" id="p1"><p class="author">by <b>joern</b> » 12 Jan 2026</p><div class="content">
After a power cut my mill does not start any more. The last line of the log is "waiting for sluice",
and nothing happens for hours. What can I do?</div></div>
<div class="post" id="p2"><p class="author">by <b>ute</b> » 12 Jan 2026</p><div class="content">
The power cut left a stale lock behind. Make sure that no mill is running, delete
<code>/run/tidemill/sluice.lock</code> and start it again. Your jobs are safe.</div></div>
<div class="post" id="p3"><p class="author">by <b>mara</b> » 14 Jan 2026</p><div class="content">
We fixed this: from 3.4.1 on the mill notices by itself that the owner of the lock is gone.</div>
</div>
<div class="post" id="p4"><p class="author">by <b>joern</b> » 15 Jan 2026</p><div class="content">
That was it, thank you both!</div></div></div>
<div class="foot">Powered by a board</div></body></html>"""

GBK = """<html><head><title>Tidemill 常见问题</title></head><body>
<div id="nav"><a href="/">首页</a> <a href="/bbs">论坛</a></div>
<div id="content"><h1>Tidemill 常见问题</h1>
<h2>从 2.x 升级到 3.x 要注意什么？</h2>
<p>3.x 的任务存储格式变了，升级前请先停掉服务，然后执行
<code>tidemill migrate --keep-wheels</code>，它会保留原来的轮子编号。
直接启动新版本会报错退出，但不会损坏数据。</p>
<h2>跑完的任务会保留多久？</h2>
<p>跑完的任务默认保留 14 天，之后自动删除。需要更久的话，在配置里把 <code>silt_days</code> 调大，
例如 <code>silt_days = 60</code>，下一次整理时生效。</p></div>
<div id="foot">版权所有</div></body></html>"""

PDF_LINES = (
    "Running Tidemill in production",
    "",
    "Sizing. Plan 6 GB of memory for every thousand waiting jobs; a mill that",
    "has less begins to spill long before its queue is full.",
    "",
    "Backups. Never copy the files of a running mill. Use tidemill dump --cold,",
    "which writes a consistent copy while the mill goes on working.",
    "",
    "备份：不要直接复制正在运行的数据目录，请使用 tidemill dump --cold。",
    "容量：每一千个等待中的任务按 6 GB 内存估算。",
)


def pdf(lines: tuple[str, ...]) -> bytes:
    """A page with these lines."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = io.BytesIO()
    page = canvas.Canvas(out, invariant=True)
    for number, line in enumerate(lines):
        chinese = any(c > "\u2e80" for c in line)
        page.setFont("STSong-Light" if chinese else "Helvetica", 11)
        page.drawString(60, 780 - 18 * number, line)
    page.save()
    return out.getvalue()


PAGES: dict[str, Page | Handler] = {
    "/docs/serve": Page(docs_page("Serving jobs", SERVE).encode()),
    "/docs/config": Page(docs_page("Configuration", CONFIG).encode()),
    "/docs/errors": Page(docs_page("错误码", ERRORS).encode()),
    "/blog/faster-spilling": Page(BLOG.encode()),
    "/forum/t/118": Page(FORUM.encode()),
    "/faq.html": Page(GBK.encode("gbk"), "text/html"),
    "/files/operations.pdf": Page(pdf(PDF_LINES), "application/pdf"),
}


KEYWORDS = {
    "/docs/serve": "port listen flag default start stop SIGTERM wait running jobs "
    "监听 端口 默认 启动 参数 停止 等 正在跑的任务 配置项",
    "/docs/config": "config file path default keys machine jobs at a time "
    "配置 文件 路径 默认值 读 一台机器 最多 同时 跑几个任务",
    "/docs/errors": "error code fix scheduling stopped clock quota refuses restart "
    "报错 解决 拒绝 重启",
    "/blog/faster-spilling": "slow spill disk codec kernel 落盘 太慢 快 内核 版本 要求 最低",
    "/forum/t/118": "hang stuck start power cut lock bug fixed version "
    "断电 起不来 卡在 日志 修好 版本",
    "/faq.html": "upgrade migrate data command keep finished jobs days 升级 迁移 命令 保留 几天 删",
    "/files/operations.pdf": "back up backup running consistently memory per thousand waiting jobs "
    "备份 一致 拷贝 目录 内存 队列 一千个",
}
"""What the pages are found by, whatever the language."""


def _words(page: Page | Handler, path: str) -> str:
    """What a search engine has read of a page."""
    assert isinstance(page, Page)
    if path.endswith(".pdf"):
        return " ".join(PDF_LINES)
    text = page.body.decode("gbk" if path == "/faq.html" else "utf-8")
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


INDEX = {
    path: (text[:60], f"{text} {KEYWORDS[path]}")
    for path, page in PAGES.items()
    for text in [_words(page, path)]
}
