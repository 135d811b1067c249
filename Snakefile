# As `include:` does, except that the first rule there stays the default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
