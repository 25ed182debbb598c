"""The exception tree of the whole project, in the lowest package so that every package can raise from it.

SpecmillError                 a run failed (exit code 1)
├── UserError                 the user's mistake: says where, what was found, what was expected, what to do (exit 2)
│   ├── RecipeError           a recipe that does not validate: file, line, key
│   └── SpecError             a Model Spec that cannot be used
├── WorkspaceBusyError        another run holds the workspace
├── EndpointError             an endpoint refuses for good (key, model, context length): says what to do about it
├── BudgetError               the recipe's budget is spent
└── StoppedError              stopped on request (Ctrl-C); what was paid for is on disk, a rerun goes on
"""


class SpecmillError(Exception):
    """Root of every error that specmill raises on purpose; its text is meant for the user."""

    exit_code = 1


class UserError(SpecmillError):
    """The user's mistake: the text says where, what was found, what was expected and what to do."""

    exit_code = 2


class RecipeError(UserError):
    """A recipe that does not validate."""


class SpecError(UserError):
    """A Model Spec that cannot be used."""


class WorkspaceBusyError(SpecmillError):
    """Another run holds this workspace."""


class EndpointError(SpecmillError):
    """An endpoint refuses for good; repeating the request would not help."""


class BudgetError(SpecmillError):
    """The budget of the recipe is spent; a rerun with a larger one goes on where this one stopped."""


class StoppedError(SpecmillError):
    """Stopped on request; everything that was paid for is on disk and a rerun goes on from there."""

    exit_code = 130
