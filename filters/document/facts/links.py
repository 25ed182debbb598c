"""Links and addresses, which a writer can only invent."""

import re

from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Links
from filters.text.view import View

_LINK = re.compile(
    r"\bhttps?://[^\s)>\]]+|\bwww\.[\w-]+\.[\w./-]+|\bdoi(?:\.org/|:\s?)10\.\d{4,}\S*|"
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b|\]\((?!#)[^)\s]{3,200}\)",
    re.IGNORECASE,
)
_TLDS = (
    "com",
    "org",
    "net",
    "edu",
    "gov",
    "info",
    "io",
    "ai",
    "app",
    "dev",
    "co",
    "eu",
    "uk",
    "de",
    "fr",
    "ch",
    "nl",
    "us",
)
_BARE = re.compile(
    rf"(?<![\w./@-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{'|'.join(_TLDS)})/[\w~%./?=&#+-]*[\w/]", re.IGNORECASE
)


class LinksCheck(DensityCheck):
    """URLs, DOIs, mail addresses, markdown links, and hosts with a path outside code."""

    name = "links"
    model = Links

    def find(self, view: View) -> list[str]:
        """Links, as they stand; looked for only where one of their marks is."""
        found = []
        if _may_be(view):
            found = [match.group() for match in _LINK.finditer(view.text)]
        if not found and "/" in view.prose:
            found = [match.group() for match in _BARE.finditer(view.prose)]
        return found


def _may_be(view: View) -> bool:
    """Whether one of the marks of a link is there; a single character is looked for fast."""
    text = view.lower
    if "@" in text or ("/" in text and "://" in text) or ("]" in text and "](" in text):
        return True
    return "www" in view.vocabulary or "doi" in view.spelled
