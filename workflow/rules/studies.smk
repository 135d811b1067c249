# One study: its cells in slices, its table, its figures, its claims. Sources of Python code are inputs, because
# Snakemake does not see imports: editing an attack reruns what used it, editing a plot redraws only.

for study in STUDIES:

    # All of one study and nothing of the tier's pages: `snakemake --cores 2 adversarial_training`.
    rule:
        name:
            study
        input:
            STUDY_OUTPUTS[study],

    rule:
        name:
            f"{study}_slice"
        input:
            script=script("run_slice"),
            sources=sources_of("run_slice", study, "grid", "experiment"),
            grid=GRIDS[study],
            images=list(image_files(study).values()),
        output:
            table=f"results/{TIER}/{study}/slices/{{slice}}.csv",
            timing=f"results/{TIER}/{study}/slices/{{slice}}.json",
        log:
            f"logs/{TIER}/{study}/slice-{{slice}}.log",
        benchmark:
            f"logs/{TIER}/{study}/slice-{{slice}}.tsv"
        # Long jobs first, short ones fill the gaps at the end: slices before what is made of them, and the studies in
        # the order in which the tier file lists them.
        priority: len(STUDIES) - STUDIES.index(study)
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            gpu=1 if DEVICE == "cuda" else 0,
            mem_mb=4000,
            runtime=240,
        params:
            options=f"--study {study} --tier {TIER} --slices {len(SLICES[study])} --device {DEVICE}",
            images=[f"{name}={file}" for name, file in image_files(study).items()],
        shell:
            "python {input.script} {params.options} --slice {wildcards.slice} --threads {threads} --grid {input.grid}"
            " --images {params.images} --scratch scratch --timing {output.timing} --output {output.table} > {log} 2>&1"

    rule:
        name:
            f"{study}_collect"
        input:
            script=script("collect"),
            sources=sources_of("collect", study, "grid"),
            grid=GRIDS[study],
            slices=slice_files(study, "csv"),
        output:
            f"results/{TIER}/{study}/table.csv",
        log:
            f"logs/{TIER}/{study}/collect.log",
        benchmark:
            f"logs/{TIER}/{study}/collect.tsv"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            options=f"--study {study} --tier {TIER}",
            images=list(image_files(study)),
        shell:
            "python {input.script} {params.options} --grid {input.grid} --images {params.images}"
            " --slices {input.slices} --output {output} > {log} 2>&1"

    rule:
        name:
            f"{study}_figures"
        input:
            script=script("draw_figures"),
            sources=sources_of("draw_figures", study, "grid", "figures"),
            table=f"results/{TIER}/{study}/table.csv",
        output:
            report(
                figure_files(study, "png"),
                caption="../report/figure.rst",
                category=study,
            ),
            figure_files(study, "pdf", "csv"),
        log:
            f"logs/{TIER}/{study}/figures.log",
        benchmark:
            f"logs/{TIER}/{study}/figures.tsv"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            options=f"--study {study} --output figures/{TIER}/{study}",
        shell:
            "python {input.script} {params.options} --table {input.table} > {log} 2>&1"

    rule:
        name:
            f"{study}_claims"
        input:
            script=script("judge_claims"),
            sources=sources_of("judge_claims", study, "grid", "claims"),
            table=f"results/{TIER}/{study}/table.csv",
        output:
            f"results/{TIER}/{study}/claims.json",
        log:
            f"logs/{TIER}/{study}/claims.log",
        benchmark:
            f"logs/{TIER}/{study}/claims.tsv"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            options=f"--study {study} --tier {TIER}",
        shell:
            "python {input.script} {params.options} --table {input.table} --output {output} > {log} 2>&1"
