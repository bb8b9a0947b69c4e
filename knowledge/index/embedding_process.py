"""An embedder's own process, `python -m knowledge.index.embedding_process`, see `embedding_pool`.

It loads the model `use` at once; each message holds texts, each answer their vectors.
"""

from base64 import b64encode

from common.process import Message
from common.process_child import serve
from knowledge.index.embedders import UseEmbedder


def main() -> None:
    """Embeds until standard input ends."""
    serve(_start)


def _start(_: Message) -> "_Encoder":
    encoder = _Encoder()
    encoder({"texts": ["warm up"]})
    return encoder


class _Encoder:
    def __init__(self) -> None:
        self._embedder = UseEmbedder()

    def __call__(self, message: Message) -> Message:
        vectors = self._embedder.encode(message["texts"])
        return {"vectors": b64encode(vectors.tobytes()).decode()}


if __name__ == "__main__":
    main()
