#!/bin/sh
# The bot's command line inside the image: state in the volume, reachable from outside by a token.
cd /app && exec .venv/bin/python run_bot.py --set bot.data_dir=/data \
    --set 'http.token=${HTTP_TOKEN}' --set http.host=0.0.0.0 "$@"
