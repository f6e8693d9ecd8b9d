"""The controls: pure functions from facts and settings to judgements, one module each; `registry` has them all."""
