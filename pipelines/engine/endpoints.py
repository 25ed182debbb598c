"""Which models are asked, and how: endpoints, roles, prices and the budget, as a recipe says them.

endpoints: {cloud: {model: gpt-4.1-mini}, local: {base_url: "http://127.0.0.1:8000/v1", model: qwen3}}
roles: {writer: {endpoints: {cloud: 3, local: 1}, temperature: 1.0}, judge: {endpoints: [cloud], temperature: 0.0}}

No value here is a secret: an endpoint names the environment variable that holds its key.
"""

import os
from difflib import get_close_matches
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from pipelines.engine.prices import PriceTable, default_prices
from specs.errors import UserError
from specs.settings import OneLine, Settings

DEFAULT_ROLE = "writer"
ROLES = ("writer", "planner", "critic", "rewriter", "judge", "eval", "base")
"""Who asks; one that a recipe does not describe asks as `writer`. `eval` is the model that is evaluated, `base` the one
that it was trained from: only an evaluation's anchors and the gates of `specmill questions` ask it."""


ADDRESS_VARIABLE = "OPENAI_BASE_URL"


def _plain(value: str) -> str:
    """An address that may be written down and shown; ValueError for any other."""
    parts = urlsplit(value)
    if "@" in value or parts.username or parts.password or parts.query:
        raise ValueError("the address must not carry a user, password or query; put the key in api_key_env's variable")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"expected an http or https address such as http://127.0.0.1:8000/v1, found {value!r}")
    return value.rstrip("/")


