"""Hypothesis strategies for search spaces, and the spaces that several tests use."""

import dataclasses

from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, When
from headway_server.domain.parameters import is_real, level_value, n_levels
from headway_server.domain.space import SearchSpace

KINDS = (
    *("float", "log float", "step float", "int", "log int", "step int"),
    *("ordinal", "categorical", "boolean"),
)


@st.composite
def parameters(draw, name, kinds=KINDS):
    kind = draw(st.sampled_from(kinds))
    match kind:
        case "float":
            low = draw(st.floats(-1e6, 1e6))
            return Float(low, low + draw(st.floats(1e-3, 1e6)), name=name)
        case "log float":
            low = draw(st.floats(1e-6, 1e3))
            return Float(low, low * draw(st.floats(1.5, 1e6)), log=True, name=name)
        case "step float":
            low, step = draw(st.integers(-100, 100)) / 10, draw(st.sampled_from([0.1, 0.25, 0.5, 3.0, 1e-3]))
            return Float(low, low + step * draw(st.floats(1.01, 200)), step=step, name=name)
        case "int":
            low = draw(st.integers(-1000, 1000))
            return Int(low, low + draw(st.integers(1, 1000)), name=name)
        case "log int":
            low = draw(st.integers(1, 100))
            return Int(low, low + draw(st.integers(1, 10_000)), log=True, name=name)
        case "step int":
            low, step = draw(st.integers(-1000, 1000)), draw(st.integers(1, 50))
            return Int(
                low, low + step * draw(st.integers(1, 20)) + draw(st.integers(0, 49)), step=step, name=name
            )
        case "ordinal":
            return Ordinal(tuple(3**i for i in range(draw(st.integers(1, 6)))), name=name)
        case "categorical":
            return Categorical(tuple(f"c{i}" for i in range(draw(st.integers(1, 6)))), name=name)
        case _:
            return Boolean(name=name)


@st.composite
def spaces(draw, max_parameters=5, kinds=KINDS):
    """Some parameters depend on others, in chains too, and are declared anywhere."""
    count = draw(st.integers(1, max_parameters))
    made = [draw(parameters(f"p{i}", kinds)) for i in range(count)]
    for i in range(1, count):
        parents = [p for p in made[:i] if not isinstance(p, Float)]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            levels = draw(st.sets(st.integers(0, n_levels(parent) - 1), min_size=1, max_size=3))
            when = When(parent.name, tuple(level_value(parent, level) for level in sorted(levels)))
            made[i] = dataclasses.replace(made[i], when=when)
    return SearchSpace.checked(draw(st.permutations(made)))


@st.composite
def bound_numbers(draw, name):
    low, span = draw(st.integers(-100, 100)), draw(st.integers(1, 100))
    match draw(st.sampled_from(["float", "log float", "step float", "int", "log int", "step int"])):
        case "float":
            return Float(low / 8, (low + span) / 8, name=name)
        case "log float":
            return Float(span / 100, 10.0 * span, log=True, name=name)
        case "step float":
            return Float(low / 10, low / 10 + span, step=0.1 + span // 40, name=name)
        case "int":
            return Int(low, low + span, name=name)
        case "log int":
            return Int(span, 10 * span, log=True, name=name)
        case _:
            return Int(low, low + span, step=1 + span // 7, name=name)


@st.composite
def constrained_spaces(draw, max_parameters=5):
    """Numbers under one to three constraints that some point satisfies, among other parameters.

    Their ranges differ by factors of up to a thousand: what is below the tolerance can't be found.
    """
    count = draw(st.integers(2, max_parameters))
    numbers = [draw(bound_numbers(f"n{i}")) for i in range(count)]
    others = [draw(parameters(f"p{i}")) for i in range(draw(st.integers(0, 2)))]
    point = {}
    for p in numbers:
        at = draw(st.floats(0, 1))
        if is_real(p):
            point[p.name] = p.low + at * (p.high - p.low)
        else:
            point[p.name] = level_value(p, round(at * (n_levels(p) - 1)))
    texts = []
    for _ in range(draw(st.integers(1, 3))):
        named = draw(
            st.lists(st.sampled_from(numbers), min_size=1, max_size=count, unique_by=lambda p: p.name)
        )
        factors = [draw(st.sampled_from([1, 2, -1, 0.5, -3])) for _ in named]
        value = sum(f * point[p.name] for f, p in zip(factors, named, strict=True))
        kind = draw(st.sampled_from(["<=", ">=", "=="]))
        left = " + ".join(f"{f} * {p.name}" for f, p in zip(factors, named, strict=True))
        texts.append(f"{left} {kind} {value!r}")
    return SearchSpace.checked(numbers + others, constraints=texts)


def box(d, constraints=()):
    """The unit box in d dimensions."""
    return SearchSpace.checked([Float(0.0, 1.0, name=f"x{i}") for i in range(d)], constraints=constraints)


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


def conditional():
    """A tree: what each choice of an optimiser needs."""
    return SearchSpace.checked(
        [
            Float(0.0, 1.0, when=When("nesterov", (True,)), name="damping"),
            Categorical(("adam", "sgd", "none"), name="optimizer"),
            Float(1e-5, 1.0, log=True, when=When("optimizer", ("adam", "sgd")), name="rate"),
            Boolean(when=When("optimizer", ("sgd",)), name="nesterov"),
            Int(1, 3, when=When("optimizer", ("adam",)), name="warmup"),
        ]
    )
