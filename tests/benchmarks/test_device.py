"""What the device's table is made of, on torch's CPU; the figures themselves are nobody's assertion."""

from benchmarks.device import fits, measure, table, task


def test_both_engines_answer_alike():
    fitted = task(40, None).run()
    host, there = measure(50, None, fitted, 2), measure(50, "cpu", fitted, 2)
    assert abs(host.mean - there.mean).max() < 1e-6
    assert abs(host.sd - there.sd).max() < 1e-6
    assert min(host.build_s, there.build_s, host.suggest_s, there.suggest_s) > 0


def test_a_line_for_each_size_and_each_fit():
    lines = table([20, 30], "cpu", 1).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["20", "30"]
    found = [line.split("|") for line in fits([25, 30], "cpu").splitlines()[2:]]
    assert [(row[1].strip(), row[2].strip()) for row in found] == [
        ("25", "NumPy"),
        ("25", "cpu"),
        ("30", "NumPy"),
        ("30", "cpu"),
    ]
