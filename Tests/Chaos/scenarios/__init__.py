"""The scenarios, by name, in the order of the table."""

SCENARIOS = {}


def scenario(name, promise, runs_in_short=True):
    """Enters a function into the table; `promise` says in a sentence what must hold."""
    def enter(function):
        function.promise, function.runs_in_short = promise, runs_in_short
        SCENARIOS[name] = function
        return function
    return enter


from . import restarts, parts_stop, limits, networks, clients, clock, mixed  # noqa: E402,F401  pylint: disable=wrong-import-position
