# Raw inputs: each data set becomes one verified file, the same bytes every time.

# What MNIST's files have to be. (CIFAR-10's raw data are verified as they are read, against the published checksums.)
MNIST_SHA256 = {
    "sample": "c4379b71ae6687e17c874657b795098acfed1e7406278f08443b31686b8f7309",
    "download": "d16e212745bf7fa088ca1dd42c3387ec8f9494015123486cfc247cd5bed78f24",
}


rule fetch_mnist:
    input:
        script=script("fetch_data"),
        sources=sources_of("fetch_data"),
    output:
        ensure(
            "resources/mnist/{source}.safetensors",
            sha256=lambda wildcards: MNIST_SHA256[wildcards.source],
        ),
    log:
        "logs/data/mnist-{source}.log",
    benchmark:
        "logs/data/mnist-{source}.tsv"
    wildcard_constraints:
        source="sample|download",
    priority: 100
    retries: 2
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        python=python,
        cache=cache,
    shell:
        "{params.python:q} {input.script:q} --dataset mnist --source {wildcards.source}"
        " --cache {params.cache:q} --output {output:q} > {log:q} 2>&1"


rule fetch_cifar10:
    input:
        script=script("fetch_data"),
        sources=sources_of("fetch_data"),
    output:
        ensure("resources/cifar10/download.safetensors", non_empty=True),
    log:
        "logs/data/cifar10-download.log",
    benchmark:
        "logs/data/cifar10-download.tsv"
    priority: 100
    retries: 2
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        python=python,
        cache=cache,
    shell:
        "{params.python:q} {input.script:q} --dataset cifar10 --source download"
        " --cache {params.cache:q} --output {output:q} > {log:q} 2>&1"


rule read_folder:
    input:
        script=script("fetch_data"),
        sources=sources_of("fetch_data"),
    output:
        ensure("resources/{dataset}/{source}.safetensors", non_empty=True),
    log:
        "logs/data/{dataset}-{source}.log",
    benchmark:
        "logs/data/{dataset}-{source}.tsv"
    wildcard_constraints:
        source="folder-[0-9a-f]{8}",
    priority: 100
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        python=python,
        folder=lambda wildcards: settings.image_source(config, wildcards.dataset)[1],
    shell:
        "{params.python:q} {input.script:q} --dataset {wildcards.dataset} --source {params.folder:q}"
        " --output {output:q} > {log:q} 2>&1"
