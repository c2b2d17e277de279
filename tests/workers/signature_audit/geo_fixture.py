"""Generated series in GEO's formats, small; what is planted in them is known."""

import gzip

import numpy as np

from headway_workers.signature_audit.simulator import FactorModel

MODEL = FactorModel(genes=300, planted=8, effect=1.6, hazard=0.6)


def write_series(folder, patients=120):
    """A series matrix with survival, its platform, and a SOFT family of 5 lines × 2 doses."""
    cohort = MODEL.draw(patients, structure=3, rng=np.random.default_rng(3))
    genes = cohort.genes
    times, events = cohort.survival.time, cohort.survival.event.astype(int)
    lines = [
        '!Series_title\t"generated"',
        "!Sample_geo_accession\t" + "\t".join(f'"S{i}"' for i in range(patients)),
        "!Sample_characteristics_ch1\t"
        + "\t".join(f'"follow-up time (bcr, months): {time}"' for time in times),
        "!Sample_characteristics_ch1\t"
        + "\t".join(f'"bcr event (1=yes, 0=no): {event}"' for event in events),
        "!series_matrix_table_begin",
        '"ID_REF"\t' + "\t".join(f'"S{i}"' for i in range(patients)),
    ]
    for gene, values in zip(genes, cohort.values.T, strict=True):
        lines.append(f'"{gene}_at"\t' + "\t".join(repr(float(value)) for value in values))
    lines.append('"G00000_low_at"\t' + "\t".join("1.0" for _ in range(patients)))
    lines.append('"G00001_gap_at"\t' + "\t".join(["", "null"] + ["9.0"] * (patients - 2)))
    lines.append('"both_at"\t' + "\t".join("9.0" for _ in range(patients)))
    lines.append("!series_matrix_table_end")
    with gzip.open(folder / "GSE_series_matrix.txt.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    platform = ["#ID = probe", "ID\tGene Symbol", *(f"{gene}_at\t{gene}" for gene in genes)]
    platform += ["G00000_low_at\tG00000", "G00001_gap_at\tG00001", "both_at\tG00002 /// G00003"]
    (folder / "GPL.tsv").write_text("\n".join(platform) + "\n")
    write_soft(folder / "GSE_family.soft", lines=5)
    return cohort


def write_soft(path, lines):
    rng = np.random.default_rng(5)
    genes = [f"G{number:05d}" for number in range(60)]
    text = ["^PLATFORM = GPL1", "!platform_table_begin", "ID\tSymbol"]
    text += [*(f"{gene}_at\t{gene}" for gene in genes), "!platform_table_end"]
    for line in range(lines):
        for dose in ("0 Gy", "5 Gy"):
            text += [f"^SAMPLE = L{line}{dose[0]}", f"!Sample_characteristics_ch1 = cell line: L{line}"]
            text += [f"!Sample_characteristics_ch1 = dose: {dose}", "!sample_table_begin", "ID_REF\tVALUE"]
            text += [f"{gene}_at\t{8 + rng.normal():.6f}" for gene in genes]
            text += ["!sample_table_end"]
    path.write_text("\n".join(text) + "\n")


def audit_text(cohort):
    planted = ", ".join(f'"{cohort.genes[place]}"' for place in cohort.signature)
    others = ", ".join(f'"G{number:05d}"' for number in range(290, 298))
    return f"""
[audit]
draws = 400

[data.lines]
soft = "GSE_family.soft"
symbol_column = "Symbol"

[data.patients]
series_matrix = "GSE_series_matrix.txt.gz"
platform = "GPL.tsv"
symbol_column = "Gene Symbol"

[gene_lists]
ddr = ["G00000", "G00001", "G00002", "G00003", "G00004"]
p53 = ["G00010", "G00011", "G00012"]
planted = [{planted}]
other = [{others}]
rest = [{", ".join(f'"{cohort.genes[place]}"' for place in cohort.signature[1:])}]

[[hypothesis]]
name = "H1"
claim = "The DDR response follows the p53 response."
kind = "contrast-correlation"
data = "lines"
signature = "ddr"
against = "p53"
unit = "cell line"
condition = "dose"
treated = "5 Gy"
control = "0 Gy"

[[hypothesis]]
name = "H2"
claim = "A gene follows its module."
kind = "gene-module"
data = "patients"
gene = "{cohort.genes[cohort.signature[0]]}"
module_up = "rest"
direction = "greater"

[[hypothesis]]
name = "H3"
claim = "The signature predicts relapse."
kind = "survival"
data = "patients"
signature = "planted"
also_tried = ["other"]
time = "follow-up time (bcr, months)"
event = "bcr event (1=yes, 0=no)"
"""
