"""The words of the product, found in its sources: what the catalogues of other languages must have.

`python -m tests.words` (or `make words`) brings `bot/messages/locale` up to date: new sentences come in without a
translation, those that no longer exist go. It names what is missing and ends with 1 while something is.
"""
