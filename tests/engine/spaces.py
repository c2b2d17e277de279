"""Hypothesis strategies for search spaces, and the spaces that several tests use."""

from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Float, Int
from headway_server.domain.space import SearchSpace


@st.composite
def parameters(draw, name):
    kind = draw(st.sampled_from(["float", "log float", "int", "log int", "categorical", "boolean"]))
    match kind:
        case "float":
            low = draw(st.floats(-1e6, 1e6))
            return Float(low, low + draw(st.floats(1e-3, 1e6)), name=name)
        case "log float":
            low = draw(st.floats(1e-6, 1e3))
            return Float(low, low * draw(st.floats(1.5, 1e6)), log=True, name=name)
        case "int":
            low = draw(st.integers(-1000, 1000))
            return Int(low, low + draw(st.integers(1, 1000)), name=name)
        case "log int":
            low = draw(st.integers(1, 100))
            return Int(low, low + draw(st.integers(1, 10_000)), log=True, name=name)
        case "categorical":
            return Categorical(tuple(f"c{i}" for i in range(draw(st.integers(1, 6)))), name=name)
        case _:
            return Boolean(name=name)


@st.composite
def spaces(draw, max_parameters=5):
    count = draw(st.integers(1, max_parameters))
    return SearchSpace.checked([draw(parameters(f"p{i}")) for i in range(count)])


def box(d):
    """The unit box in d dimensions."""
    return SearchSpace.checked([Float(0.0, 1.0, name=f"x{i}") for i in range(d)])


def mixed():
    """One parameter of each kind."""
    return SearchSpace.checked(
        [
            Float(1e-4, 1.0, log=True, name="rate"),
            Float(-2.0, 2.0, name="shift"),
            Int(1, 12, name="depth"),
            Categorical(("a", "b", "c", "d"), name="kind"),
            Boolean(name="flag"),
        ]
    )
