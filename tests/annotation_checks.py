"""Annotations are checked at every call in tests: shapes by jaxtyping, everything else by beartype.

Jaxtyping's import hook wraps every function so that one letter stands for one size in all of its
arguments, which makes each call some 20 microseconds longer: half of the time of the whole suite.
Functions without a shape in their signature gain nothing from it, so they get beartype alone.
"""

import dataclasses
import functools
import inspect
from typing import get_args

import jaxtyping
from beartype import beartype

_with_shapes = jaxtyping.jaxtyped


def check_annotations_of(package):
    """From now on, in every module of ``package`` that is imported."""
    jaxtyping.jaxtyped = _checked
    jaxtyping.install_import_hook(package, "beartype.beartype")


def _checked(checked=None, *, typechecker):
    if checked is None:
        return functools.partial(_checked, typechecker=typechecker)
    if inspect.isclass(checked) and not dataclasses.is_dataclass(checked):
        return checked
    function = checked.__init__ if inspect.isclass(checked) else checked
    if any(_may_hold_a_shape(each) for each in function.__annotations__.values()):
        return _with_shapes(checked, typechecker=typechecker)
    if inspect.isclass(checked):
        checked.__init__ = beartype(function)
        return checked
    return beartype(function)


def _may_hold_a_shape(annotation):
    """A text is only read when it is needed, so it may."""
    is_array = inspect.isclass(annotation) and issubclass(annotation, jaxtyping.AbstractArray)
    return (
        is_array
        or isinstance(annotation, str)
        or any(_may_hold_a_shape(each) for each in get_args(annotation))
    )
