"""Links and addresses, which a writer can only invent."""

import re

from filters.density import DensityCheck
from filters.view import View

_LINK = re.compile(
    r"\bhttps?://[^\s)>\]]+|\bwww\.[\w-]+\.[\w./-]+|\bdoi(?:\.org/|:\s?)10\.\d{4,}\S*|"
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b|\]\((?!#)[^)\s]{3,200}\)",
    re.IGNORECASE,
)


class LinksCheck(DensityCheck):
    """URLs, DOIs, mail addresses and markdown links."""

    name = "links"

    def find(self, view: View) -> list[str]:
        """Links, as they stand; looked for only where one of their marks is."""
        if not any(mark in view.lower for mark in ("://", "www.", "doi", "@", "](")):
            return []
        return [match.group() for match in _LINK.finditer(view.text)]
