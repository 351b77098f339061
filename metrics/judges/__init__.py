"""The networks that judge. No protection and no video model may import this package."""
