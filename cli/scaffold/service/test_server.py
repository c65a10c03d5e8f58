import unittest

import server


class Answers(unittest.TestCase):
    def test_the_health_check_is_answered(self):
        self.assertEqual(server.answer("/services/ping"), (200, "pong"))

    def test_what_is_not_there_is_not_found(self):
        self.assertEqual(server.answer("/nothing")[0], 404)
