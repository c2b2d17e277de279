import json
from math import factorial

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import pearsonr

from headway_workers.commands import signature_report
from headway_workers.signature_audit.audit_file import read
from headway_workers.signature_audit.expression import SeriesError, by_gene
from headway_workers.signature_audit.geo_files import read_platform, read_series_matrix, read_soft


def test_series_matrix_gives_back_what_was_written(audit):
    path, cohort = audit
    series = read_series_matrix(path.parent / "GSE_series_matrix.txt.gz")
    expression = by_gene(series, read_platform(path.parent / "GPL.tsv", "Gene Symbol"))
    # The gene's other probe is lower, a probe with gaps and one of two genes are dropped.
    assert expression.genes == cohort.genes
    assert np.array_equal(expression.values, cohort.values)
    months = series.column("Follow-up time (BCR, months)")
    assert [float(month) for month in months] == cohort.survival.time.tolist()


def test_mean_collapse_averages_probes(audit):
    path, cohort = audit
    series = read_series_matrix(path.parent / "GSE_series_matrix.txt.gz")
    mean = by_gene(series, read_platform(path.parent / "GPL.tsv", "Gene Symbol"), "mean")
    assert np.allclose(mean.values[:, 0], (cohort.values[:, 0] + 1.0) / 2.0)


def test_intensities_become_logarithms(audit):
    path, _ = audit
    series = read_soft(path.parent / "GSE_family.soft")
    intense = type(series)(series.samples, series.probes, 2**series.values - 1, series.characteristics, {})
    symbols = series.platform["Symbol"]
    assert np.allclose(by_gene(intense, symbols).values, by_gene(series, symbols).values)


def test_three_hypotheses_get_their_verdicts(audit):
    path, cohort = audit
    lines, module, survival = read(path).findings()
    assert lines.samples == 5
    assert lines.search.attainable >= 2 / factorial(5)  # exact, and ties of signs count
    assert lines.search.mc_se == 0.0
    assert lines.verdict != "supported"
    z = (cohort.values - cohort.values.mean(0)) / cohort.values.std(0)
    first, *rest = cohort.signature
    assert module.observed == pytest.approx(pearsonr(z[:, first], z[:, rest].mean(1)).statistic, abs=1e-12)
    # A single gene is compared with all genes outside the module.
    assert module.universe == len(cohort.genes) - len(rest) == len(module.null)
    assert module.random_gene.p == np.mean(module.null >= module.observed - 1e-12)
    assert module.verdict == "supported"
    assert survival.verdict == "supported"
    assert set(survival.searched) == {"planted", "other"}
    assert {one.q_bh is None for one in (lines, module, survival)} == {False}


def test_nothing_is_significant_below_the_attainable_p(audit):
    path, _ = audit
    path.write_text(path.read_text().replace("draws = 400", "draws = 10"))
    *_, survival = read(path).findings()
    assert survival.p_nominal < 0.001
    assert survival.min_attainable_p == 1 / 11
    assert survival.verdict == "uncertain"
    assert "smallest attainable p is 0.0909" in survival.reason


def test_report_is_written_as_html_and_json(audit):
    path, _ = audit
    done = CliRunner().invoke(signature_report, [str(path)])
    assert done.exit_code == 0, done.output
    assert "H3: supported." in done.output
    found = json.loads(path.with_suffix(".json").read_text())
    assert [one["name"] for one in found["findings"]] == ["H1", "H2", "H3"]
    page = path.with_suffix(".html").read_text()
    for one in found["findings"]:
        assert one["reason"] in page
    assert page.count("data:image/png;base64,") == 3
    assert {"p_nominal", "p_random_gene", "p_search", "min_attainable_p", "mc_se_search", "q_bh"} <= set(
        found["findings"][0]
    )


def test_text_of_the_user_is_escaped(audit):
    path, _ = audit
    path.write_text(path.read_text().replace("A gene follows its module.", "<script>x</script>"))
    assert CliRunner().invoke(signature_report, [str(path)]).exit_code == 0
    assert "<script>" not in path.with_suffix(".html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"G00010"', '"TP53"', "TP53 not measured among 60 genes"),
        ('"cell line"', '"strain"', "Known: cell line, dose"),
        ('treated = "5 Gy"', 'treated = "7 Gy"', "has no sample with condition '7 Gy'"),
        ('kind = "survival"', 'kind = "surviving"', "give one of contrast-correlation"),
        ('data = "lines"', 'data = "line"', r"there is no \[data.line\]"),
        ("draws = 400", 'draws = "many"', "draws = 'many' has the wrong type"),
        ("GPL.tsv", "GPL2.tsv", "no such file"),
        ('"Gene Symbol"', '"Gene"', "no column 'Gene' among ID, Gene Symbol"),
        ("[audit]", "[audit", "no TOML"),
    ],
)
def test_bad_input_is_named(audit, old, new, said):
    path, _ = audit
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SeriesError, match=said):
        read(path).findings()


def test_bad_input_is_no_traceback_on_the_command_line(tmp_path):
    done = CliRunner().invoke(signature_report, [str(tmp_path / "absent.toml")])
    assert done.exit_code == 1
    assert "can't be read" in done.output


def test_cut_off_series_is_refused(tmp_path):
    (tmp_path / "m.txt").write_text('!series_matrix_table_begin\n"ID_REF"\t"S1"\n"p"\t1.0\n')
    with pytest.raises(SeriesError, match="cut off"):
        read_series_matrix(tmp_path / "m.txt")
