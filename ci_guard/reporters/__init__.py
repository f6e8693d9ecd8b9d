"""Result in, text out: one module a format, one for escaping; the caller owns streams and files."""
