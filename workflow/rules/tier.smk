# The whole tier: the claims of all studies on one page, all figures on another, where everything came from, all of it in
# one file for a browser, and a record of every file.


rule claims_page:
    input:
        script=script("merge_claims"),
        sources=sources_of("merge_claims"),
        template=here(ROOT / "src/benign/pipeline/pages/templates/claims.md.j2"),
        claims=[f"results/{TIER}/{study}/claims.json" for study in STUDIES],
        origins=[f"results/{TIER}/{study}/slices/origins.json" for study in STUDIES],
    output:
        json=f"results/{TIER}/claims.json",
        markdown=report(f"results/{TIER}/claims.md", caption="../report/claims.rst", category="claims"),
    log:
        f"logs/{TIER}/claims_page.log",
    benchmark:
        f"logs/{TIER}/claims_page.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=python,
        options=f"--tier {TIER}",
    shell:
        "{params.python:q} {input.script:q} {params.options} --claims {input.claims:q} --origins {input.origins:q}"
        " --json {output.json:q} --markdown {output.markdown:q} > {log:q} 2>&1"


rule gallery:
    input:
        script=script("draw_gallery"),
        sources=sources_of("draw_gallery"),
        template=here(ROOT / "src/benign/pipeline/pages/templates/gallery.md.j2"),
        claims=[f"results/{TIER}/{study}/claims.json" for study in STUDIES],
        captions=[file for study in STUDIES for file in caption_files(study)],
    output:
        f"figures/{TIER}/README.md",
        [f"figures/{TIER}/claims.{kind}" for kind in ("png", "pdf", "csv")],
    log:
        f"logs/{TIER}/gallery.log",
    benchmark:
        f"logs/{TIER}/gallery.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=python,
        folder=folder,
        options=f"--tier {TIER}",
    shell:
        "{params.python:q} {input.script:q} {params.options} --claims {input.claims:q} --captions {input.captions:q}"
        " --output {params.folder:q} > {log:q} 2>&1"


rule provenance:
    input:
        script=script("record_provenance"),
        sources=sources_of("record_provenance"),
        tables=[f"results/{TIER}/{study}/table.csv" for study in STUDIES],
        figures=[file for study in STUDIES for file in figure_files(study, "png") + picture_files(study, "png")],
        origins=[f"results/{TIER}/{study}/slices/origins.json" for study in STUDIES],
        grids=list(GRIDS.values()),
        images=sorted({file for study in STUDIES for file in image_files(study).values()}),
        citation=here(ROOT / "CITATION.cff"),
    output:
        f"results/{TIER}/provenance.json",
    log:
        f"logs/{TIER}/provenance.log",
    benchmark:
        f"logs/{TIER}/provenance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=python,
        options=f"--tier {TIER}",
        images=named_images,
        config=lambda wildcards: json.dumps(config, sort_keys=True),  # a function: a brace in it is no wildcard's
    shell:
        "{params.python:q} {input.script:q} {params.options} --config {params.config:q} --tables {input.tables:q}"
        " --figures {input.figures:q} --origins {input.origins:q} --grids {input.grids:q} {params.images:q}"
        " --citation {input.citation:q} --output {output:q} > {log:q} 2>&1"


# Last of all: it has the hash of every other file, those of provenance.json and of the workflow's main file among them.
rule crate:
    input:
        script=script("write_crate"),
        sources=sources_of("write_crate"),
        snakefile=here(ROOT / "workflow" / "Snakefile"),
        files=[file for file in TIER_OUTPUTS if "/slices/" not in file],
    output:
        crate=CRATE[0],
        snakefile=CRATE[1],
    log:
        f"logs/{TIER}/crate.log",
    benchmark:
        f"logs/{TIER}/crate.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=python,
        options=f"--tier {TIER}",
    shell:
        "{params.python:q} {input.script:q} {params.options} --snakefile {input.snakefile:q} --files {input.files:q}"
        " --output {output.crate:q} > {log:q} 2>&1"


# The page holds the figures and what they draw, the claims, and the tables of the studies that its explorer shows.
rule site:
    input:
        script=script("make_site"),
        sources=sources_of("make_site"),
        templates=sorted(here(file) for file in (ROOT / "src/benign/pipeline/pages/templates").glob("site*.html.j2")),
        assets=sorted(here(file) for file in (ROOT / "src/benign/pipeline/site/assets").iterdir()),
        claims=f"results/{TIER}/claims.json",
        provenance=f"results/{TIER}/provenance.json",
        captions=[file for study in STUDIES for file in caption_files(study)],
        figures=[
            file
            for study in STUDIES
            for file in figure_files(study, "png", "csv", "gif") + picture_files(study, "png", "csv")
        ],
        tables=[f"results/{TIER}/{study}/table.csv" for study in STUDIES],
    output:
        report(f"results/{TIER}/site/index.html", caption="../report/site.rst", category="site"),
    log:
        f"logs/{TIER}/site.log",
    benchmark:
        f"logs/{TIER}/site.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        python=python,
        options=f"--tier {TIER}",
        results=lambda wildcards, input: Path(input.claims).parent,
        figures=lambda wildcards, input: Path(input.captions[0]).parents[1],
    shell:
        "{params.python:q} {input.script:q} {params.options} --results {params.results:q} --figures {params.figures:q}"
        " --output {output:q} > {log:q} 2>&1"


# What another run makes, asked for by name. Without this rule Snakemake would know none that makes it and not say why,
# or have nothing to do where it is there. Rules without wildcards go before it, and slices are left to theirs, so that
# a workflow may run two tiers as modules.
rule of_another_tier:
    input:
        refuse_tier,
    output:
        "{kind}/{tier}/{file}",
    wildcard_constraints:
        kind="results|figures",
        tier="|".join(tier for tier in settings.TIERS if tier != TIER),
        file="(?!.*/slices/).+",
