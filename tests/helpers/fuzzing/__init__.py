"""Fuzzing: good files, cut up and put together again, through every reader and through the evaluation of policies.

``corpus`` collects what is mutated, ``mutators`` mutate it with a knowledge of the formats, ``making`` makes what has
to be new from scratch (calls of functions, policies), ``targets`` runs our code on a sample and says what must hold,
``running`` goes through numbered samples, and ``shrinking`` makes one that fails small.
"""
