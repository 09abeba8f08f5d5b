"""The benchmark's own corpora, the runs that are measured on them, and the table and the plot made of that.

``python -m tests.benchmarks`` is the command; ``tests/benchmarks/README.md`` says what is measured.
"""
