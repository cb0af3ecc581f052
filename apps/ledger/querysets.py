"""Expressions every app's queries may use."""

from django.db.models import DateTimeField, Func


class Clock(Func):
    """The database's clock, `hundred_clock()`: the only clock that dates a fact."""

    function = "hundred_clock"
    template = "%(function)s()"
    arity = 0
    output_field = DateTimeField()
    allowed_default = True
