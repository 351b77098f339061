"""A run as one page that needs no network: ``antibench report``.

`page` puts it together; each other module is one part of it. Everything that comes from a run or a plugin is text:
Jinja escapes it, the scripts set it as `textContent`, and a policy in the page forbids whatever would be fetched.
"""
