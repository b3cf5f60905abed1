"""What every section of a study file and the options of every plug-in are."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings that know all their keys and never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(BaseModel):
    """A plug-in by name, with that plug-in's own options beside the name."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything beside the name."""
        return dict(self.model_extra or {})
