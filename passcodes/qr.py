"""Codes' QR; the drawing itself is anybody's."""

from healthpass.lib.qr import svg_path

__all__ = ["svg_path"]
