"""Journeys: put on the queue here, worked on by dispatch, kept in dispatch's store."""

import json
import os
import uuid

import redis

import upstream

ATS = os.environ.get("ATS_URL", "http://ats")
DISPATCH = os.environ.get("DISPATCH_URL", "http://dispatch")
QUEUE = "journeys"
HOUR = 3600

queue = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://local:6379"), socket_timeout=5)


class UnknownPlace(Exception):
    """ats does not know it."""


def place(name):
    """A place as ats tells it."""
    status, found = upstream.get(f"{ATS}/places/{name}")
    if status != 200:
        raise UnknownPlace(name)
    return found


def create(start, end):
    """Queues a journey and returns its id."""
    journey = {"id": uuid.uuid4().hex, "from": place(start), "to": place(end)}
    queue.set(f"journey:{journey['id']}", "waiting", ex=HOUR)
    queue.lpush(QUEUE, json.dumps(journey))
    return journey["id"]


def find(identity):
    """What is known of a journey, or None."""
    try:
        status, journey = upstream.get(f"{DISPATCH}/journeys/{identity}")
        if status == 200:
            return {"state": "done", **journey}
    except upstream.Unavailable:
        pass  # It can be asked again; until then the journey waits.
    if queue.exists(f"journey:{identity}"):
        return {"state": "waiting", "id": identity}
    return None
