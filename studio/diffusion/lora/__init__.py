"""LoRA: small files that change what a model's layers compute, put on and taken off exactly.

`keys` and `modules` read names, `forms` the algebra of each format, `reading` makes a `LoraFile`
of a file, `fitting` finds the layers it is for, `branches` and `slots` change a layer, `stack` all
layers of a model, and `live` is what the model store calls. `family` and `summary` say what a file
is from its header alone. `docs/lora.md` has the formats and their formulas.
"""
