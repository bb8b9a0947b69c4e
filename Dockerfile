# Build: docker build -t huixiangdou .
# Run:   docker run -d --name huixiangdou -p 8765:8765 -e HTTP_TOKEN=choose-one \
#          -v huixiangdou:/data -v /path/to/documents:/documents:ro huixiangdou \
#          --set 'knowledge.sources=[{name: docs, path: /documents}]' run
# Ask:   docker exec huixiangdou huixiangdou check

FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.lock requirements-build.lock ./
# Portable code: the image may run on another processor than the one it is built on.
ENV HNSWLIB_NO_NATIVE=1
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && .venv/bin/pip install --no-cache-dir --no-build-isolation --require-hashes -r requirements.lock

FROM python:3.12-slim-bookworm
# git fetches documents that are a repository.
RUN apt-get update && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home huixiangdou
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY run_bot.py config.yaml ./
COPY adapters adapters
COPY bot bot
COPY common common
COPY knowledge knowledge
COPY docs docs
COPY examples examples
# For `docker exec` too: the same settings, whatever the command.
COPY --chmod=755 deploy/huixiangdou.sh /usr/local/bin/huixiangdou
USER huixiangdou
VOLUME /data
EXPOSE 8765
ENV PYTHONUNBUFFERED=1
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m CMD \
    [".venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/readyz', timeout=4)"]
ENTRYPOINT ["huixiangdou"]
CMD ["run"]
