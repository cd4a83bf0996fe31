"""What every tier shares: no test asserts on time, so no generated example has a deadline either."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
