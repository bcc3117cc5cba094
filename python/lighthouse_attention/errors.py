"""What goes wrong outside of the arguments of a call, which are a ValueError or TypeError."""


class LighthouseError(RuntimeError):
    """What the library reports. `status` is the `lh_status`, None where the package itself raises."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class CompileError(LighthouseError):
    """A specification or request that does not compile: the located message of the compiler."""


class LibraryNotFoundError(LighthouseError):
    """There is no library, or none that this package can use."""


class NotPreparedError(LighthouseError):
    """Something would have to be compiled or loaded where that cannot be: see `prepare`."""
