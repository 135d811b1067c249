# One study: its cells in slices, its table, its figures, its claims. Sources of Python code are inputs, because
# Snakemake does not see imports: editing a plot redraws. Of what rows depend on, beside cells and data, the fingerprint
# is a parameter: editing an attack, or another version of a library, reruns what used it; moving a function does not.

for study in STUDIES:

    # All of one study and nothing of the tier's pages: `snakemake --cores 2 adversarial_training`.
    rule:
        name:
            study
        input:
            STUDY_OUTPUTS[study],

    rule:
        name:
            f"{study}_plan"
        input:
            script=script("plan"),
            sources=sources_of("plan"),
            grid=GRIDS[study],
        output:
            slice_files(study, "plan"),
        log:
            f"logs/{TIER}/{study}/plan.log",
        benchmark:
            f"logs/{TIER}/{study}/plan.tsv"
        priority: 100
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            python=python,
            folder=folder,
            options=f"--study {study} --tier {TIER}",
            images=[word for name in image_files(study) for word in ("--images", name)],
            code=provenance.code_of(study, "cells"),
        shell:
            "{params.python:q} {input.script:q} {params.options} --grid {input.grid:q} {params.images}"
            " --output {params.folder:q} > {log:q} 2>&1"

    rule:
        name:
            f"{study}_slice"
        input:
            script=script("run_slice"),
            sources=sources_of("run_slice"),
            plan=f"results/{TIER}/{study}/slices/{{slice}}.plan",
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
            ENVIRONMENT
        threads: 1
        resources:
            gpu=1 if DEVICE == "cuda" else 0,
            mem_mb=4000,
            runtime=240,
        params:
            python=python,
            scratch=scratch,
            options=f"--tier {TIER} --device {DEVICE}",
            images=named_images,
            fingerprint=provenance.run_fingerprint(study, DEVICE, threads=1, images={}),
        shell:
            "{params.python:q} {input.script:q} {params.options} --threads {threads} --plan {input.plan:q}"
            " {params.images:q} --scratch {params.scratch:q} --timing {output.timing:q}"
            " --output {output.table:q} > {log:q} 2>&1"

    rule:
        name:
            f"{study}_collect"
        input:
            script=script("collect"),
            sources=sources_of("collect", study, "grid"),
            slices=slice_files(study, "plan") + slice_files(study, "csv") + slice_files(study, "json"),
        output:
            table=f"results/{TIER}/{study}/table.csv",
            origins=f"results/{TIER}/{study}/slices/origins.json",
        log:
            f"logs/{TIER}/{study}/collect.log",
        benchmark:
            f"logs/{TIER}/{study}/collect.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            python=python,
            folder=lambda wildcards, input: Path(input.slices[0]).parent,
            options=f"--study {study} --slices {len(SLICES[study])}",
        shell:
            "{params.python:q} {input.script:q} {params.options} --folder {params.folder:q}"
            " --origins {output.origins:q} --output {output.table:q} > {log:q} 2>&1"

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
            figure_files(study, "pdf", "csv", "gif"),
            f"figures/{TIER}/{study}/captions.json",
        log:
            f"logs/{TIER}/{study}/figures.log",
        benchmark:
            f"logs/{TIER}/{study}/figures.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            python=python,
            folder=folder,
            options=f"--study {study}",
        shell:
            "{params.python:q} {input.script:q} {params.options} --table {input.table:q}"
            " --output {params.folder:q} > {log:q} 2>&1"

    if studies.find(study).pictures:

        rule:
            name:
                f"{study}_pictures"
            input:
                script=script("draw_pictures"),
                sources=sources_of("draw_pictures", study, "grid", "pictures"),
                table=f"results/{TIER}/{study}/table.csv",
                images=list(image_files(study).values()),
            output:
                report(
                    picture_files(study, "png"),
                    caption="../report/figure.rst",
                    category=study,
                ),
                picture_files(study, "pdf", "csv"),
                f"figures/{TIER}/{study}/pictures.json",
            log:
                f"logs/{TIER}/{study}/pictures.log",
            benchmark:
                f"logs/{TIER}/{study}/pictures.tsv"
            conda:
                ENVIRONMENT
            threads: 1
            resources:
                mem_mb=4000,
                runtime=30,
            params:
                python=python,
                folder=folder,
                images=named_images,
                options=f"--study {study}",
            shell:
                "{params.python:q} {input.script:q} {params.options} --table {input.table:q} {params.images:q}"
                " --output {params.folder:q} > {log:q} 2>&1"

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
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            python=python,
            options=f"--study {study} --tier {TIER}",
        shell:
            "{params.python:q} {input.script:q} {params.options} --table {input.table:q}"
            " --output {output:q} > {log:q} 2>&1"
