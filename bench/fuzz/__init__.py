"""A structure-aware fuzzer of the XML130 reader: `python -m bench.fuzz`. One seed and one number are one case."""
