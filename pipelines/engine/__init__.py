"""Asking a model: the client, its endpoints, what they answer, what that costs.

- `client`: one request from the ledger to its reply: reserved, sent, tried again; `llm` is the same for Distilabel.
- `routing`, `circuit`, `limiter`, `connection`: which endpoint, whether it is up, how many at once; `batches` later.
- `protocols` word a request and read a reply; `wire` is what identifies it, `outcomes` what can come of it.
- What is made of it: `endings` (a finish_reason: which state a reply has), `errors` (an error: whether asking again
  helps), `rejections` (an HTTP 400 or 401: whether it is about one request or all), `silent_faults` (a prompt that was
  cut, and nobody says so).
- `endpoints` is what a recipe says of all this; `budget`, `prices`: what may be spent and what it costs.
"""
