"""REST over HTTP as every forge's client needs it: transport, bounded exchange, checked shapes, calls side by side."""
