#!/usr/bin/env bash
# What:    pycld2 0.42 (29 November 2026), detect() and its first value, isReliable
# Guess:   a French sentence of seventeen words is French, or else the answer is not called reliable
# Happens: sentences of school French whose words look English too ("note", "coefficient", "divise") are English, at 98 to
#          99 percent, and reliable; with a few function words more they are French
# So:      English is believed only where a word stands that other languages do not have (filters/document/form/foreign.py)
source "$(dirname "$0")/run.sh"
run pycld2==0.42 <<'PYTHON'
from importlib.metadata import version

import pycld2

french = {
    "On multiplie chaque note par son coefficient, on additionne, puis on divise par la somme des coefficients.": "en",
    "Comment calcule-t-on la moyenne pondérée de mes notes ?": "en",
    "Peux-tu m'expliquer comment on calcule la moyenne ?": "fr",
}
seen = {}
for text in french:
    reliable, _, languages = pycld2.detect(text, isPlainText=True)
    seen[text] = languages[0][1] if reliable else ""
    print(f"pycld2 {version('pycld2')}: {languages[0][1]} {languages[0][2]}%, reliable {reliable}: {text}")
raise SystemExit(0 if seen == french else 1)
PYTHON
