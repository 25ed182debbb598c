"""The dataset card and the way to the Hub.

`card` puts it together of `card_sections` (the paragraphs: who, how, at what cost); `croissant` is the same for
machines; `hub` uploads, with `patience`.
"""
