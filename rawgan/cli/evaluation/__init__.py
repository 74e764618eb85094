"""Reports of `rawgan evaluate`: tables, pictures and evaluation.json, one file for each kind of run."""
