"""Which models are asked, and how: endpoints, roles, prices and the budget, as a recipe says them.

endpoints: {cloud: {model: gpt-4.1-mini}, local: {base_url: "http://127.0.0.1:8000/v1", model: qwen3}}
roles: {writer: {endpoints: {cloud: 3, local: 1}, temperature: 1.0}, judge: {endpoints: [cloud], temperature: 0.0}}
(`{protocol: anthropic, model: claude-sonnet-5-5}` is an endpoint that speaks Anthropic's API.)

No value here is a secret: an endpoint names the environment variable that holds its key.
"""

import json
import os
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from pipelines.completion import Usage
from pipelines.engine.prices import PriceTable, default_prices
from pipelines.engine.proxies import proxy_for
from specs.errors import UserError
from specs.settings import OneLine, Settings

DEFAULT_ROLE = "writer"
ROLES = ("writer", "planner", "critic", "rewriter", "judge", "eval", "base")
"""Who asks; one that a recipe does not describe asks as `writer`. `eval` is the model that is evaluated, `base` the one
that it was trained from: only an evaluation's anchors and the gates of `specmill questions` ask it."""


ADDRESS_VARIABLES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}
KEY_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
MAKERS_ADDRESSES = {"openai": "https://api.openai.com", "anthropic": "https://api.anthropic.com"}


def _plain(value: str) -> str:
    """An address that may be written down and shown; ValueError for any other."""
    parts = urlsplit(value)
    if "@" in value or parts.username or parts.password or parts.query:
        raise ValueError("the address must not carry a user, password or query; put the key in api_key_env's variable")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"expected an http or https address such as http://127.0.0.1:8000/v1, found {value!r}")
    return value.rstrip("/")


