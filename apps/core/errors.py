"""The refusal of a request."""


class Refused(ValueError):
    """A request that cannot be carried out; nothing was changed.

    `code` tells programs the reason, and `message` is the translated sentence for the user. `field` is the form field
    that it concerns; empty: the whole request. `conflict`: the input is valid, but the current state or the actor does
    not allow it (HTTP 409).
    """

    def __init__(self, code: str, message: str, field: str = "", *, conflict: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.conflict = code, message, field, conflict
