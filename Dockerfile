# Build: docker build -t huixiangdou .
# Run:   docker run -d --name huixiangdou -p 8765:8765 -e HTTP_TOKEN=choose-one \
#          -v huixiangdou:/data -v /path/to/documents:/documents:ro huixiangdou \
#          --set 'knowledge.sources=[{name: docs, path: /documents}]' run
# Ask:   docker exec huixiangdou huixiangdou check
#
# A tag can be moved: who wants the same base each time passes the digest that he has checked,
#   docker build --build-arg BASE=python:3.12-slim-bookworm@sha256:... (docker buildx imagetools
# inspect python:3.12-slim-bookworm tells it). What is installed into it is locked by hashes anyway.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements*.lock ./
COPY deploy/install.sh deploy/
# Portable code: the image may run on another processor than the one it is built on.
ENV HNSWLIB_NO_NATIVE=1
# requirements-tracing.lock has OpenTelemetry besides, requirements-s3.lock obstore; both may be named.
ARG LOCK=requirements.lock
# By uv as `make setup` does it; the image has no use for it.
RUN python -m venv .venv \
    && PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 sh deploy/install.sh .venv/bin/python \
         requirements-build.lock ${LOCK} \
    && .venv/bin/pip uninstall --quiet --yes uv

FROM ${BASE}
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
# Byte code is made here: a user that may not write would compile a thousand files at each start.
# Some that nobody imports, such as templates, don't compile.
RUN .venv/bin/python -m compileall -qq -j 0 . || true
# For `docker exec` too: the same settings, whatever the command.
COPY --chmod=755 deploy/huixiangdou.sh /usr/local/bin/huixiangdou
# By number: a cluster that refuses root can tell.
USER 10001
VOLUME /data
EXPOSE 8765
ENV PYTHONUNBUFFERED=1
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m CMD \
    [".venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/readyz', timeout=4)"]
ENTRYPOINT ["huixiangdou"]
CMD ["run"]
