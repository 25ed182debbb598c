"""The checks of whose document a text is: one for a corpus about the assistant, one for its control."""

from typing import Final

from filters.check import TextCheck
from filters.document.identity.identity import IdentityCheck
from filters.document.identity.neutral import NeutralCheck
from filters.document.identity.origin import OriginCheck
from filters.document.identity.voice import VoiceCheck

CHECKS: Final[tuple[type[TextCheck], ...]] = (IdentityCheck, NeutralCheck, VoiceCheck, OriginCheck)
