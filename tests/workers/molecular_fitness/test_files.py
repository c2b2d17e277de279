import numpy as np
import pytest

from headway_workers.molecular_fitness.alignment_files import AlignmentError, read_alignment
from headway_workers.molecular_fitness.variant_files import VariantError, read_assay, read_clinical_labels


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a2m_keeps_the_wild_types_columns_in_either_case(tmp_path):
    found = read_alignment(write(tmp_path, "a.a2m", ">P/5-8\nacD.E\n>Q\nA-DK.\n"))
    assert found.wild_type == "ACDE"
    np.testing.assert_array_equal(found.positions, [5, 6, 7, 8])
    np.testing.assert_array_equal(found.x[1], [0, -1, 2, -1])
    assert found.without_gappy_columns(0.1).wild_type == "AD"
    assert len(found.without_gappy_rows(0.4).x) == 1


def test_a3m_drops_insertions(tmp_path):
    found = read_alignment(write(tmp_path, "a.a3m", ">P\nACD\n>Q\nAkkC-\n"))
    np.testing.assert_array_equal(found.x[1], [0, 1, -1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">P\nACD\n>Q\nAC\n", "line 3: 'Q' has 2 columns"),
        (">P\nACD\n>Q\nA1D\n", "line 3: '1' in column 2"),
        ("ACD\n", "line 1: 'ACD' stands before"),
        (">P/1-9\nACD\n", "spans 9 positions"),
        ("", "no sequence"),
    ],
)
def test_what_is_no_alignment_says_where(tmp_path, text, message):
    with pytest.raises(AlignmentError, match=message):
        read_alignment(write(tmp_path, "a.fasta", text))


def test_variants_become_sequences(tmp_path):
    alignment = read_alignment(write(tmp_path, "a.fasta", ">P/5-7\nACD\n"))
    assay = read_assay(write(tmp_path, "d.csv", "mutant,DMS_score\nA5C:D7E,0.5\nC6A,\nC6D,1\n"))
    x, values = assay.on(alignment)
    np.testing.assert_array_equal(x, [[1, 1, 3], [0, 2, 2]])
    np.testing.assert_array_equal(values, [0.5, 1.0])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("C5A,1", "has C at position 5"),
        ("A50C,1", "0 of 1 variants"),
        ("A5C,x", "line 2: DMS_score = 'x'"),
        ("5C,1", "line 2: '5C' is no substitution"),
    ],
)
def test_what_is_no_variant_says_where(tmp_path, row, message):
    alignment = read_alignment(write(tmp_path, "a.fasta", ">P/5-7\nACD\n"))
    with pytest.raises(VariantError, match=message):
        read_assay(write(tmp_path, "d.csv", f"mutant,DMS_score\n{row}\n")).on(alignment)


def test_labels_of_an_unknown_protein_name_the_known(tmp_path):
    table = "protein_name,mutations,ClinVar_labels_category\nP53,A5C,benign\nP53,A5D,uncertain\n"
    path = write(tmp_path, "c.csv", table)
    assert read_clinical_labels(path, "P53").mutants == ("A5C",)
    with pytest.raises(VariantError, match="Labelled are P53"):
        read_clinical_labels(path, "PTEN")