class EndpointSettings(Settings):
    """One OpenAI-compatible server and one model on it."""

    base_url: str | None = Field(
        default=None,
        description="Root of the API, such as http://127.0.0.1:8000/v1; "
        "without it the variable OPENAI_BASE_URL, then the openai package's own default.",
    )
    embedded: str | None = Field(
        default=None, description="Name of an embedded model that the command line serves; excludes base_url."
    )
    model: str = Field(default="", description="Model name that the server knows; an embedded model's own name.")
    license: OneLine | None = Field(
        default=None,
        description="Licence of the model, or the terms that hold for its output; for the dataset card, which says "
        "that it is not known where neither this nor the list of embedded models tells.",
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the key; servers without keys work when it is not set.",
    )
    max_in_flight: int = Field(default=32, ge=1, le=4096, description="Most requests at once; adapts below it.")
    timeout_s: float = Field(default=300, gt=0, le=86400, description="Hard limit of one request, reply included.")
    connect_timeout_s: float = Field(default=10, gt=0, le=600, description="Limit of making a connection.")
    retries: int = Field(default=6, ge=0, le=100, description="Times that one request is sent again after an error.")
    wait_when_down_s: float = Field(
        default=1800, ge=0, description="How long an endpoint may be down before the run stops."
    )

    batch_poll_s: float = Field(default=30, gt=0, le=3600, description="Seconds between looks at a batch.")

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        """No credentials in a URL: it is written to the workspace."""
        return None if value is None else _plain(value)

    @model_validator(mode="before")
    @classmethod
    def _embedded_names_its_model(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("embedded") and not data.get("model"):
            return {**data, "model": data["embedded"]}
        return data

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if not self.model:
            raise ValueError("expected `model`: the name of the model to ask this endpoint for")
        return self

    @property
    def address(self) -> str | None:
        """Where it is asked: its base_url, else what OPENAI_BASE_URL says; None: the openai package's own default.

        Raises UserError where that variable holds no plain address; what it holds is not shown.
        """
        value = "" if self.base_url or self.embedded else os.environ.get(ADDRESS_VARIABLE, "").strip()
        try:
            return _plain(value) if value else self.base_url
        except ValueError as error:
            raise UserError(f"the environment variable {ADDRESS_VARIABLE}: {error}") from error

    def served_at(self, base_url: str) -> "EndpointSettings":
        """This endpoint with the address at which the command line serves its embedded model."""
        return self.model_copy(update={"base_url": base_url})


class RoleSettings(Settings):
    """How one role (writer, judge, ...) asks: its endpoints and the parameters of a request."""

    endpoints: dict[str, float] = Field(
        description="Endpoint names with their weights; a list or a single name means equal weights."
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Not sent when absent.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Not sent when absent.")
    max_tokens: int = Field(default=4096, ge=1, description="Most tokens of a reply, reasoning included.")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="The request field that carries max_tokens; reasoning models need the second."
    )
    reasoning_effort: str | None = Field(default=None, description="Passed through; not sent when absent.")
    send_seed: bool = Field(default=False, description="Send a seed derived from each request's identity.")
    json_mode: Literal["json_schema", "json_schema_strict", "json_object", "none"] = Field(
        default="json_schema",
        description="How a JSON schema is asked for. `json_schema_strict`: OpenAI's strict mode, without the limits "
        "that it refuses; `json_object`: some JSON; `none`: in the prompt only.",
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further request fields, passed through; never put a secret here."
    )
    mode: Literal["live", "batch"] = Field(
        default="live", description="`batch`: through the OpenAI Batch API of its endpoints, by their weights."
    )

    @field_validator("endpoints", mode="before")
    @classmethod
    def _weights(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: 1.0}
        if isinstance(value, list):
            return dict.fromkeys(value, 1.0)
        return value

    @field_validator("endpoints")
    @classmethod
    def _positive(cls, value: dict[str, float]) -> dict[str, float]:
        if not value:
            raise ValueError("expected at least one endpoint name")
        bad = [name for name, weight in value.items() if weight <= 0]
        if bad:
            raise ValueError(f"expected a weight above 0 for {', '.join(bad)}")
        return value


class BudgetSettings(Settings):
    """A hard stop over everything in the workspace's ledger; requests in flight count at their largest size."""

    dollars: float | None = Field(default=None, ge=0, description="Most US dollars to spend; absent: no limit.")
    tokens: int | None = Field(default=None, ge=0, description="Most prompt and completion tokens; absent: no limit.")


class Role(Settings):
    """All that a client needs to ask as one role; plain data that can be saved and sent to another process."""

    name: str
    settings: RoleSettings
    endpoints: dict[str, EndpointSettings]
    prices: PriceTable = Field(default_factory=default_prices)
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    seed: int = 0

    def cost_usd(
        self, endpoint: str, prompt: int | None, cached: int | None, completion: int | None, batch: bool = False
    ) -> float | None:
        """US dollars of one reply of `endpoint`; None where the price or the usage is not known."""
        settings = self.endpoints[endpoint]
        if settings.embedded:
            return 0.0
        return self.prices.cost_usd(settings.model, prompt, cached, completion, batch)


class EngineSettings(Settings):
    """The part of a recipe that says which models are asked, at what price and within what budget."""

    endpoints: dict[str, EndpointSettings] = Field(default_factory=dict, description="Servers, by a name of yours.")
    roles: dict[str, RoleSettings] = Field(
        default_factory=dict, description="Who asks; a role that is absent asks as `writer`."
    )
    prices: PriceTable = Field(
        default_factory=default_prices, description="Dollars per million tokens; extends the shipped table."
    )
    budget: BudgetSettings = Field(default_factory=BudgetSettings)

    @field_validator("prices")
    @classmethod
    def _over_the_shipped_table(cls, value: PriceTable) -> PriceTable:
        return default_prices().extended_by(value)

    @field_validator("endpoints")
    @classmethod
    def _one_address(cls, value: dict[str, EndpointSettings]) -> dict[str, EndpointSettings]:
        """Checked here, not in the endpoint: the command line fills in base_url once it serves an embedded model."""
        for name, endpoint in value.items():
            if endpoint.embedded and endpoint.base_url:
                raise ValueError(f"endpoints.{name}: `embedded` and `base_url` exclude each other; give one")
        return value

    @field_validator("roles")
    @classmethod
    def _known_roles(cls, value: dict[str, RoleSettings]) -> dict[str, RoleSettings]:
        """A misspelt role would ask nothing, and the one that was meant would ask as `writer`."""
        for name in value:
            if name not in ROLES:
                close = get_close_matches(name, ROLES, n=1)
                hint = f", did you mean {close[0]!r}" if close else ""
                raise ValueError(f"there is no role {name!r}{hint}; expected some of {', '.join(ROLES)}")
        return value

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for name, role in self.roles.items():
            unknown = sorted(set(role.endpoints) - set(self.endpoints))
            if unknown:
                known = ", ".join(sorted(self.endpoints)) or "none"
                raise ValueError(
                    f"roles.{name}.endpoints: {', '.join(unknown)} is not under `endpoints` (found: {known})"
                )
        return self

    @model_validator(mode="after")
    def _dollars_need_prices(self) -> Self:
        """A dollar budget over a model of unknown price would stop nothing."""
        if self.budget.dollars is None:
            return self
        used = {name for role in self.roles.values() for name in role.endpoints}
        for name in sorted(used):
            endpoint = self.endpoints[name]
            if not endpoint.embedded and self.prices.find(endpoint.model) is None:
                raise ValueError(
                    f"budget.dollars: the price of {endpoint.model!r} (endpoint {name}) is not known; "
                    "add it under `prices.models`, or give budget.tokens instead"
                )
        return self

    def role(self, name: str, seed: int = 0) -> Role:
        """What a client needs to ask as `name`; ValueError if neither it nor `writer` is described, UserError if an
        endpoint has no plain address."""
        settings = self.roles.get(name) or self.roles.get(DEFAULT_ROLE)
        if settings is None:
            raise ValueError(f"roles: expected `{name}` or `{DEFAULT_ROLE}`, found {sorted(self.roles) or 'none'}")
        endpoints = {endpoint: self.endpoints[endpoint] for endpoint in settings.endpoints}
        _ = [endpoint.address for endpoint in endpoints.values()]  # now, and not in the process that asks
        return Role(
            name=name, settings=settings, endpoints=endpoints, prices=self.prices, budget=self.budget, seed=seed
        )
