"""The corpus: tokens of structures that falsified a claim, tried again before the next campaign against it.

One small file per token, named by its content, in a folder per claim. What a token of an earlier version means may have
changed, so a token that cannot be read or replayed is passed over, and stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import FuzzEvidence
from grams_theory.core.files import readable, write_all
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.tally import Tally
from grams_theory.engine.tokens import Token

MOST = 100
"""Tokens that are kept for a claim: the newest."""


@dataclass(frozen=True)
class Corpus:
    """The tokens in a folder."""

    folder: Path

    def home(self, claim_id: str) -> Path:
        return self.folder / readable(claim_id)

    def add(self, token: Token) -> None:
        """Keep a token. Raises UsageError if the folder cannot be written."""
        text, home = token.encode(), self.home(token.claim)
        kept = home / hashlib.sha256(text.encode()).hexdigest()[:16]
        write_all({kept: text.encode()}, option="--state")
        for path in _newest_first(home)[MOST:]:
            path.unlink(missing_ok=True)

    def tokens(self, claim_id: str) -> Iterator[Token]:
        """The readable tokens of that claim, newest first."""
        for path in _newest_first(self.home(claim_id)):
            try:
                token = Token.decode(path.read_text(errors="replace"))
            except (UsageError, OSError):
                continue
            if token.claim == claim_id:
                yield token

    def falsify(self, campaign: Campaign) -> tuple[FuzzEvidence, Token] | None:
        """The newest token, found with the same optimizers, that still falsifies the claim, and what its cases say."""
        for token in self.tokens(campaign.claim.id):
            if replace(campaign, rig=token.rig).players != campaign.players:
                continue
            if token.structure.family not in (family.name for family in campaign.families):
                continue
            try:
                found = campaign.recall(token.structure)
            except Exception:  # whatever the structure meant to another version
                continue
            if found is not None:
                tally = Tally()
                tally.add(found.structure, found.outcome)
                return replace(tally.evidence(campaign.players, campaign.seed), known=True), token
        return None


def _newest_first(home: Path) -> list[Path]:
    """The files of a folder; none if it is not there."""
    files = [path for path in home.glob("[!.]*") if path.is_file()]
    return sorted(files, key=lambda path: (-path.stat().st_mtime_ns, path.name))
