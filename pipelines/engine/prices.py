"""What tokens cost: a dated table that ships with the package, extended by the recipe. Unknown is None, never zero."""

import datetime
import re
from functools import cache
from importlib import resources

import yaml
from pydantic import Field

from specs.settings import Settings

_SNAPSHOT = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")  # a dated snapshot costs what its model costs
MILLION = 1_000_000


class ModelPrice(Settings):
    """US dollars per million tokens of one model."""

    input: float = Field(ge=0, description="Tokens of the prompt.")
    cached_input: float | None = Field(default=None, ge=0, description="Absent: cached tokens cost as much as others.")
    output: float = Field(ge=0, description="Reasoning tokens are billed as output.")
    batch: float = Field(default=1.0, gt=0, le=1, description="Factor of the Batch API; 0.5 is half the price.")


class PriceTable(Settings):
    """Prices by model name, and the day they were true."""

    as_of: datetime.date | None = Field(default=None, description="The day on which these prices were looked up.")
    models: dict[str, ModelPrice] = Field(default_factory=dict)

    def find(self, model: str) -> ModelPrice | None:
        """Price of `model`, or of the model it is a dated snapshot of; None if unknown."""
        return self.models.get(model) or self.models.get(_SNAPSHOT.sub("", model))

    def extended_by(self, other: "PriceTable") -> "PriceTable":
        """This table with the models of `other` added or replaced."""
        return PriceTable(as_of=other.as_of or self.as_of, models={**self.models, **other.models})

    def cost_usd(
        self, model: str, prompt: int | None, cached: int | None, completion: int | None, batch: bool = False
    ) -> float | None:
        """US dollars for the tokens of one reply; None where the price or the usage is not known."""
        price = self.find(model)
        if price is None or prompt is None or completion is None:
            return None
        from_cache = min(cached or 0, prompt)
        cached_price = price.input if price.cached_input is None else price.cached_input
        dollars = (prompt - from_cache) * price.input + from_cache * cached_price + completion * price.output
        return dollars * (price.batch if batch else 1.0) / MILLION


@cache
def default_prices() -> PriceTable:
    """The shipped table."""
    text = resources.files("pipelines.engine").joinpath("prices.yaml").read_text(encoding="utf-8")
    return PriceTable.model_validate(yaml.safe_load(text))
