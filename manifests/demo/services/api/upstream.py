"""Asking other services over HTTP."""

import json
import urllib.error
import urllib.request


class Unavailable(Exception):
    """The other service does not answer."""


def get(url):
    """Status and parsed JSON; raises Unavailable when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{url}: {error}") from error