class EndpointSettings(Settings):
    """One server and one model on it."""

    protocol: Literal["openai", "anthropic"] = Field(
        default="openai",
        description="What the server speaks: OpenAI's API, as most servers do, or Anthropic's Messages API.",
    )
    base_url: str | None = Field(
        default=None,
        description="Root of the API, such as http://127.0.0.1:8000/v1; without it the variable OPENAI_BASE_URL (or "
        "ANTHROPIC_BASE_URL), then the maker's own address.",
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
        description="Environment variable that holds the key; servers without keys work when it is not set. With "
        "`protocol: anthropic` it is ANTHROPIC_API_KEY where none is named.",
    )
    cache: Literal["5m", "1h", "none"] = Field(
        default="5m",
        description="Anthropic's API: how long it keeps the spec that opens a prompt; `1h` costs more to write and "
        "suits batches. Other APIs decide this themselves.",
    )
    sampling: bool = Field(
        default=True,
        description="Whether the model takes temperature and top_p. Newer Claude models and OpenAI's reasoning models "
        "refuse them: false sends neither, whatever the role says.",
    )
    system_role: bool = Field(
        default=True,
        description="`false` for a model that takes no system message: its text stands before the first user message.",
    )
    check_prompt: bool = Field(
        default=True,
        description="Stop where far fewer prompt tokens are reported than were sent, since a server that cuts prompts "
        "says nothing else; `false` for one that does not count what it had in its cache.",
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

    @model_validator(mode="before")
    @classmethod
    def _key_of_its_protocol(cls, data: Any) -> Any:
        if isinstance(data, dict) and "api_key_env" not in data and data.get("protocol") in KEY_VARIABLES:
            return {**data, "api_key_env": KEY_VARIABLES[data["protocol"]]}
        return data

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if not self.model:
            raise ValueError("expected `model`: the name of the model to ask this endpoint for")
        if self.embedded and self.protocol != "openai":
            raise ValueError("an embedded model speaks `protocol: openai`; leave `protocol` out")
        if self.protocol == "anthropic" and not self.system_role:
            raise ValueError("`system_role: false` is for `protocol: openai`; Claude takes system messages")
        if self.protocol != "anthropic" and "cache" in self.model_fields_set and self.cache != "5m":
            raise ValueError("`cache` is for `protocol: anthropic`; leave it out")
        return self

    @property
    def marks_cache(self) -> bool:
        """Whether its requests say what is to be cached, which then has a price of its own."""
        return self.protocol == "anthropic" and self.cache != "none"

    @property
    def address(self) -> str | None:
        """Where it is asked: its base_url, else what its protocol's variable says; None: the maker's own address.

        Raises UserError where that variable holds no plain address; what it holds is not shown.
        """
        variable = ADDRESS_VARIABLES[self.protocol]
        value = "" if self.base_url or self.embedded else os.environ.get(variable, "").strip()
        try:
            found = _plain(value) if value else self.base_url
            # Anthropic's client adds the version itself
            return found.removesuffix("/v1") if found and self.protocol == "anthropic" else found
        except ValueError as error:
            raise UserError(f"the environment variable {variable}: {error}") from error

    def served_at(self, base_url: str) -> "EndpointSettings":
        """This endpoint with the address at which the command line serves its embedded model."""
        return self.model_copy(update={"base_url": base_url})


def _or_names(schema: dict[str, Any]) -> None:
    """A recipe may give names alone."""
    weights = {key: schema.pop(key) for key in ("type", "additionalProperties")}
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    schema["anyOf"] = [weights, names, {"type": "string"}]


class RoleSettings(Settings):
    """How one role (writer, judge, ...) asks: its endpoints and the parameters of a request."""

    endpoints: dict[str, float] = Field(
        description="Endpoint names with their weights; a list or a single name means equal weights.",
        json_schema_extra=_or_names,
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Not sent when absent.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Not sent when absent.")
    max_tokens: int = Field(default=4096, ge=1, description="Most tokens of a reply, reasoning included.")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="The request field that carries max_tokens; reasoning models need the second."
    )
    reasoning_effort: str | None = Field(default=None, description="Passed through; not sent when absent.")
    thinking: Annotated[int, Field(ge=1024)] | Literal["adaptive", "disabled"] | None = Field(
        default=None,
        description="Claude only: `adaptive` (newer models), a budget of tokens within max_tokens (older ones), or "
        "`disabled`; absent: what the model does by itself. `reasoning_effort` says how much (low to max).",
    )
    send_seed: bool = Field(default=False, description="Send a seed derived from each request's identity.")
    json_mode: Literal["json_schema", "json_schema_strict", "json_object", "tool", "none"] = Field(
        default="json_schema",
        description="How a JSON schema is asked for. `json_schema_strict`: OpenAI's strict mode, without the limits "
        "that it refuses; `json_object`: some JSON (not Claude); `tool`: as the input of a tool (Claude, for models "
        "without structured output); `none`: in the prompt only.",
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further request fields, passed through; never put a secret here."
    )
    mode: Literal["live", "batch"] = Field(
        default="live", description="`batch`: through the batch APIs of its endpoints, by their weights."
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


def _unfit(role: RoleSettings, endpoints: list[EndpointSettings]) -> str:
    """What of a role does not go with the protocols of its endpoints; empty where all does."""
    claude = any(one.protocol == "anthropic" for one in endpoints)
    others = any(one.protocol == "openai" for one in endpoints)
    sampled = any(one.protocol == "anthropic" and one.sampling for one in endpoints)
    thinks, tool = role.thinking not in {None, "disabled"}, role.json_mode == "tool"
    warm = role.temperature if sampled else None
    wrong = {
        "`thinking` is for Claude (`protocol: anthropic`); use `reasoning_effort`, or leave it out":
            role.thinking is not None and not claude,
        "`json_mode: tool` is for endpoints with `protocol: anthropic` alone; use `json_schema`": tool and others,
        "Claude knows no `json_mode: json_object`; use `json_schema`, `tool` or `none`":
            role.json_mode == "json_object" and claude,
        f"expected a temperature from 0 to 1 for Claude, found {warm}": warm is not None and warm > 1,
        f"Claude takes no temperature but 1 when it thinks, found {warm}; leave it out":
            thinks and warm not in {None, 1},
        f"expected a `thinking` budget below max_tokens ({role.max_tokens}), found {role.thinking}":
            isinstance(role.thinking, int) and role.thinking >= role.max_tokens,
        "Claude takes no seed; leave `send_seed` out": role.send_seed and not others,
        "Claude knows `max_tokens` only; leave `max_tokens_field` out":
            role.max_tokens_field != "max_tokens" and not others,
    }  # fmt: skip
    return next((text for text, is_so in wrong.items() if is_so), "")


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

    @property
    def sampled(self) -> bool:
        """Whether its temperature is sent to any of its endpoints: a model may take none, and Claude that thinks does
        not."""
        thinks = self.settings.thinking not in {None, "disabled"}
        return any(one.sampling and not (thinks and one.protocol == "anthropic") for one in self.endpoints.values())

    def cost_usd(self, endpoint: str, usage: Usage, batch: bool = False) -> float | None:
        """US dollars of one reply of `endpoint`; None where the price or the usage is not known."""
        settings = self.endpoints[endpoint]
        if settings.embedded:
            return 0.0
        return self.prices.cost_usd(settings.model, usage, batch, settings.cache == "1h")


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
    def _roles_fit_protocols(self) -> Self:
        """No setting of a role is read and then ignored by all that it asks, and none is refused by one of them."""
        for name, role in self.roles.items():
            if wrong := _unfit(role, [self.endpoints[endpoint] for endpoint in role.endpoints]):
                raise ValueError(f"roles.{name}: {wrong}")
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
                raise ValueError(f"budget.dollars: {_price_wanted(endpoint.model, name)}")
        return self

    def role(self, name: str, seed: int = 0) -> Role:
        """What a client needs to ask as `name`; ValueError if neither it nor `writer` is described, UserError if an
        endpoint has no plain address."""
        settings = self.roles.get(name) or self.roles.get(DEFAULT_ROLE)
        if settings is None:
            raise ValueError(f"roles: expected `{name}` or `{DEFAULT_ROLE}`, found {sorted(self.roles) or 'none'}")
        endpoints = {endpoint: self.endpoints[endpoint] for endpoint in settings.endpoints}
        for endpoint in endpoints.values():  # now, and not in the process that asks
            proxy_for(endpoint.address or MAKERS_ADDRESSES[endpoint.protocol])
        return Role(
            name=name, settings=settings, endpoints=endpoints, prices=self.prices, budget=self.budget, seed=seed
        )


def _price_wanted(model: str, endpoint: str) -> str:
    """What to write where dollars are counted of a model of unknown price."""
    return (
        f"the price of {model!r} (endpoint {endpoint}) is not known, so that dollars would stop nothing. Say it in the "
        "recipe, in dollars per million tokens (0 for a server of your own):\n"
        f"prices:\n  models: {{{json.dumps(model)}: {{input: 0, output: 0}}}}\n"
        "or count tokens instead, with `budget: {tokens: 5000000}`"
    )
