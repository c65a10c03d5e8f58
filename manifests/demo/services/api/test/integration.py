"""Asks the api of this environment and writes what it found as JUnit."""

import json
import os
import unittest
import urllib.error
import urllib.request
from xml.sax.saxutils import quoteattr

API = os.environ.get("API_URL", "http://api")


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(API + path, data), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Api(unittest.TestCase):
    def test_places_come_from_ats(self):
        status, places = ask("/places")
        self.assertEqual(status, 200)
        self.assertIn("harbour", [place["name"] for place in places])

    def test_a_journey_waits_on_the_queue(self):
        status, journey = ask("/journeys", {"from": "harbour", "to": "station"})
        self.assertEqual((status, journey["state"]), (202, "waiting"))
        self.assertEqual(ask(f"/journeys/{journey['id']}")[0], 200)

    def test_a_journey_to_nowhere_is_refused(self):
        self.assertEqual(ask("/journeys", {"from": "harbour", "to": "atlantis"})[0], 404)


class Report(unittest.TextTestResult):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cases = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.cases.append(f"<testcase classname=\"api\" name={quoteattr(test._testMethodName)}/>")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        message = quoteattr(str(error[1]))
        self.cases.append(
            f"<testcase classname=\"api\" name={quoteattr(test._testMethodName)}><failure message={message}/></testcase>"
        )

    addError = addFailure


if __name__ == "__main__":
    result = unittest.TextTestRunner(resultclass=Report, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromTestCase(Api)
    )
    os.makedirs("test/results", exist_ok=True)
    failed = len(result.failures) + len(result.errors)
    with open("test/results/api.xml", "w", encoding="utf-8") as report:
        report.write(f'<testsuite name="api" tests="{len(result.cases)}" failures="{failed}">')
        report.writelines(result.cases)
        report.write("</testsuite>\n")
    raise SystemExit(0 if result.wasSuccessful() else 1)
