"""Studies and figures of the papers: code beside its settings files, run from a source tree.

``adaptoscope run experiments/.../FILE.yaml`` finds the code by the file's field `kind`. The
installed package holds none of it.
"""
