"""What tokens cost: a dated table that ships with the package, extended by the recipe. Unknown is None, never zero."""

import datetime
import re
from functools import cache
from importlib import resources

from pydantic import Field

from pipelines.completion import Usage
from specs.data import load_yaml
from specs.settings import Settings

_SNAPSHOT = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")  # a dated snapshot costs what its model costs
MILLION = 1_000_000


class TokenPrice(Settings):
    """US dollars per million tokens."""

    input: float = Field(ge=0, description="Tokens of the prompt.")
    cached_input: float | None = Field(default=None, ge=0, description="Absent: cached tokens cost as much as others.")
    cache_write: float | None = Field(
        default=None, ge=0, description="Tokens written to the cache for five minutes; absent: as much as others."
    )
    cache_write_1h: float | None = Field(
        default=None, ge=0, description="The same for an hour; absent: as for five minutes."
    )
    output: float = Field(ge=0, description="Reasoning tokens are billed as output.")

    def dollars(self, usage: Usage, an_hour: bool) -> float:
        """What one reply costs whose usage is known, with the prefix kept for an hour or for five minutes."""
        prompt, completion = usage.prompt or 0, usage.completion or 0
        read = min(usage.cached or 0, prompt)
        written = min(usage.cache_written or 0, prompt - read)
        read_price = self.input if self.cached_input is None else self.cached_input
        write_price = self.input if self.cache_write is None else self.cache_write
        if an_hour and self.cache_write_1h is not None:
            write_price = self.cache_write_1h
        fresh = prompt - read - written
        total = fresh * self.input + read * read_price + written * write_price + completion * self.output
        return total / MILLION


class LongPromptPrice(TokenPrice):
    """What every token of a request costs whose prompt is long."""

    above: int = Field(ge=1, description="Tokens of the prompt, cached ones included, above which this price holds.")


class ModelPrice(TokenPrice):
    """US dollars per million tokens of one model."""

    long_prompt: LongPromptPrice | None = Field(default=None, description="The price of requests with a long prompt.")
    as_of: datetime.date | None = Field(default=None, description="Day of this price, where it is not the table's.")
    batch: float = Field(default=1.0, gt=0, le=1, description="Factor of the Batch API; 0.5 is half the price.")


class PriceTable(Settings):
    """Prices by model name, and the day they were true."""

    as_of: datetime.date | None = Field(default=None, description="The day on which these prices were looked up.")
    models: dict[str, ModelPrice] = Field(default_factory=dict)

    def find(self, model: str) -> ModelPrice | None:
        """Price of `model`, or of the model it is a dated snapshot of; None if unknown."""
        return self.models.get(model) or self.models.get(_SNAPSHOT.sub("", model))

    def date_of(self, model: str) -> datetime.date | None:
        """The day on which the price of `model` was looked up; None where it is not said."""
        price = self.find(model)
        return (price.as_of if price else None) or self.as_of

    def extended_by(self, other: "PriceTable") -> "PriceTable":
        """This table with the models of `other` added or replaced."""
        return PriceTable(as_of=other.as_of or self.as_of, models={**self.models, **other.models})

    def cost_usd(self, model: str, usage: Usage, batch: bool = False, an_hour: bool = False) -> float | None:
        """US dollars for the tokens of one reply; None where the price or the usage is not known. `an_hour`: what it
        wrote to the cache is kept for that long."""
        price = self.find(model)
        if price is None or usage.prompt is None or usage.completion is None:
            return None
        long = price.long_prompt
        rate = long if long and usage.prompt > long.above else price
        return rate.dollars(usage, an_hour) * (price.batch if batch else 1.0)


@cache
def default_prices() -> PriceTable:
    """The shipped table."""
    text = resources.files("pipelines.engine").joinpath("prices.yaml").read_text(encoding="utf-8")
    return PriceTable.model_validate(load_yaml(text))
