"""Which files are code or configuration, and what their language is called in a code fence."""

from functools import lru_cache
from pathlib import PurePosixPath

_LANGUAGES = {
    "python": "py pyi pyx", "c": "c h", "cpp": "cc cpp cxx hpp hh hxx inl", "cuda": "cu cuh",
    "javascript": "js jsx mjs cjs", "typescript": "ts tsx mts", "vue": "vue", "go": "go",
    "java": "java", "kotlin": "kt kts", "scala": "scala", "rust": "rs", "ruby": "rb",
    "php": "php", "csharp": "cs", "swift": "swift", "objectivec": "m mm", "lua": "lua", "r": "r",
    "julia": "jl", "bash": "sh bash zsh", "powershell": "ps1", "bat": "bat cmd", "cmake": "cmake",
    "sql": "sql", "protobuf": "proto", "groovy": "gradle", "perl": "pl pm", "dart": "dart",
    "yaml": "yaml yml", "toml": "toml", "ini": "ini cfg conf", "json": "json",
}  # fmt: skip

_BY_SUFFIX = {
    f".{suffix}": language for language, ends in _LANGUAGES.items() for suffix in ends.split()
}
_BY_NAME = {
    "dockerfile": "dockerfile",
    "makefile": "makefile",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
}

DATA = frozenset({"yaml", "toml", "ini", "json"})
"""Languages of keys and values."""


@lru_cache(4096)
def language_of(path: str) -> str:
    """The language of a file, by its name; "" for what is no code."""
    name = PurePosixPath(path).name.lower()
    return _BY_NAME.get(name) or _BY_SUFFIX.get(PurePosixPath(name).suffix, "")
