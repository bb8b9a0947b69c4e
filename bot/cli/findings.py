"""How the findings of `check` begin."""

OK, BAD, NOTE = "ok    ", "bad   ", "note  "
